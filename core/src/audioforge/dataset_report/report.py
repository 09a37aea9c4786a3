"""What a dataset holds: durations, rates, speakers, and everything that somebody should look at."""

from __future__ import annotations

from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define, field

from audioforge.audio import SEGMENT_SLACK_SECONDS, Facts, examine
from audioforge.dataset_report.fit import ModelFit
from audioforge.dataset_report.problems import Problems
from audioforge.dataset_report.sounds import SeenSounds
from audioforge.dataset_report.speakers import Speakers
from audioforge.errors import AudioError
from audioforge.measuring.style import StyleCount
from audioforge.run.data.special_tokens import special_tokens_problem
from audioforge.sample import AudioSample, Problem

EXAMPLES = 3
"""How many clips are shown."""

EMPTY_REFERENCE = "empty reference"

STATED_SLACK = 0.01
"""By how much a clip may be shorter or longer than the dataset states, as a part of it."""


@define
class DatasetReport:
    """The sums over the samples seen so far.

    Attributes:
        decode: So many clips are decoded in full; of the others only the headers are read. None for
            all.
        fit: What a model cannot take of them; None where none was named.
        strict: Whether clips without a transcript are a problem even where none has one.
        rows: How many things the dataset has yielded, of use or not.
        decoded: How many clips were decoded in full.
        durations: Length of each clip that can be used, in seconds.
        sampling_rates: Number of clips by rate in Hz.
        channels: Number of clips by how many channels they have.
        speakers: Who speaks.
        languages: Number of clips by language.
        labels: Number of clips by label.
        with_reference: How many clips have a transcript that is not empty.
        style: In how many of these are capitals, small letters and punctuation.
        problems: What was found wrong.
        examples: The first clips that can be used.
    """

    decode: int | None = None
    fit: ModelFit | None = None
    strict: bool = False
    rows: int = 0
    decoded: int = 0
    durations: array[float] = field(factory=lambda: array("d"))
    sampling_rates: Counter[int] = field(factory=Counter)
    channels: Counter[int] = field(factory=Counter)
    speakers: Speakers = field(factory=Speakers)
    languages: Counter[str] = field(factory=Counter)
    labels: Counter[str] = field(factory=Counter)
    with_reference: int = 0
    style: StyleCount = field(factory=StyleCount)
    problems: Problems = field(factory=Problems)
    examples: list[dict[str, Any]] = field(factory=list)
    _has_references: bool = field(default=False, init=False)
    _ids: set[int] = field(factory=set, init=False)
    _sounds: SeenSounds = field(factory=SeenSounds, init=False)

    def add(self, item: AudioSample | Problem) -> None:
        """Take one thing that a dataset yields."""
        self.rows += 1
        if isinstance(item, Problem):
            self.problems.add(item)
            return
        self._has_references |= item.reference is not None or bool(item.labels)
        if (problem := special_tokens_problem(item)) is not None:
            self.problems.add(problem)
            return
        # 64 bits of each id: two of a million are the same with a probability of 3e-8.
        if (key := hash(item.id)) in self._ids:
            reason = (
                f"the id {item.id!r} is taken by an earlier clip; train and benchmark refuse it"
            )
            self._doubt(item, "duplicate id", reason)
            return
        self._ids.add(key)
        decode = self.decode is None or self.decoded < self.decode
        try:
            facts = examine(item, decode=decode)
        except AudioError as error:
            # The error's message names the clip, as `where` does.
            self._doubt(item, error.kind, str(error).removeprefix(f"{item.origin}: "))
            return
        finally:
            self.decoded += decode
        self._add_sample(item, facts)

    def _add_sample(self, sample: AudioSample, facts: Facts) -> None:
        self.durations.append(facts.seconds)
        self.sampling_rates[facts.sampling_rate] += 1
        self.channels[facts.channels] += 1
        self.speakers.add(sample)
        self.labels.update(sample.labels)
        if sample.language is not None:
            self.languages[sample.language] += 1
        self._add_text(sample, facts)
        if _differs(sample, facts.seconds):
            stated = f"{facts.seconds:g} s long, where {sample.duration:g} s are stated"
            self._doubt(sample, "other length", stated)
        self._add_sound(sample, decoded=facts.is_silent is not None)
        if self.fit is not None:
            for misfit in self.fit.misfits(sample, facts.seconds):
                self._doubt(sample, misfit.kind, misfit.reason)
        if len(self.examples) < EXAMPLES:
            self.examples.append(describe(sample, facts))

    def _add_text(self, sample: AudioSample, facts: Facts) -> None:
        nothing_said = sample.reference is not None and not sample.reference.strip()
        if (sample.reference or "").strip():
            self.with_reference += 1
            self.style.add(sample.reference or "")
        elif not (sample.labels or nothing_said):
            reason = "neither a transcript nor a label to score with"
            self._doubt(sample, EMPTY_REFERENCE, reason)
        if facts.is_silent and not nothing_said:
            self._doubt(sample, "silent", "every sample is 0")

    def _add_sound(self, sample: AudioSample, *, decoded: bool) -> None:
        """Look whether the sound was there before; arrays and bytes are in memory anyway."""
        at_hand = decoded or not isinstance(sample.audio, Path)
        earlier = self._sounds.add(sample, self.rows, with_content=at_hand)
        if earlier is None:
            return
        row, same_answer = earlier
        if same_answer:
            self._doubt(sample, "same sound", f"row {row} has the same sound")
            return
        said = sample.reference if sample.reference is not None else ", ".join(sample.labels)
        self._doubt(
            sample, "two texts", f"row {row} has the same sound with another text than {said!r:.60}"
        )

    def _doubt(self, sample: AudioSample, kind: str, reason: str) -> None:
        self.problems.add(Problem(sample.place, reason, kind))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values; durations in seconds, rates in Hz."""
        durations = np.asarray(self.durations)
        problems = self.problems.with_those(self.speakers.problems())
        if not (self._has_references or self.strict):  # sound alone, to be written down or judged
            problems = problems.without(EMPTY_REFERENCE)
        return {
            "samples": len(durations),
            "rows": self.rows,
            "decoded": self.decoded,
            "hours": float(durations.sum()) / 3600,
            "seconds": _distribution(durations),
            "sampling_rates": {str(rate): n for rate, n in self.sampling_rates.most_common()},
            "channels": {str(channels): n for channels, n in self.channels.most_common()},
            **self.speakers.to_json(),
            "languages": dict(self.languages.most_common()),
            "labels": dict(self.labels.most_common()),
            "with_reference": self.with_reference,
            "style": self.style.shares,
            "model": None if self.fit is None else self.fit.to_json(),
            "problems": problems.to_json(),
            "examples": self.examples,
        }


def _distribution(durations: np.ndarray) -> dict[str, float | None]:
    if not len(durations):
        return dict.fromkeys(("min", "median", "p95", "max"))
    middle, high = np.quantile(durations, (0.5, 0.95))
    return {
        "min": float(durations.min()),
        "median": float(middle),
        "p95": float(high),
        "max": float(durations.max()),
    }


def _differs(sample: AudioSample, seconds: float) -> bool:
    """Say whether a whole file is not as long as its dataset states: cut, or another recording."""
    if sample.offset is not None or sample.duration is None:
        return False
    slack = max(SEGMENT_SLACK_SECONDS, STATED_SLACK * sample.duration)
    return abs(seconds - sample.duration) > slack


def describe(sample: AudioSample, facts: Facts) -> dict[str, Any]:
    """Return what a sample looks like; its length and rate are the sound's own."""
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
