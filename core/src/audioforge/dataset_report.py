"""What a dataset holds: durations, rates, speakers, and everything that cannot be used."""

from __future__ import annotations

from array import array
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from attrs import define, field

from audioforge.audio import SEGMENT_SLACK_SECONDS, Facts, examine
from audioforge.errors import AudioError
from audioforge.measuring.style import StyleCount
from audioforge.run.data.special_tokens import special_tokens_problem
from audioforge.sample import AudioSample, Problem

FIRST_PROBLEMS = 10
"""How many problems are named; the others are counted."""

STATED_SLACK = 0.01
"""By how much a clip may be shorter or longer than the dataset states, as a part of it."""


@define
class DatasetReport:
    """The sums over the samples seen so far.

    Attributes:
        samples: How many clips can be used.
        durations: Length of each of these clips, in seconds.
        sampling_rates: Number of clips by rate in Hz.
        speakers: Every speaker.
        languages: Number of clips by language.
        labels: Number of clips by label.
        with_reference: How many clips have a transcript that is not empty.
        style: In how many of these are capitals, small letters and punctuation.
        problem_kinds: Number of problems by kind.
        first_problems: The first of the problems.
        example: The first clip that can be used.
    """

    samples: int = 0
    durations: array[float] = field(factory=lambda: array("d"))
    sampling_rates: Counter[int] = field(factory=Counter)
    speakers: set[str] = field(factory=set)
    languages: Counter[str] = field(factory=Counter)
    labels: Counter[str] = field(factory=Counter)
    with_reference: int = 0
    style: StyleCount = field(factory=StyleCount)
    problem_kinds: Counter[str] = field(factory=Counter)
    first_problems: list[Problem] = field(factory=list)
    example: dict[str, Any] | None = None
    _ids: set[int] = field(factory=set, init=False)

    def add(self, item: AudioSample | Problem) -> None:
        """Take one thing that a dataset yields; the sound of a sample is decoded in full."""
        if isinstance(item, Problem):
            self._add_problem(item)
            return
        if (problem := special_tokens_problem(item)) is not None:
            self._add_problem(problem)
            return
        # 64 bits of each id: two of a million are the same with a probability of 3e-8.
        if (key := hash(item.id)) in self._ids:
            reason = (
                f"the id {item.id!r} is taken by an earlier clip; train and benchmark refuse it"
            )
            self._add_problem(Problem(item.place, reason, "duplicate id"))
            return
        self._ids.add(key)
        try:
            facts = examine(item)
        except AudioError as error:
            # The error's message names the clip, as `where` does.
            reason = str(error).removeprefix(f"{item.origin}: ")
            self._add_problem(Problem(item.place, reason, error.kind))
            return
        self._add_sample(item, facts)

    def _add_problem(self, problem: Problem) -> None:
        self.problem_kinds[problem.kind] += 1
        if len(self.first_problems) < FIRST_PROBLEMS:
            self.first_problems.append(problem)

    def _add_sample(self, sample: AudioSample, facts: Facts) -> None:
        self.samples += 1
        self.durations.append(facts.seconds)
        self.sampling_rates[facts.sampling_rate] += 1
        self.labels.update(sample.labels)
        if sample.speaker is not None:
            self.speakers.add(sample.speaker)
        if sample.language is not None:
            self.languages[sample.language] += 1
        if (sample.reference or "").strip():
            self.with_reference += 1
            self.style.add(sample.reference or "")
        elif not sample.labels:
            reason = "neither a transcript nor a label to score with"
            if sample.reference is not None:
                reason = "its text says that nothing is said; where it is only unknown, write null"
            self._doubt(sample, "empty reference", reason)
        if facts.is_silent:
            self._doubt(sample, "silent", "every sample is 0")
        if _differs(sample, facts.seconds):
            stated = f"{facts.seconds:g} s long, where {sample.duration:g} s are stated"
            self._doubt(sample, "other length", stated)
        if self.example is None:
            self.example = describe(sample, facts)

    def _doubt(self, sample: AudioSample, kind: str, reason: str) -> None:
        """Name a clip that can be used, and that somebody should look at."""
        self._add_problem(Problem(sample.place, reason, kind))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values; durations in seconds, rates in Hz."""
        durations = self.durations
        return {
            "samples": self.samples,
            "hours": sum(durations) / 3600,
            "seconds": {
                "min": min(durations, default=None),
                "median": median(durations) if durations else None,
                "max": max(durations, default=None),
            },
            "sampling_rates": {str(rate): n for rate, n in self.sampling_rates.most_common()},
            "speakers": len(self.speakers),
            "languages": dict(self.languages.most_common()),
            "labels": dict(self.labels.most_common()),
            "with_reference": self.with_reference,
            "style": self.style.shares,
            "problems": {
                "n": self.problem_kinds.total(),
                "kinds": dict(self.problem_kinds.most_common()),
                "first": [
                    {"where": p.where, "reason": p.reason, "kind": p.kind}
                    for p in self.first_problems
                ],
            },
            "example": self.example,
        }


def _differs(sample: AudioSample, seconds: float) -> bool:
    """Say whether a whole file is not as long as its dataset states: cut, or another recording."""
    if sample.offset is not None or sample.duration is None:
        return False
    slack = max(SEGMENT_SLACK_SECONDS, STATED_SLACK * sample.duration)
    return abs(seconds - sample.duration) > slack


def describe(sample: AudioSample, facts: Facts) -> dict[str, Any]:
    """Return what a sample looks like; its length and rate are the decoded ones."""
    audio = sample.audio
    return {
        "id": sample.id,
        "audio": str(audio) if isinstance(audio, Path) else f"{_size(audio)} in memory",
        "seconds": facts.seconds,
        "sampling_rate": facts.sampling_rate,
        "reference": sample.reference,
        "labels": list(sample.labels),
        "speaker": sample.speaker,
        "language": sample.language,
        "metadata": sorted(sample.metadata),
    }


def _size(audio: bytes | np.ndarray | None) -> str:
    if isinstance(audio, np.ndarray):
        return f"{len(audio)} frames"
    return f"{len(audio or b'')} bytes"
