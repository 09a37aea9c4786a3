"""The verifier `intelligibility`: whether a speech recogniser hears what was to be said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from attrs import define, evolve, field, frozen, validators

from audioforge.errors import ConfigError
from audioforge.isolation.copies import copies_for_adapter
from audioforge.model import GREEDY, ModelAdapter, Task
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.verifier import Verifier, VerifierContext
from audioforge_verifiers.audibility import without_silence
from audioforge_verifiers.delivery import end_level_db, prepare_to_listen, without_repeat
from audioforge_verifiers.generated_audio import Unheard, hear
from audioforge_verifiers.heard_text import HeardText, ends_with_text, worth_nothing

QUIET_SECONDS = 0.05
"""Length over which loudness is averaged to find where long audio is cut."""

BREAKS_OFF_DB = -20.0
"""Level of the last 30 ms of sound from which it breaks off. So do 2 % of recordings of readers, up
to 18 % of those that are cut tightly, and two thirds of what is stopped at three quarters."""
LOST_IF_SAID_ONCE = 0.5
"""Of the words that are spoken in the time that is cut out of speech, so many are lost at least, if
it is one reading of its text."""


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
    that is empty or not finite has reward 0.

    So has speech that stops early, of which two words at the end are missing, or one, where the
    sound breaks off; speech that goes on, for two words or more; and speech that says something
    again, of which a recogniser may write only one: where two stretches sound alike, and little of
    the text is lost with what lies between them cut out.

    A reward of 1 says that this recogniser understood; it may forgive what a listener does not,
    and audio made for it may deceive it.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    metrics = (*HeardText.metrics, "breaks_off", "said_again", "token_probability")
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
        prepare_to_listen(recogniser.sampling_rate)

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Score generated audio; without a reference it cannot be judged."""
        clips = self._clips(samples, hypotheses)
        audible = {p: without_silence(c) for p, c in clips.items() if isinstance(c, Clip)}
        speech = {place: clip for place, clip in audible.items() if clip is not None}
        heard = self._heard(speech, self._scale == "likelihood")
        scores = self._of_transcripts(samples, clips, heard)
        for place, score in self._as_delivered(samples, speech, scores).items():
            is_paid = self._scale == "likelihood"
            scores[place] = _paid_by(heard[place].probability, score) if is_paid else score
        broken = [place for place, clip in clips.items() if clip is Unheard.BROKEN]
        scores |= {place: worth_nothing(scores[place]) for place in broken}
        return [scores.get(place, Score(None)) for place in range(len(samples))]

    def close(self) -> None:
        """Let the recogniser go."""
        self._recogniser = None

    def _ready(self) -> ModelAdapter:
        if self._recogniser is None:
            raise RuntimeError("setup comes before verify")
        return self._recogniser

    def _clips(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> dict[int, Clip | Unheard]:
        """Return what there is to judge, by place: sound, or what is broken."""
        rate = self._ready().sampling_rate
        clips = {
            place: hear(sample, hypothesis, rate)
            for place, (sample, hypothesis) in enumerate(zip(samples, hypotheses, strict=True))
            if sample.reference is not None
        }
        return {p: c for p, c in clips.items() if isinstance(c, Clip) or c is Unheard.BROKEN}

    def _of_transcripts(
        self, samples: Sequence[AudioSample], places: Iterable[int], heard: Mapping[int, Heard]
    ) -> dict[int, Score]:
        """Return the scores of what is heard; where nothing is, each word counts as missing."""
        asked = list(places)
        texts = [Hypothesis(text=heard[p].text if p in heard else "") for p in asked]
        scores = self._error_rate.verify([samples[place] for place in asked], texts)
        return dict(zip(asked, scores, strict=True))

    def _as_delivered(
        self,
        samples: Sequence[AudioSample],
        speech: Mapping[int, Clip],
        scores: Mapping[int, Score],
    ) -> dict[int, Score]:
        """Return scores of speech with what their transcripts do not tell of it."""
        again = self._said_again(samples, speech, scores)
        made = {}
        for place, clip in speech.items():
            score = scores[place]
            told = {"breaks_off": float(end_level_db(clip) > BREAKS_OFF_DB)}
            if place in again:
                told["said_again"] = float(again[place])
            score = evolve(score, metrics={**score.metrics, **told})
            made[place] = score if score.reward is None or is_whole(score) else worth_nothing(score)
        return made

    def _said_again(
        self,
        samples: Sequence[AudioSample],
        speech: Mapping[int, Clip],
        scores: Mapping[int, Score],
    ) -> dict[int, bool]:
        """Say which clips say something again, of those whose words end as they should."""
        ended = [p for p in speech if scores[p].reward is not None and ends_with_text(scores[p])]
        rests = {place: without_repeat(speech[place]) for place in ended}
        shorter = {place: rest for place, rest in rests.items() if rest is not None}
        found = self._of_transcripts(samples, shorter, self._heard(shorter, tells=False))
        return {
            place: place in found
            and loses_little(scores[place], found[place], cut_share(speech[place], shorter[place]))
            for place in ended
        }

    def _heard(self, clips: Mapping[int, Clip], tells: bool) -> dict[int, Heard]:
        """Return what is heard in each clip, window by window.

        Args:
            clips: Speech, without long silences.
            tells: Whether the recogniser is to tell how likely the text is.
        """
        shortest, longest = self._ready().min_seconds, self._ready().max_seconds
        heard, windows = {}, []
        for place, clip in clips.items():
            own = windows_of(clip, shortest, longest)
            heard[place] = Heard(tells=tells and len(own) == 1)
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
        if not heard.tells:
            return False
        return self._ready().target_problem(window.sample, _text_of(window)) is None


@define
class Heard:
    """What a recogniser hears in one clip.

    Attributes:
        tells: Whether it is to tell how likely the text is; of several windows it cannot.
        transcripts: Of each window.
        probability: Of a token of the text, where that was asked for and can be told.
    """

    tells: bool
    transcripts: list[str] = field(factory=list)
    probability: float | None = None

    @property
    def text(self) -> str:
        """The transcript of the whole."""
        return " ".join(self.transcripts)


def _text_of(clip: Clip) -> Hypothesis:
    """Return what is to be said in a clip."""
    return Hypothesis(text=clip.sample.reference)


def is_whole(score: Score) -> bool:
    """Whether speech that was scored is one reading of its text, from which nothing breaks off."""
    metrics = score.metrics
    cut_short = metrics["unsaid_at_end"] >= 1 and metrics["breaks_off"]
    return ends_with_text(score) and not cut_short and not metrics.get("said_again")


def cut_share(whole: Clip, shorter: Clip) -> float:
    """Return which part of a clip is cut out of it."""
    return 1 - len(shorter.waveform) / len(whole.waveform)


def loses_little(whole: Score, shorter: Score, cut: float) -> bool:
    """Whether of a text so many words are left that what was cut out of its speech says it again.

    Args:
        whole: Of the speech.
        shorter: Of what is left.
        cut: Which part of the time is not.
    """
    before, after = whole.metrics, shorter.metrics
    lost = max(before["hits"] - after["hits"], after["deletions"] - before["deletions"])
    words = before["hits"] + before["substitutions"] + before["deletions"]
    return before["hits"] > 0 and lost < LOST_IF_SAID_ONCE * cut * words


def _paid_by(probability: float | None, score: Score) -> Score:
    """Return a score that pays a probability, where the speech is one reading of its text."""
    if score.reward is None or probability is None:
        return evolve(score, reward=None, passed=None)
    metrics = {**score.metrics, "token_probability": probability}
    return evolve(score, reward=probability if is_whole(score) else 0.0, metrics=metrics)


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
