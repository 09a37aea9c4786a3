"""The verifier `intelligibility`: whether a speech recogniser hears what was to be said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np
from attrs import evolve, frozen

from audioforge.errors import ConfigError
from audioforge.model import GREEDY, ModelAdapter, Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.audibility import without_silence
from audioforge_verifiers.generated_audio import Unheard, hear
from audioforge_verifiers.heard_text import HeardText, ends_with_text

QUIET_SECONDS = 0.05
"""Length over which loudness is averaged to find where long audio is cut."""


@frozen
class IntelligibilityOptions:
    """Options of `intelligibility`.

    Attributes:
        model: A checkpoint for speech recognition, local or on the hub, of any installed adapter.
        threshold: Word error rate up to which audio passes; None for the run's `wer_threshold`.
        batch_size: Clips per forward pass of the recogniser.
        scale: What is paid: `errors` 1 − WER of what is heard, `likelihood` how likely the
            recogniser finds the text.
    """

    model: str = "openai/whisper-tiny"
    threshold: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.ge(0))
    )
    batch_size: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    scale: Literal["errors", "likelihood"] = "errors"


class Intelligibility(Verifier):
    """Reward max(0, 1 − WER) of a greedy transcript against the sample's reference.

    Text is normalised as the run says, and counted as `wer` counts it. Audio longer than the
    recogniser's window is cut at its quietest places and the transcripts are joined, so that
    going on talking after the text is said costs insertions; audio shorter than its minimum is
    padded with silence. A recogniser makes up words over silence: it is given only what can be
    heard, with pauses of half a second at most, and where nothing can, nothing was said. Audio
    that is empty or not finite has reward 0, and so has speech that stops early or goes on: of
    which, at the end, more than a quarter of the text is missing or too much, two words at least.

    A reward of 1 says that this recogniser understood; it may forgive what a listener does not,
    and audio made for it may deceive it.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    metrics = (*HeardText.metrics, "token_probability")
    corpus_metrics = HeardText.corpus_metrics

    def __init__(
        self,
        model: str = "openai/whisper-tiny",
        threshold: float | None = None,
        batch_size: int = 8,
        scale: Literal["errors", "likelihood"] = "errors",
    ) -> None:
        """Create the verifier; see `IntelligibilityOptions`."""
        self._scale = scale
        self._checkpoint = model
        self._batch_size = batch_size
        self._error_rate = HeardText(threshold)
        self._recogniser: ModelAdapter | None = None

    def setup(self, context: VerifierContext) -> None:
        """Load the recogniser, which the verifiers of one process share.

        Raises:
            CheckpointError: If the checkpoint cannot be read.
            PluginError: If no installed adapter serves it.
            ConfigError: If likelihoods are asked for, which it cannot tell.
        """
        self._error_rate.setup(context)
        recogniser = context.load_model(self._checkpoint, "asr")
        if self._scale == "likelihood" and type(recogniser).logprobs is ModelAdapter.logprobs:
            name = type(recogniser).__name__
            raise ConfigError([f"scale=likelihood: {name} cannot tell how likely a text is"])
        self._recogniser = recogniser

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; without a reference it cannot be judged."""
        recogniser = self._ready()
        clips: dict[int, Clip | Unheard] = {}
        for place, (sample, hypothesis) in enumerate(zip(samples, hypotheses, strict=True)):
            if sample.reference is None:
                continue
            clip = hear(sample, hypothesis, recogniser.sampling_rate)
            if isinstance(clip, Clip) or clip is Unheard.BROKEN:
                clips[place] = clip
        texts = self._transcripts([c for c in clips.values() if isinstance(c, Clip)])
        # In what is broken nothing is heard, and each word of the reference counts as missing.
        heard = [
            Hypothesis(text=next(texts) if isinstance(clip, Clip) else "")
            for clip in clips.values()
        ]
        scores = [Score(None)] * len(samples)
        of_transcripts = self._error_rate.verify([samples[place] for place in clips], heard)
        for (place, clip), score in zip(clips.items(), of_transcripts, strict=True):
            broken = isinstance(clip, Unheard)
            scores[place] = evolve(score, reward=0.0, passed=False) if broken else score
        if self._scale == "likelihood":
            heard_clips = {p: c for p, c in clips.items() if isinstance(c, Clip)}
            for place, probability in self._probabilities(heard_clips).items():
                scores[place] = _paid_by(probability, scores[place])
        return scores

    def close(self) -> None:
        """Let the recogniser go."""
        self._recogniser = None

    def _ready(self) -> ModelAdapter:
        if self._recogniser is None:
            raise RuntimeError("setup comes before verify")
        return self._recogniser

    def _transcripts(self, clips: Sequence[Clip]) -> Iterator[str]:
        """Return the transcript of each clip: of what can be heard, in windows."""
        shortest, longest = self._ready().min_seconds, self._ready().max_seconds
        audible = [without_silence(clip) for clip in clips]
        windows = [[] if clip is None else windows_of(clip, shortest, longest) for clip in audible]
        texts = iter(self._transcribe([window for own in windows for window in own]))
        return (" ".join(next(texts) for _ in own) for own in windows)

    def _probabilities(self, clips: Mapping[int, Clip]) -> dict[int, float | None]:
        """Return the probability of a token of each clip's text; None where it cannot be told.

        Of what cannot be heard nothing is returned.
        """
        import torch

        recogniser = self._ready()
        found: dict[int, float | None] = {}
        windows: dict[int, Clip] = {}
        for place, clip in clips.items():
            audible = without_silence(clip)
            if audible is None:
                continue
            own = windows_of(audible, recogniser.min_seconds, recogniser.max_seconds)
            text = Hypothesis(text=clip.sample.reference)
            if len(own) > 1 or recogniser.target_problem(clip.sample, text) is not None:
                found[place] = None
            else:
                windows[place] = own[0]
        places = list(windows)
        with torch.inference_mode():
            for start in range(0, len(places), self._batch_size):
                some = places[start : start + self._batch_size]
                batch = recogniser.prepare([windows[place] for place in some])
                texts = [[Hypothesis(text=windows[place].sample.reference)] for place in some]
                known = recogniser.logprobs(batch, texts)
                each = (known.logprobs / known.tokens).exp().tolist()
                found |= zip(some, each, strict=True)
        return found

    def _transcribe(self, windows: Sequence[Clip]) -> list[str]:
        import torch

        recogniser = self._ready()
        texts = []
        with torch.inference_mode():
            for start in range(0, len(windows), self._batch_size):
                batch = recogniser.prepare(windows[start : start + self._batch_size])
                texts += [row[0].text or "" for row in recogniser.sample(batch, 1, GREEDY)]
        return texts


def _paid_by(probability: float | None, score: Score) -> Score:
    """Return a score that pays a probability, where the speech ends with its text."""
    if score.reward is None or probability is None:
        return evolve(score, reward=None, passed=None)
    metrics = {**score.metrics, "token_probability": probability}
    return evolve(score, reward=probability if ends_with_text(score) else 0.0, metrics=metrics)


def windows_of(clip: Clip, min_seconds: float, max_seconds: float | None) -> list[Clip]:
    """Cut a clip into windows that a recogniser takes.

    Args:
        clip: A clip of any length.
        min_seconds: A shorter window is padded with silence.
        max_seconds: A longer clip is cut, each time at the quietest place in the last quarter of
            what fits; None where any length fits.

    Returns:
        The windows in order; together they hold every sample of the clip.
    """
    rate, rest = clip.sampling_rate, clip.waveform
    shortest = int(np.ceil(min_seconds * rate))
    pieces = []
    while max_seconds is not None and len(rest) > int(max_seconds * rate):
        cut = _quietest_place(rest[: int(max_seconds * rate)], rate)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    pieces.append(rest)
    padded = [np.pad(piece, (0, max(0, shortest - len(piece)))) for piece in pieces]
    return [evolve(clip, waveform=piece) for piece in padded]


def _quietest_place(waveform: np.ndarray, sampling_rate: int) -> int:
    """Return the middle of the quietest stretch in the last quarter."""
    start = len(waveform) * 3 // 4
    power = np.square(waveform[start:], dtype=np.float64)
    length = min(len(power), round(QUIET_SECONDS * sampling_rate))
    sums = np.convolve(power, np.ones(length), mode="valid")
    return start + int(np.argmin(sums)) + length // 2
