"""What is kept: held-out figures of every run, test figures of the chosen ones, and pairs of them.

Rates are fractions. What is not trained or not measured yet is missing. What OUT does not hold any
more is taken from what was kept of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from attrs import frozen

from real_speech.arms import COFFEE, NONNATIVE, TESTED, Arm
from real_speech.kept import keep_record, keep_summary, summary_of
from real_speech.measuring import (
    NOISY,
    POINT,
    READ_SPEECH,
    WITH_FALLBACK,
    base_folder,
    run_folder,
)
from real_speech.outcome import best_trained, seconds
from real_speech.paired import Measured, spread
from real_speech.plan import Setup, commands, stages

READ = {name: (name,) for name in READ_SPEECH}
SETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    NONNATIVE: {
        "all": ("adults", "children"),
        "adults": ("adults",),
        "children": ("children",),
        **READ,
    },
    COFFEE: {"orders": ("orders",), NOISY: (NOISY,), **READ},
}
"""The rows of a corpus' test: a name, and the sets that it takes together."""
METRICS = {
    NONNATIVE: ("wer", "wer_without_runaway", "runaway"),
    COFFEE: ("slot_f1", "orders_right", "wer"),
}
COMPARED = ("wer", "slot_f1", "orders_right")
PAIRS = (
    ("RAFT", "random"),
    ("RAFT", "base, fallback"),
    ("RAFT", "transcripts"),
    ("other objective", "RAFT"),
    ("RAFT, hot first cycle", "RAFT"),
    ("no label: consensus", "random"),
    ("RAFT and transcripts at once", "transcripts"),
    ("RAFT and transcripts at once", "RAFT"),
    ("transcripts, then reward", "transcripts"),
    ("transcripts, then reward", "transcripts, then transcripts"),
    ("slots", "slots: transcripts"),
    ("slots", "slots: random"),
    ("slots, noise", "slots"),
)
"""What is compared, beside everything with the base: an arm, and what it has to beat."""


@frozen
class Subject:
    """What a row of the test tables is of: the base, or the runs of an arm.

    Attributes:
        name: How tables call it.
        corpus: Whose test sets it is measured on.
        folders: Where its measurements are, one for each seed.
    """

    name: str
    corpus: str
    folders: tuple[Path, ...]


def subjects(corpus: str, seeds: Sequence[int], setup: Setup) -> list[Subject]:
    """Return what the test tables of a corpus have rows of; the base comes first."""
    found = [Subject("base", corpus, (base_folder(setup, corpus),))]
    if corpus == NONNATIVE:
        fallback = base_folder(setup, corpus, WITH_FALLBACK)
        found.append(Subject("base, fallback", corpus, (fallback,)))
    arms = [arm for arm in TESTED if arm.corpus == corpus]
    for arm in arms:
        own = seeds if arm.is_main else seeds[:1]
        folders = tuple(run_folder(arm, seed, setup) for seed in own)
        found.append(Subject(arm.name, corpus, folders))
    for arm in arms:
        halfway = run_folder(arm, seeds[0], setup, point=POINT)
        found.append(Subject(f"{arm.name}, {POINT:g} of the way", corpus, (halfway,)))
    return found


def keep(arms: Sequence[Arm], seeds: Sequence[int], setup: Setup) -> None:
    """Keep all that was trained and measured in OUT; what was kept before and is not there stays.

    Raises:
        ValueError: If something was measured on other utterances than before.
    """
    for arm in arms:
        for seed in seeds if arm.is_main else seeds[:1]:
            for stage in stages(arm, seed, setup):
                keep_summary(stage.folder, setup)
    for corpus, rows in SETS.items():
        names = dict.fromkeys(name for sets in rows.values() for name in sets)
        for subject in subjects(corpus, seeds, setup):
            for folder in subject.folders:
                for name in names:
                    keep_record(folder / f"{name}.json", setup)


def collect(arms: Sequence[Arm], seeds: Sequence[int], setup: Setup) -> dict[str, Any]:
    """Return all that was trained and measured so far, as JSON holds it."""
    known = {corpus: subjects(corpus, seeds, setup) for corpus in SETS}
    planned = [(arm, seeds if arm.is_main else seeds[:1]) for arm in arms]
    rows = [_heldout(arm, own, setup) for arm, own in planned]
    return {
        "seconds": _seconds(planned, setup),
        "heldout": [row for row in rows if row is not None],
        "test": [
            row
            for base, *others in known.values()
            for subject in (base, *others)
            for row in _test(subject, None if subject is base else base, setup)
        ],
        "pairs": [row for pair in PAIRS for row in _pair(*pair, known, setup)],
    }


def _seconds(planned: Sequence[tuple[Arm, Sequence[int]]], setup: Setup) -> float:
    """Return what the cycles of all finished runs took, each run counted once."""
    runs = {
        stage.folder
        for arm, seeds in planned
        for seed in seeds
        for stage in stages(arm, seed, setup)
    }
    summaries = (summary_of(folder, setup) for folder in runs)
    return sum(seconds(summary) for summary in summaries if summary is not None)


def _heldout(arm: Arm, seeds: Sequence[int], setup: Setup) -> dict[str, Any] | None:
    """Return what the runs of an arm came to on held-out clips; None where none is finished."""
    runs = [run for seed in seeds if (run := _run(arm, seed, setup))]
    if not runs:
        return None
    return {
        "arm": arm.name,
        "corpus": arm.corpus,
        "stages": list(arm.stages),
        "reads": arm.reads,
        "is_main": arm.is_main,
        "metric": runs[0]["metric"],
        **spread([run["value"] for run in runs]),
        "seconds": fmean(run["seconds"] for run in runs),
        "runs": runs,
        "commands": commands(arm, [run["seed"] for run in runs]),
    }


def _run(arm: Arm, seed: int, setup: Setup) -> dict[str, Any] | None:
    """Return what an arm came to with a seed; None where its last run is not finished."""
    summaries = [summary_of(stage.folder, setup) for stage in stages(arm, seed, setup)]
    first, last = summaries[0], summaries[-1]
    if first is None or last is None:
        return None
    metric, best = last["metric"], best_trained(last)
    return {
        "seed": seed,
        "metric": metric,
        "base": first["base"][metric],
        "began": last["base"][metric],
        "value": best[metric],
        "difference_ci95": best["difference_ci95"],
        "cycle": best["cycle"],
        "exported": last["improved"],
        "cycles": [cycle[metric] for cycle in last["cycles"]],
        "cut": best["cut"],
        "learnability": last["learnability"],
        "seconds": sum(seconds(summary) for summary in summaries if summary is not None),
    }


def _test(subject: Subject, base: Subject | None, setup: Setup) -> Iterator[dict[str, Any]]:
    """Yield a row for each set and metric, beside what the base has there."""
    for name, sets, metric in _rows(subject.corpus):
        own = Measured.read(subject.folders, sets, metric, setup)
        if own is None:
            continue
        other = None if base is None else Measured.read(base.folders, sets, metric, setup)
        row = {"subject": subject.name, "corpus": subject.corpus, "set": name, "metric": metric}
        yield row | own.as_mapping() | ({} if other is None else own.against(other))


def _pair(
    name: str, against: str, known: dict[str, list[Subject]], setup: Setup
) -> Iterator[dict[str, Any]]:
    """Yield how an arm compares with another on each set and metric that both have."""
    everything = [subject for found in known.values() for subject in found]
    subject, other = (next(s for s in everything if s.name == n) for n in (name, against))
    for set_name, sets, metric in _rows(subject.corpus):
        if metric not in COMPARED:
            continue
        own, theirs = (Measured.read(s.folders, sets, metric, setup) for s in (subject, other))
        if own is not None and theirs is not None:
            row = {"subject": name, "against": against, "set": set_name, "metric": metric}
            yield row | own.against(theirs)


def _rows(corpus: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield what the test of a corpus has figures of: name, sets, metric."""
    for name, sets in SETS[corpus].items():
        for metric in ("wer",) if name in READ_SPEECH else METRICS[corpus]:
            yield name, sets, metric
