"""Recordings of any length, by Transformers' own long-form decoding with timestamps.

Whisper reads window after window, each from where the last segment of the one before ended
(Radford et al. 2022, section 4.5). With fallback, a window that repeats itself or is unlikely is
drawn again at OpenAI's temperatures; Transformers takes the compression ratio of token numbers,
whose threshold is therefore another than `benchmark`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from transformers.models.whisper.tokenization_whisper import (
    LANGUAGES,
    _combine_tokens_into_words,
)

from audioforge.errors import ConfigError
from audioforge.huggingface.library import transformers, without_warnings
from audioforge.inference.fallback import LEAST_LOGPROB, MOST_NO_SPEECH, TEMPERATURES
from audioforge.sample import Clip
from audioforge.transcript import Segment, TranscriptionOptions, WordTime
from audioforge_whisper.prompts import Prompts

FALLBACK = {
    "temperature": (0.0, *TEMPERATURES),
    "logprob_threshold": LEAST_LOGPROB,
    "no_speech_threshold": MOST_NO_SPEECH,
    "compression_ratio_threshold": 1.35,  # of token numbers, as Transformers' documentation has it
}


class Recordings:
    """A Whisper that reads recordings.

    Args:
        model: The network.
        processor: Its feature extractor and tokenizer.
        prompts: Its languages.
    """

    def __init__(
        self, model: transformers.WhisperForConditionalGeneration, processor: Any, prompts: Prompts
    ) -> None:
        self._model, self._prompts = model, prompts
        self._extractor, self._tokenizer = processor.feature_extractor, processor.tokenizer

    @property
    def has_timestamps(self) -> bool:
        """Whether the vocabulary has tokens for times; they are the last ones."""
        return bool(self._model.config.vocab_size > self._first_time)

    @property
    def _first_time(self) -> int:
        config: Any = self._model.generation_config
        return int(config.no_timestamps_token_id) + 1

    def transcribe(self, clip: Clip, options: TranscriptionOptions, language: str) -> list[Segment]:
        """Return the segments of a recording.

        Args:
            clip: The recording.
            options: What is asked for.
            language: The model's code of what is spoken.

        Raises:
            ConfigError: If words are to have times, and the checkpoint does not say how.
        """
        if options.word_times:
            self._check_alignment()
        features = self._extractor(
            clip.waveform,
            sampling_rate=clip.sampling_rate,
            truncation=False,
            padding="longest" if len(clip.waveform) > self._extractor.n_samples else "max_length",
            return_attention_mask=True,
            return_tensors="pt",
        ).to(self._model.device)
        frame = self._extractor.hop_length / self._extractor.sampling_rate
        settings: dict[str, Any] = FALLBACK if options.temperature_fallback else {}
        if options.word_times:
            settings = {**settings, "return_token_timestamps": True}
        if self._prompts.multilingual:
            settings = {**settings, "language": language, "task": "transcribe"}
        with self._attending(options.word_times), without_warnings():
            output = self._model.generate(
                features.input_features,
                attention_mask=features.attention_mask,
                return_timestamps=True,
                return_segments=True,
                time_precision=2 * frame,  # of the encoder's positions
                time_precision_features=frame,
                **settings,
            )
        return [self._segment(s, language) for s in output["segments"][0]]

    def _check_alignment(self) -> None:
        if not getattr(self._model.generation_config, "alignment_heads", None):
            raise ConfigError(
                [
                    "word_times: generation_config.json of the checkpoint has no alignment_heads, "
                    "which say where Whisper's attention follows the words; copy them from the "
                    "checkpoint that it was made from, or leave --word-times out"
                ]
            )

    @contextmanager
    def _attending(self, needs_weights: bool) -> Iterator[None]:
        """Compute attention so that its weights can be read, which takes longer."""
        usual = self._model.config._attn_implementation
        if needs_weights:
            self._model.set_attn_implementation("eager")
        try:
            yield
        finally:
            self._model.set_attn_implementation(usual)

    def _segment(self, found: dict[str, Any], language: str) -> Segment:
        tokens = found["tokens"].tolist()
        is_text = [t < self._first_time and t not in self._special for t in tokens]
        written = [t for t, is_one in zip(tokens, is_text, strict=True) if is_one]
        words: tuple[WordTime, ...] = ()
        if "token_timestamps" in found:
            ends = found["token_timestamps"].tolist()
            starts = [float(found["start"]), *ends[:-1]]
            spans = [
                (start, end)
                for start, end, is_one in zip(starts, ends, is_text, strict=True)
                if is_one
            ]
            words = self._words(written, spans, language)
        text = self._tokenizer.decode(written, skip_special_tokens=True).strip()
        return Segment(text, float(found["start"]), float(found["end"]), words)

    @property
    def _special(self) -> frozenset[int]:
        return frozenset(self._tokenizer.all_special_ids)

    def _words(
        self, tokens: list[int], spans: Sequence[tuple[float, float]], language: str
    ) -> tuple[WordTime, ...]:
        """Return the words that tokens spell, each from its first token to its last."""
        if not tokens:
            return ()
        words, _, indices = _combine_tokens_into_words(
            self._tokenizer, tokens, LANGUAGES.get(language, language)
        )
        return tuple(
            WordTime(word.strip(), spans[i[0]][0], spans[i[-1]][1])
            for word, i in zip(words, indices, strict=True)
            if word.strip()
        )
