"""The verifier `intelligibility`: whether a speech recogniser hears what was to be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from attrs import define, evolve, field, frozen, validators

from audioforge.errors import ConfigError
from audioforge.isolation.copies import copies_for_adapter
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
    threshold: float | None = field(default=None, validator=validators.optional(validators.ge(0)))
    batch_size: int = field(default=8, validator=validators.ge(1))
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
        heard = self._heard({p: c for p, c in clips.items() if isinstance(c, Clip)})
        # In what is broken nothing is heard, and each word of the reference counts as missing.
        texts = [Hypothesis(text=heard[p].text if p in heard else "") for p in clips]
        scores = [Score(None)] * len(samples)
        of_transcripts = self._error_rate.verify([samples[place] for place in clips], texts)
        for place, score in zip(clips, of_transcripts, strict=True):
            if place not in heard:
                scores[place] = evolve(score, reward=0.0, passed=False)
            elif self._scale == "likelihood" and heard[place].windows:
                scores[place] = _paid_by(heard[place].probability, score)
            else:
                scores[place] = score
        return scores

    def close(self) -> None:
        """Let the recogniser go."""
        self._recogniser = None

    def _ready(self) -> ModelAdapter:
        if self._recogniser is None:
            raise RuntimeError("setup comes before verify")
        return self._recogniser

    def _heard(self, clips: Mapping[int, Clip]) -> dict[int, Heard]:
        """Return what is heard in each clip: in what is audible of it, window by window."""
        shortest, longest = self._ready().min_seconds, self._ready().max_seconds
        heard, windows = {}, []
        for place, clip in clips.items():
            audible = without_silence(clip)
            own = [] if audible is None else windows_of(audible, shortest, longest)
            heard[place] = Heard(len(own))
            windows += [(heard[place], window) for window in own]
        for start in range(0, len(windows), self._batch_size):
            self._hear(windows[start : start + self._batch_size])
        return heard

    def _hear(self, windows: Sequence[tuple[Heard, Clip]]) -> None:
        """Write down what is heard in windows of clips, which are one batch of the recogniser."""
        import torch

        recogniser = self._ready()
        with torch.inference_mode():
            batch = recogniser.prepare(copies_for_adapter([window for _, window in windows]))
            for (heard, _), [transcript] in zip(
                windows, recogniser.sample(batch, 1, GREEDY), strict=True
            ):
                heard.transcripts.append(transcript.text or "")
            rows = [row for row, own in enumerate(windows) if self._tells(*own)]
            if not rows:
                return
            told = [windows[row] for row in rows]
            if len(told) < len(windows):  # what is heard of the others is read in vain
                batch = recogniser.part(batch, rows)
                if batch is None:
                    batch = recogniser.prepare(copies_for_adapter([window for _, window in told]))
            known = recogniser.logprobs(batch, [[_text_of(window)] for _, window in told])
        each = (known.logprobs / known.tokens).exp().tolist()
        for (heard, _), probability in zip(told, each, strict=True):
            heard.probability = probability

    def _tells(self, heard: Heard, window: Clip) -> bool:
        """Say whether the recogniser is to tell, and can, how likely the text of a clip is."""
        if self._scale != "likelihood" or heard.windows > 1:
            return False
        return self._ready().target_problem(window.sample, _text_of(window)) is None


@define
class Heard:
    """What a recogniser hears in one clip.

    Attributes:
        windows: In how many windows it is read; 0 where nothing is audible.
        transcripts: Of each.
        probability: Of a token of the text, where that was asked for and can be told.
    """

    windows: int
    transcripts: list[str] = field(factory=list)
    probability: float | None = None

    @property
    def text(self) -> str:
        """The transcript of the whole."""
        return " ".join(self.transcripts)


def _text_of(clip: Clip) -> Hypothesis:
    """Return what is to be said in a clip."""
    return Hypothesis(text=clip.sample.reference)


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
