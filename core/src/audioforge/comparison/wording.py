"""What a comparison says, in sentences that stand by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from audioforge.comparison.comparison import ComparedSet, Comparison
from audioforge.comparison.entry import HELD_OUT, Entry
from audioforge.comparison.figures import Difference, Figures, Pair
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
    own = [
        _of_training(e, f, comparison) for e, f in zip(comparison.entries, one.figures, strict=True)
    ]
    told = [sentence for sentence in own if sentence] if one.name == HELD_OUT else []
    return [*told, *(_of_pair(pair, comparison) for pair in one.pairs)]


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


def _of_training(entry: Entry, figures: Figures, comparison: Comparison) -> str | None:
    """Return what training came to; None for what was not trained here."""
    if not entry.summaries or figures.gain is None:
        return None
    metric = comparison.metric
    if entry.kind == "seeds":
        improved = sum(summary["improved"] for summary in entry.summaries)
        count = len(entry.summaries)
        head = f"{entry.name}: {improved} of {count} seeds improved; in the mean the exported "
        return f"{head}models make {_change(figures.gain, metric)} than the base."
    if not entry.kept_base:
        return (
            f"{entry.name} improved: its exported model {_verb(metric)} "
            f"{_change(figures.gain, metric)} than its base."
        )
    rejected = entry.summaries[0]["best"]["rejected"]
    trained = ""
    if rejected is not None and entry.metric in rejected:
        low, high = rejected["difference_ci95"]
        trained = (
            f" (what training came to: {title(entry.metric)} {percent(rejected[entry.metric])}, "
            f"which is {point_interval(low, high)} points, 95 %)"
        )
    return f"{entry.name} did not improve{trained}, so that it exported its base unchanged."


def _of_pair(pair: Pair, comparison: Comparison) -> str:
    """Return which of two is better, the better one first."""
    sentence = _told(pair, comparison)
    return f"T{sentence[1:]}" if sentence.startswith("the base that") else sentence


def _told(pair: Pair, comparison: Comparison) -> str:
    metric, found = comparison.metric, pair.difference
    if found is None:
        return f"{pair.first} and {pair.second}: no utterance was measured in both."
    names = [_with_base(name, comparison) for name in (pair.first, pair.second)]
    if found.value == 0 and found.interval == (0.0, 0.0):
        return f"{names[0]} and {names[1]} make the same errors."
    value, interval = found.value, found.interval
    if (value > 0) != comparison.higher_is_better:  # the second is the better one
        names.reverse()
        value, interval = -value, (-interval[1], -interval[0])
    told = f"{amount(value, metric)} than {names[1]} (95 %: {bounds(interval, metric)})"
    if found.drawn < FEWEST:
        why = f"{found.drawn} utterances cannot tell it from chance"
        return f"{names[0]} {_verb(metric)} {told}: {why}."
    if found.is_told:
        return f"{names[0]} {_verb(metric)} {told}, outside the interval."
    return f"{names[0]} and {names[1]} cannot be told apart: {names[0]} {_verb(metric)} {told}."


def _with_base(name: str, comparison: Comparison) -> str:
    """Return what stands for an entry's exported model."""
    kept = any(entry.name == name and entry.kept_base for entry in comparison.entries)
    return f"the base that {name} kept" if kept else name


def _change(gain: Difference, metric: str) -> str:
    return f"{amount(gain.value, metric)} (95 %: {bounds(gain.interval, metric)})"


def _verb(metric: str) -> str:
    return "makes" if metric in PER_HUNDRED else "has"


def counted(said: Said, metric: str) -> str:
    """Return what an output adds to a metric, in words.

    >>> from audioforge.comparison.utterances import Said
    >>> counted(Said([{}], (2.0, 7.0)), "wer"), counted(Said([{}], (1.0, 1.0)), "accuracy")
    ('2 errors in 7 words', 'accuracy 1')
    """
    if said.parts is None:
        return "not measured"
    number, of = said.parts
    if metric in WORDS:
        errors = "error" if number == 1 else "errors"
        return (
            f"{number:.3g} {errors} in {of:.3g} {WORDS[metric] if of != 1 else WORDS[metric][:-1]}"
        )
    return f"{title(metric)} {number / of:.3g}" if of else "not measured"
