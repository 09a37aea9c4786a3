"""What a comparison says, in sentences that stand by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from audioforge.comparison.comparison import ComparedSet, Comparison
from audioforge.comparison.entry import HELD_OUT, Entry
from audioforge.comparison.figures import Difference, Figures, Pair
from audioforge.comparison.outputs import Lines
from audioforge.comparison.utterances import Said
from audioforge.measuring.enough_utterances import FEWEST
from audioforge.measuring.resampling import claimed_speakers
from audioforge.terminal.figures import percent, point_interval
from audioforge.verifier import CorpusMetric

PER_HUNDRED = {
    "wer": "errors per 100 words",
    "cer": "errors per 100 characters",
    "mer": "errors per 100 words and characters",
}
"""What a rate of errors counts, in words; other metrics are told in points."""

WORDS = {"wer": "words", "cer": "characters", "mer": "units"}
"""What such a rate is divided by."""


def title(metric: str) -> str:
    """Return a metric's name as tables show it."""
    return CorpusMetric(metric, (), "", higher_is_better=True).title


def verdicts(comparison: Comparison, one: ComparedSet) -> list[str]:
    """Return a sentence for each entry that was trained, and one for every two entries."""
    told: list[str] = []
    kept: dict[str, list[str]] = {}
    if one.name == HELD_OUT:
        own = list(zip(comparison.entries, one.figures, strict=True))
        kept = {e.name: _kept_its_base(e, f, comparison, one) for e, f in own}
        told += [s for e, f in own if (s := _of_training(e, f, comparison.metric, kept[e.name]))]
    told += [
        _of_exported(pair, comparison)
        for pair in one.pairs
        if pair.second not in kept.get(pair.first, ())
        and pair.first not in kept.get(pair.second, ())
    ]
    return told + [_of_trained(pair, comparison) for pair in one.trained_pairs]


def caveats(comparison: Comparison) -> list[str]:
    """Return what the figures are about, and what limits them."""
    notes = list(comparison.notes)
    held_out = comparison.sets[0]
    told = [pair.difference for pair in held_out.pairs if pair.difference is not None]
    if told:
        about = claimed_speakers(dict(told[0].resampled))
        notes.append(f"95 % intervals of differences are paired by utterance, {about}.")
    if len(comparison.sets) == 1 and any(entry.summaries for entry in comparison.entries):
        notes.append(
            "The held-out utterances also chose which cycle each run exported; a test set that "
            "all runs share (--test-dataset) would be independent."
        )
    return notes


def shown_models(comparison: Comparison, one: ComparedSet) -> str:
    """Return which models are shown utterance by utterance."""
    exported = [entry.sets[one.name].exported for entry in comparison.entries]
    if all(set_.exported is own for set_, own in zip(one.shown, exported, strict=True)):
        return "Shown is what the exported models say."
    return "Nobody exported what it trained; shown is what that says."


def amount(difference: float, metric: str) -> str:
    """Return a difference with its unit.

    >>> amount(-0.123, "wer"), amount(0.05, "accuracy")
    ('12.3 fewer errors per 100 words', '5.0 points more accuracy')
    """
    size, less = f"{100 * abs(difference):.1f}", difference < 0
    if metric in PER_HUNDRED:
        return f"{size} {'fewer' if less else 'more'} {PER_HUNDRED[metric]}"
    return f"{size} points {'less' if less else 'more'} {title(metric)}"


def bounds(interval: Sequence[float], metric: str) -> str:
    """Return the bounds of a difference, the nearer to 0 first where they are on one side of it.

    >>> bounds((-0.152, -0.08), "wer"), bounds((-0.021, 0.009), "accuracy")
    ('8.0 to 15.2 fewer', '2.1 less to 0.9 more')
    """
    less = "fewer" if metric in PER_HUNDRED else "less"
    low, high = interval
    if low < 0 < high:
        return f"{-100 * low:.1f} {less} to {100 * high:.1f} more"
    near, far = sorted((abs(low), abs(high)))
    return f"{100 * near:.1f} to {100 * far:.1f} {less if high <= 0 else 'more'}"


def fewer_utterances(one: ComparedSet, metric: str) -> str:
    """Return of how many utterances a metric is; nothing where it is of all."""
    figures = [f for own in one.figures for f in (own.base.get(metric), own.exported[metric]) if f]
    fewest, most = (least(figure.n for figure in figures) for least in (min, max))
    if fewest == len(one.ids):
        return ""
    count = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    return f"{count} of {len(one.ids):,} utterances"


def _kept_its_base(
    entry: Entry, figures: Figures, comparison: Comparison, one: ComparedSet
) -> list[str]:
    """Return the entries that exported the base of one that improved.

    Against them its gain is its difference: that is told once, by the run's own interval.
    """
    base = entry.sets[one.name].base
    if entry.kept_base or figures.gain is None or not figures.gain.is_told:
        return []
    return [
        other.name
        for other in comparison.entries
        if other.kept_base and _said_alike(base, other.sets[one.name].exported, one.ids)
    ]


def _said_alike(own: Sequence[Lines], theirs: Sequence[Lines], ids: Sequence[str]) -> bool:
    """Whether every seed of both said the same of each utterance."""
    first = own[0]
    keys = ("pred_text", "measured")
    return all(
        lines[i].get(key) == first[i].get(key)
        for lines in (*own, *theirs)
        for i in ids
        for key in keys
    )


def _of_training(entry: Entry, figures: Figures, metric: str, kept: Sequence[str]) -> str | None:
    """Return what training came to; None for what was not trained here.

    Args:
        entry: What was trained.
        figures: What it measures.
        metric: The metric that decides.
        kept: Names of those that exported its base.
    """
    if not entry.summaries or figures.gain is None:
        return None
    count, improved = len(entry.summaries), sum(s["improved"] for s in entry.summaries)
    if improved:
        of = "" if count == 1 else f", {improved} of {count} seeds"
        same = f", which is what {' and '.join(kept)} kept" if kept else ""
        return (
            f"{entry.name} improved{of}: what it exported {_verb(metric)} "
            f"{_change(figures.gain, metric)} than its base{same}."
        )
    if count > 1:
        return f"{entry.name}: none of {count} seeds improved; all exported the base unchanged."
    rejected, came_to = entry.summaries[0]["best"]["rejected"], ""
    if rejected is not None and entry.metric in rejected:
        bounds_of = point_interval(*rejected["difference_ci95"])
        came_to = (
            f" ({title(entry.metric)} {percent(rejected[entry.metric])} after training: "
            f"{bounds_of} points, 95 %)"
        )
    return f"{entry.name} did not improve{came_to}; it exported its base unchanged."


def _of_exported(pair: Pair, comparison: Comparison) -> str:
    """Return how what two entries exported compares."""
    kept = {entry.name for entry in comparison.entries if entry.kept_base}
    if {pair.first, pair.second} <= kept and pair.is_equal:
        return f"{pair.first} and {pair.second} kept the same base: they exported one model."
    names = [f"the base that {n} kept" if n in kept else n for n in (pair.first, pair.second)]
    return _of_pair(pair, names, comparison)


def _of_trained(pair: Pair, comparison: Comparison) -> str:
    """Return how the best that two entries trained compares."""
    names = [f"what {name} trained" for name in (pair.first, pair.second)]
    return f"Whether exported or not, {_of_pair(pair, names, comparison, starts=False)}"


def _of_pair(
    pair: Pair, names: Sequence[str], comparison: Comparison, *, starts: bool = True
) -> str:
    """Return which of two is better, the better one first.

    Args:
        pair: The two.
        names: What they are called.
        comparison: What they are of.
        starts: Whether a sentence starts with it.
    """
    sentence = _told(pair, names, comparison)
    is_name = sentence.startswith((pair.first, pair.second))
    return f"{sentence[0].upper()}{sentence[1:]}" if starts and not is_name else sentence


def _told(pair: Pair, names: Sequence[str], comparison: Comparison) -> str:
    metric, found = comparison.metric, pair.difference
    better, worse = names
    if found is None:
        return f"{better} and {worse}: no utterance was measured in both."
    if pair.is_equal:
        return f"{better} and {worse} do not differ: 0.0 {PER_HUNDRED.get(metric, 'points')}."
    value, interval = found.value, found.interval
    if (value > 0) != comparison.higher_is_better:
        better, worse = worse, better
        value, interval = -value, (-interval[1], -interval[0])
    told = (
        f"{better} {_verb(metric)} {amount(value, metric)} than {worse} "
        f"(95 %: {bounds(interval, metric)})"
    )
    if found.drawn < FEWEST:
        return f"{told}: {found.drawn} utterances cannot tell it from chance."
    if found.is_told:
        return f"{told}, outside the interval."
    return f"{better} and {worse} cannot be told apart: {told}."


def _change(gain: Difference, metric: str) -> str:
    return f"{amount(gain.value, metric)} (95 %: {bounds(gain.interval, metric)})"


def _verb(metric: str) -> str:
    return "makes" if metric in PER_HUNDRED else "has"


def counted(said: Said, metric: str) -> str:
    """Return what an output adds to a metric, in words.

    >>> from audioforge.comparison.utterances import Said
    >>> counted(Said([{}], (2.0, 7.0)), "wer")
    '2 errors in 7 words'
    >>> counted(Said([{"correct": True}, {"correct": False}], (0.5, 1.0)), "accuracy")
    'right in 1 of 2 seeds'
    """
    if said.parts is None:
        return "not measured"
    number, of = said.parts
    right = [line["correct"] for line in said.lines if "correct" in line]
    if right:
        of_seeds = "" if len(right) == 1 else f" in {sum(right)} of {len(right)} seeds"
        return f"right{of_seeds}" if any(right) else "wrong"
    if metric in WORDS:
        errors = "error" if number == 1 else "errors"
        return (
            f"{number:.3g} {errors} in {of:.3g} {WORDS[metric] if of != 1 else WORDS[metric][:-1]}"
        )
    return f"{title(metric)} {number / of:.3g}" if of else "not measured"
