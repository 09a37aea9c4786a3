"""The records that pass between datasets, models, verifiers and the engine.

No torch here, and NumPy for types only: listing what is installed imports this module.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, evolve, field, frozen

if TYPE_CHECKING:
    import numpy as np

Audio: TypeAlias = "Path | bytes | np.ndarray"
"""A clip's audio: a sound file, an encoded sound file in memory, or float samples (frames,) or
(frames, channels)."""


def _shared(text: str | None) -> str | None:
    """Return one string for all samples that say the same; there can be a million."""
    return sys.intern(text) if type(text) is str else text


@frozen(eq=False)
class AudioSample:
    """One clip and what is known about it.

    Attributes:
        id: Stable and unique within its dataset; random draws are keyed by it.
        audio: The clip, as a file or decoded; None where only texts are known. Of a text-to-speech
            prompt: a recording of the text, or of the voice to speak it with.
        sampling_rate: In Hz. Required when `audio` is an array, otherwise read from the file.
        reference: Transcript (or the text to speak), raw: normalisation belongs to scoring.
        labels: Class labels; when there are several, any one of them is correct.
        speaker: Speaker identity, where known.
        language: Language code such as "en", where known.
        offset: Start of the clip in its file, in seconds; None when the clip is the whole file.
        duration: Length of the clip in seconds. Without an offset it is only what the dataset
            states, and the file's own length counts.
        channels: Of which channels of the file the clip is the mean, from 0; empty for all.
        metadata: Whatever else the dataset says.
        where: The place in the dataset that states the clip, such as file and line, where known.
        stored: Whether `audio` is only a run's own copy, which tells nobody where the clip is from.
    """

    id: str
    audio: Audio | None = None
    sampling_rate: int | None = None
    reference: str | None = None
    labels: tuple[str, ...] = ()
    speaker: str | None = field(default=None, converter=_shared)
    language: str | None = field(default=None, converter=_shared)
    offset: float | None = None
    duration: float | None = None
    channels: tuple[int, ...] = ()
    metadata: Mapping[str, Any] = field(factory=dict)
    where: str | None = None
    stored: bool = False

    @property
    def origin(self) -> str:
        """Where the audio is, for messages: its path, or the sample's id."""
        has_file = isinstance(self.audio, Path) and not self.stored
        return str(self.audio) if has_file else self.id

    @property
    def place(self) -> str:
        """Where to look for a problem: what states the clip, and its file; else id and file."""
        if self.where is not None:
            return f"{self.where}: {self.origin}"
        return self.origin if self.origin.endswith(self.id) else f"{self.id} ({self.origin})"


@frozen(eq=False)
class Clip:
    """A sample with its decoded audio.

    Attributes:
        sample: The sample.
        waveform: float32, mono, shape (frames,), at the sampling rate that the consumer asked for.
        sampling_rate: Sampling rate of the waveform, in Hz.
        recording: What the clip was before it was augmented, as the waveform is; None where nothing
            was changed.
    """

    sample: AudioSample
    waveform: np.ndarray
    sampling_rate: int
    recording: np.ndarray | None = None

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.waveform) / self.sampling_rate

    def as_sample(self) -> AudioSample:
        """Return the sample with its audio decoded, so that nobody need decode it again.

        It is the recording itself, not what augmentations made of it: a verifier that listens
        judges what was said, not how well it can be heard.
        """
        heard = self.waveform if self.recording is None else self.recording
        return evolve(
            self.sample,
            audio=heard if len(heard) else None,
            sampling_rate=self.sampling_rate,
            offset=None,
            duration=len(heard) / self.sampling_rate,
            channels=(),
        )


@frozen(eq=False)
class Hypothesis:
    """One output of a model for one sample. Exactly one of text, label and audio is set.

    Attributes:
        index: Which of the k hypotheses, from 0.
        text: A transcript.
        label: A class label.
        audio: Generated float32 samples, shape (frames,), or the sound file that holds them.
        sampling_rate: Sampling rate of `audio`, in Hz; None for a file, which states its own.
        features: What the model itself wrote, where `audio` is made of it and does not say all of
            it: a spectrogram or latents, say, or the file that holds them. Where it is set it is
            what `ModelAdapter.loss` learns; of a recording it is None.
        logprob: Natural log-probability under the model at temperature 1, summed over tokens.
        tokens: Number of tokens (or labels) that `logprob` sums over.
        cut: Whether a length limit ended it, not the model.
        redrawn_at: Temperature at which fallback drew it, since what came before was doubtful; None
            where it is the first.
        no_speech: Whether it is empty since the model hears no speech; fallback says so.
    """

    index: int = 0
    text: str | None = None
    label: str | None = None
    audio: np.ndarray | Path | None = None
    sampling_rate: int | None = None
    features: np.ndarray | Path | None = None
    logprob: float | None = None
    tokens: int | None = None
    cut: bool = False
    redrawn_at: float | None = None
    no_speech: bool = False

    @property
    def content(self) -> str:
        """What was said, as one string, to tell hypotheses apart."""
        if self.text is not None:
            return self.text
        if self.label is not None:
            return self.label
        if self.audio is None:
            return ""
        sound = self.audio
        content = sound.read_bytes() if isinstance(sound, Path) else sound.tobytes()
        return hashlib.sha256(content).hexdigest()


def check_reward(reward: float | None) -> None:
    """Refuse anything that is not a reward.

    Raises:
        ValueError: If it is neither a number in [0, 1] nor None.
    """
    if reward is not None and not (math.isfinite(reward) and 0 <= reward <= 1):
        raise ValueError(f"a reward must be in [0, 1] or None, not {reward!r}")


@frozen
class Score:
    """One verifier's word on one hypothesis.

    Attributes:
        reward: In [0, 1], or None when the verifier cannot judge.
        passed: Whether the hypothesis meets the verifier's threshold; None when it cannot judge.
        metrics: The measurements behind the reward, unclipped.
        error: Why the verifier failed, in words; the engine sets it. Such a score has no reward.

    Raises:
        ValueError: If the reward is not a number in [0, 1], or stands beside an error.
    """

    reward: float | None
    passed: bool | None = None
    metrics: Mapping[str, float] = field(factory=dict)
    error: str | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse anything that is not a reward."""
        check_reward(self.reward)
        if self.error is not None and self.reward is not None:
            raise ValueError(f"a failed score has no reward, not {self.reward!r}")


@define(eq=False)
class ScoredHypothesis:
    """A hypothesis with every verifier's score and the reward they make together.

    Attributes:
        hypothesis: What the model said.
        scores: The verifiers' scores, by verifier id.
        reward: A number in [0, 1], or None when no verifier could judge.
    """

    hypothesis: Hypothesis
    scores: Mapping[str, Score]
    reward: float | None


@define(eq=False)
class Rollout:
    """A sample's k hypotheses of one cycle, scored.

    Attributes:
        sample: The sample.
        cycle: The cycle, from 1.
        hypotheses: In the order of their index.
    """

    sample: AudioSample
    cycle: int
    hypotheses: list[ScoredHypothesis]

    @property
    def rewards(self) -> list[float]:
        """The rewards of the hypotheses that have one."""
        return [h.reward for h in self.hypotheses if h.reward is not None]


@frozen
class Problem:
    """One thing in a dataset that cannot be used.

    Attributes:
        where: File and line, with the clip's file where that is the trouble; or id and file.
        reason: What is wrong, and what to do where that is not plain.
        kind: A short class of problems to count by, such as "undecodable" or "too long".
    """

    where: str
    reason: str
    kind: str

    def __str__(self) -> str:
        """The problem on one line."""
        return f"{self.where}: {self.reason}"
