"""What a sample must say, beside its sound, before a hypothesis of it can be judged."""

from __future__ import annotations

from typing import cast

from attrs import frozen

from audioforge.column_names import LABEL, TEXT
from audioforge.config import VerifierSetting
from audioforge.plugins import Registry
from audioforge.sample import AudioSample, Problem
from audioforge.tasks import SpeechTask
from audioforge.verifier import Verifier


@frozen
class Needs:
    """What must be known of a sample.

    Attributes:
        task: Decides what a reference is.
        reference: Whether a reference is needed.
        metadata: Keys of the metadata of which one must have a value; empty where none is needed.
    """

    task: SpeechTask
    reference: bool = True
    metadata: tuple[str, ...] = ()

    def met_by(self, sample: AudioSample) -> bool:
        """Whether a sample says all that is needed."""
        return self.problem(sample) is None

    def problem(self, sample: AudioSample) -> Problem | None:
        """Return what a sample lacks, and where it could be; None where it lacks nothing."""
        if self.reference and not self.task.has_reference(sample):
            if self.task.has_classes:
                reason = (
                    f"there is no label to score with under {', '.join(LABEL)}; --label-column "
                    f"names another key"
                )
                return Problem(sample.place, reason, "without label")
            reason = (
                f"there is no reference text to score with under {', '.join(TEXT)}; --text-column "
                f"names another key"
            )
            return Problem(sample.place, reason, "empty reference")
        stated = (sample.metadata.get(key) for key in self.metadata)
        if self.metadata and all(
            v is None or (isinstance(v, str) and not v.strip()) for v in stated
        ):
            keys = " or ".join(map(repr, self.metadata))
            return Problem(sample.place, f"there is no {keys} to score with", f"without {keys}")
        return None

    @classmethod
    def of(cls, verifier: Verifier, task: SpeechTask) -> Needs:
        """Return what a verifier needs, which may not be set up yet."""
        needs_reference = task.reference_needed or bool(verifier.needs_reference)
        return cls(task, needs_reference, tuple(verifier.needs_metadata))


def unready_verifier(registry: Registry, setting: VerifierSetting) -> Verifier:
    """Create a verifier to ask what it needs and measures, without setting it up.

    Raises:
        PluginError: If it is unknown or cannot be created.
        ConfigError: If its options are wrong.
    """
    return cast("Verifier", registry.create("verifiers", setting.name, **setting.options))
