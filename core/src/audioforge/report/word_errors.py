"""Errors of each utterance: as the run wrote them, or counted anew by the same verifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from audioforge.config import VerifierSetting
from audioforge.errors import AudioForgeError
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.report.record import RunRecord
from audioforge.sample import AudioSample, Hypothesis
from audioforge.verifier import Verifier

EDITS = ("substitutions", "deletions", "insertions")
UNITS = ("reference_words", "reference_units")
"""Words of a reference, or characters of one in a script without spaces."""


@frozen
class Errors:
    """What is wrong of one output.

    Attributes:
        edits: Substitutions, deletions and insertions; (1, 0, 0) of a wrong class.
        units: Words of the reference (1 of a class); 0 where nothing is said.
    """

    edits: tuple[int, int, int]
    units: int

    @property
    def count(self) -> int:
        """All edits."""
        return sum(self.edits)


def errors_of(values: Mapping[str, Any]) -> Errors | None:
    """Return the errors that a line or a score's metrics hold; None where they hold none."""
    units = [values[name] for name in UNITS if values.get(name) is not None]
    if not units or any(values.get(edit) is None for edit in EDITS):
        return None
    substituted, deleted, inserted = (int(values[edit]) for edit in EDITS)
    return Errors((substituted, deleted, inserted), int(units[0]))


class ErrorCounter:
    """Counts the errors of a run's prediction lines.

    Args:
        record: The run.
    """

    def __init__(self, record: RunRecord) -> None:
        """Nothing is loaded before a line needs it."""
        self._record = record
        self._verifiers: list[Verifier] | None = None

    def of(self, lines: Sequence[Mapping[str, Any]]) -> list[Errors | None]:
        """Return the errors of each line; None where they cannot be counted."""
        if self._record.task == "classification":
            return [_of_class(line) for line in lines]
        if self._record.task != "asr":
            return [None] * len(lines)
        written = [errors_of(line) for line in lines]
        if not lines or any(written):
            return written
        return self._counted(lines)

    def _counted(self, lines: Sequence[Mapping[str, Any]]) -> list[Errors | None]:
        """Count with the verifier `wer` and the run's normaliser, where these are installed."""
        if self._verifiers is None:
            self._verifiers = self._set_up()
        samples = [
            AudioSample(str(line["id"]), reference=line.get("text"), language=line.get("language"))
            for line in lines
        ]
        said = [Hypothesis(text=line.get("pred_text") or "") for line in lines]
        for verifier in self._verifiers:
            return [errors_of(score.metrics) for score in verifier.verify(samples, said)]
        return [None] * len(lines)

    def _set_up(self) -> list[Verifier]:
        """Return the verifier, or none where it is not installed."""
        settings = self._record.settings
        registry = discover()
        context = verifier_context(
            registry,
            "asr",
            str(settings.get("normalizer")),
            float(settings.get("wer_threshold") or 0.0),
            "cpu",
        )
        try:
            return [create_verifier(registry, VerifierSetting.parse("wer"), context)]
        except AudioForgeError:
            return []


def _of_class(line: Mapping[str, Any]) -> Errors:
    right = line.get("pred_text") in str(line.get("text", "")).split("|")
    return Errors((0 if right else 1, 0, 0), 1)
