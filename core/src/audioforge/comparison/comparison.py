"""Two runs or more, beside each other: which settings differ, and what came of it.

Differences are paired: of the same utterances, of which speakers or utterances are drawn as for a
run's own intervals (`measuring.bootstrap`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import combinations
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from audioforge.comparison.entry import HELD_OUT, TEST, Entry, SetOutputs, named_apart, read_entry
from audioforge.comparison.figures import Figures, Pair, difference, figures_of
from audioforge.comparison.outputs import Lines, evaluation_of, metric_names, shared_ids
from audioforge.comparison.settings import differing_settings
from audioforge.comparison.utterances import Utterance, differing
from audioforge.errors import UsageError
from audioforge.measuring.remeasured import remeasured
from audioforge.plugins import discover
from audioforge.terminal.figures import percent


@frozen(eq=False)
class ComparedSet:
    """One set that all were measured on.

    Attributes:
        name: HELD_OUT or TEST.
        ids: The utterances that all have.
        left_out: Of each entry, how many of its utterances the others have not.
        figures: Of each entry, its metrics on these utterances.
        pairs: The differences of every two exported models.
        trained_pairs: The same of the best that was trained, exported or not; empty where that is
            the same, or not known.
        shown: Of each entry, the outputs that are shown utterance by utterance: of what it
            exported, or of what it trained where nobody exported that.
        utterances: The utterances on which these differ, most first.
    """

    name: str
    ids: Sequence[str]
    left_out: Sequence[int]
    figures: Sequence[Figures]
    pairs: Sequence[Pair]
    trained_pairs: Sequence[Pair]
    shown: Sequence[SetOutputs]
    utterances: Sequence[Utterance]


@frozen(eq=False)
class Comparison:
    """What a comparison came to.

    Attributes:
        entries: What is compared, by name.
        metric: The corpus metric that decides.
        higher_is_better: Whether more of it is better.
        settings: The settings that differ: the value of each entry, None where it has none.
        sets: What they were measured on.
        notes: What has to be known of it, in sentences.
    """

    entries: Sequence[Entry]
    metric: str
    higher_is_better: bool
    settings: Mapping[str, Sequence[str | None]]
    sets: Sequence[ComparedSet]
    notes: Sequence[str]

    def as_mapping(self) -> dict[str, Any]:
        """Return what `audioforge compare --json` prints; rates are fractions."""
        names = [entry.name for entry in self.entries]
        return {
            "metric": self.metric,
            "higher_is_better": self.higher_is_better,
            "runs": [
                {"name": e.name, "folder": str(e.folder), "kind": e.kind} for e in self.entries
            ],
            "settings": {
                name: dict(zip(names, values, strict=True))
                for name, values in self.settings.items()
            },
            "sets": [
                {
                    "set": one.name,
                    "n": len(one.ids),
                    "left_out": dict(zip(names, one.left_out, strict=True)),
                    "runs": {f.name: f.as_mapping() for f in one.figures},
                    "pairs": [pair.as_mapping() for pair in one.pairs],
                    "trained_pairs": [pair.as_mapping() for pair in one.trained_pairs],
                    "differing": len(one.utterances),
                    "utterances": [utterance.as_mapping(names) for utterance in one.utterances],
                }
                for one in self.sets
            ],
            "notes": list(self.notes),
        }


def compare(folders: Sequence[Path]) -> Comparison:
    """Compare what lies in folders.

    Args:
        folders: Run folders, folders of several seeds, or what benchmarks wrote.

    Raises:
        AudioForgeError: If one holds no result, or they share nothing to compare.
    """
    read = [read_entry(folder) for folder in folders]
    entries = [evolve(e, name=name) for e, name in zip(read, named_apart(read), strict=True)]
    first, *others = entries
    for entry in others:
        if entry.task != first.task:
            raise UsageError(
                f"{entry.name} is of task {entry.task} and {first.name} of {first.task}: "
                f"compare runs of one task"
            )
    notes = []
    for place, entry in enumerate(entries):
        entries[place], note = _measured_alike(entry, first)
        notes += [note] if note else []
    names = metric_names(lines for e in entries for lines in e.sets[HELD_OUT].all)
    if first.metric not in names:
        raise UsageError(
            f"{first.name} decides by {first.metric}, which not all of the others were measured "
            f"by; compare runs with one --metric"
        )
    sets = [_compared(HELD_OUT, entries, names)]
    if all(TEST in entry.sets for entry in entries):
        sets += [test] if (test := _compared(TEST, entries, names)).ids else []
    if not sets[0].ids:
        raise UsageError(
            f"{', '.join(e.name for e in entries)}: their held-out sets share no utterance (same "
            f"id and transcript); measure them on one set by audioforge benchmark --output"
        )
    notes += [note for one in sets if (note := _left_out(one, entries))]
    notes += _other_bases(entries, sets[0])
    return Comparison(
        entries, first.metric, first.higher_is_better, differing_settings(entries), sets, notes
    )


def _measured_alike(entry: Entry, first: Entry) -> tuple[Entry, str | None]:
    """Return an entry counted under the first one's normaliser, and a sentence if it was not."""
    systems = [lines for s in entry.sets.values() for lines in (*s.all, *s.trained)]
    lines = [line for lines in systems for line in lines.values()]
    told = all("measured" in line for line in lines)
    if told and entry.normalizer == first.normalizer:
        return entry, None
    registry = discover()

    def _anew(systems: Sequence[Lines]) -> list[Lines]:
        return [
            {
                line["id"]: line
                for line in remeasured(registry, own.values(), first.task, first.normalizer)
            }
            for own in systems
        ]

    sets = {
        name: SetOutputs(_anew(s.base), _anew(s.exported), _anew(s.trained))
        for name, s in entry.sets.items()
    }
    note = None
    if entry.normalizer != first.normalizer:
        note = (
            f"{entry.name} was measured under the normaliser {entry.normalizer}; here it is under "
            f"{first.normalizer}, as {first.name}."
        )
    return evolve(entry, sets=sets, normalizer=first.normalizer), note


def _compared(name: str, entries: Sequence[Entry], metrics: Set[str]) -> ComparedSet:
    """Compare all on the utterances of a set that they share."""
    first = entries[0]
    outputs = [entry.sets[name] for entry in entries]
    ids = shared_ids(lines for one in outputs for lines in one.all)
    left_out = [max(map(len, one.all)) - len(ids) for one in outputs]
    if not ids:
        return ComparedSet(name, ids, left_out, [], [], [], [], [])
    others = sorted(metrics - {first.metric})
    figures = [figures_of(e, name, ids, [first.metric, *others]) for e in entries]
    pairs = [
        Pair(one.name, other.name, difference(one.evaluation, other.evaluation))
        for one, other in combinations(figures, 2)
    ]
    trained = _trained_pairs(entries, ids) if name == HELD_OUT else []
    if trained and all(entry.kept_base for entry in entries):
        outputs = [evolve(one, exported=one.trained) for one in outputs]
    found = differing(outputs, ids, first.metric)
    return ComparedSet(name, ids, left_out, figures, pairs, trained, outputs, found)


def _trained_pairs(entries: Sequence[Entry], ids: Sequence[str]) -> list[Pair]:
    """Compare the best that was trained, of every two of which one did not export that."""
    trained = [entry.sets[HELD_OUT].trained for entry in entries]
    kept = {entry.name for entry in entries if entry.kept_base}
    whole = all(trained) and all(i in lines for own in trained for lines in own for i in ids)
    if not kept or not whole:
        return []
    first = entries[0]
    measured = {
        entry.name: evaluation_of(seeds, ids, first.metric, higher_is_better=first.higher_is_better)
        for entry, seeds in zip(entries, trained, strict=True)
    }
    return [
        Pair(one, other, difference(measured[one], measured[other]))
        for one, other in combinations(measured, 2)
        if {one, other} & kept
    ]


def _left_out(one: ComparedSet, entries: Sequence[Entry]) -> str | None:
    """Return a sentence about utterances that not all have."""
    counts = [f"{n:,} of {e.name}" for n, e in zip(one.left_out, entries, strict=True) if n]
    if not counts:
        return None
    return (
        f"The {one.name} sets differ: compared on the {len(one.ids):,} utterances that all share; "
        f"left out are {', '.join(counts)}."
    )


def _other_bases(entries: Sequence[Entry], held_out: ComparedSet) -> list[str]:
    """Return a sentence for each run whose base measures otherwise than the first one's.

    Those of one model name are meant: the gains of two such runs are not over one base.
    """
    first, *others = zip(entries, held_out.figures, strict=True)
    metric = first[0].metric
    notes = []
    for entry, figures in others:
        if not figures.base or not first[1].base:
            continue
        values = [one.base[metric].value for one in (first[1], figures)]
        name = entry.settings.get("model_name")
        if name == first[0].settings.get("model_name") and values[0] != values[1]:
            notes.append(
                f"{first[0].name} and {entry.name} name one model, yet their bases differ "
                f"({percent(values[0])} and {percent(values[1])}): another version or other "
                f"settings decoded them, or the checkpoint changed. Compare what they exported, "
                f"not their gains."
            )
    return notes
