"""Whisper behind the verbs that the engine needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch

from audioforge.audio import check_rate
from audioforge.errors import AudioError, ConfigError
from audioforge.huggingface.checkpoint import write_model
from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.low_rank import add_low_rank_updates, merged_state
from audioforge.huggingface.reuse import settings_of
from audioforge.huggingface.transfer import to_device
from audioforge.languages.tags import language_of
from audioforge.model import (
    Likelihoods,
    LoadOptions,
    ModelAdapter,
    Reuse,
    SamplingParams,
    Task,
    TrainOptions,
)
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge.transcript import Segment, TranscriptionOptions
from audioforge_whisper.batch import WhisperBatch
from audioforge_whisper.checkpoint import Checkpoint, read_checkpoint
from audioforge_whisper.decoding import ClipsToDecode, Decoded, TokenRules
from audioforge_whisper.engine import Engine
from audioforge_whisper.prompts import Prompts
from audioforge_whisper.recordings import Recordings
from audioforge_whisper.spectrogram import spectrogram, whole_window
from audioforge_whisper.targets import spoken_tokens, teacher_forcing

EXTRA_TOKENS = 16
"""Beyond `max_tokens_per_second`: a word of a short clip, slowly spelt, is not cut."""


class WhisperAdapter(ModelAdapter):
    """Any Whisper checkpoint: transcription in the language asked for, stated, or detected.

    Args:
        checkpoint: What `read_checkpoint` returned.
        options: Device and language.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)
    autoregressive: ClassVar[bool] = True

    def __init__(self, checkpoint: Checkpoint, options: LoadOptions) -> None:
        self._checkpoint = checkpoint
        self._model = checkpoint.model
        self._model.eval()
        self._model.to(options.device)  # type: ignore[arg-type]  # its decorator loses `self`
        self._engine = Engine(self._model)
        self._extractor = checkpoint.processor.feature_extractor
        self._tokenizer = checkpoint.processor.tokenizer
        self._prompts = Prompts(self._model.generation_config)
        self._language = (
            None if options.language is None else self._prompts.required_code(options.language)
        )
        if self._language and self._prompts.multilingual:
            config = self._model.generation_config  # is saved with the checkpoint
            config.language = self._language  # type: ignore[attr-defined]  # takes any attribute

    @classmethod
    def load(cls, checkpoint: str, options: LoadOptions) -> WhisperAdapter:
        """Load a local folder or a hub id.

        Raises:
            CheckpointError: If it cannot be read or is not a Whisper for transcription.
            ConfigError: If the model does not know the language asked for.
        """
        return cls(read_checkpoint(checkpoint), options)

    @property
    def module(self) -> torch.nn.Module:
        """The `WhisperForConditionalGeneration`."""
        return self._model

    @property
    def sampling_rate(self) -> int:
        """The feature extractor's rate in Hz."""
        return int(self._extractor.sampling_rate)

    @property
    def max_seconds(self) -> float:
        """The window that the encoder reads: 30 s for OpenAI's checkpoints."""
        return float(self._extractor.n_samples / self._extractor.sampling_rate)

    @property
    def min_seconds(self) -> float:
        """One analysis window of the spectrogram: 25 ms for OpenAI's checkpoints."""
        return float(self._extractor.n_fft / self._extractor.sampling_rate)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it has a token for; just English for English-only checkpoints."""
        return self._prompts.known_languages

    @property
    def own_language(self) -> str | None:
        """The language of the generation configuration, as a fine-tuned checkpoint states it."""
        default = self._prompts.default
        return None if default is None else language_of(default)

    def language_logprobs(self, batch: WhisperBatch) -> torch.Tensor:
        """Return the log-probabilities of the language tokens after the start token.

        Raises:
            ConfigError: If the checkpoint is English-only.
        """
        if not self._prompts.multilingual:
            raise ConfigError(["language: an English-only Whisper cannot tell which one is spoken"])
        return self._hear(self.encode(batch))

    def no_speech_probabilities(self, batch: WhisperBatch) -> list[float]:
        """Return the probability of the no-speech token after the start token."""
        heard = self._after_start(self.encode(batch)).softmax(dim=-1)
        return list(map(float, heard[:, self._prompts.no_speech]))

    def prepare(self, clips: Sequence[Clip]) -> WhisperBatch:
        """Compute log-mel spectrograms, each clip padded with silence to the model's window.

        A frozen encoder encodes them, too.

        Raises:
            AudioError: If a clip has another sampling rate or is longer than the window.
        """
        with torch.no_grad():
            rows = [self.reusable(clip) for clip in clips]
        return self.assemble([clip.sample for clip in clips], rows)

    def reuse(self) -> Reuse:
        """The spectrogram of a clip can be reused, or the output of a frozen encoder."""
        if not self._is_frozen:
            return Reuse(settings_of(self._extractor), in_threads=True)
        encoder = self._model.model.encoder
        return Reuse(settings_of(self._extractor, encoder.config), encoder.state_dict())

    def reusable(self, clip: Clip) -> dict[str, torch.Tensor]:
        """Compute one clip's spectrogram, and encode it where the encoder is frozen.

        Raises:
            AudioError: If the clip has another sampling rate or is longer than the window.
        """
        self._check(clip)
        row = spectrogram(self._extractor, clip.waveform)
        if self._is_frozen:
            features = whole_window(self._extractor, [row])
            with evaluating(self._model):
                row = {"encoded": self._engine.encode(to_device(features, self._model.device))[0]}
        return {**row, "seconds": torch.tensor(clip.seconds, dtype=torch.float64)}

    def assemble(
        self, samples: Sequence[AudioSample], rows: Sequence[Mapping[str, torch.Tensor]]
    ) -> WhisperBatch:
        """Put spectrograms, or what was encoded of them, into one batch."""
        seconds, device = tuple(float(row["seconds"]) for row in rows), self._model.device
        if not self._is_frozen:
            features = to_device(whole_window(self._extractor, rows), device)
            return WhisperBatch(tuple(samples), seconds, features)
        encoded = to_device(torch.stack([row["encoded"] for row in rows]), device)
        return WhisperBatch(tuple(samples), seconds, None, encoded)

    @property
    def _is_frozen(self) -> bool:
        """Whether the encoder says the same of a clip as long as the model is trained."""
        return not any(p.requires_grad for p in self._model.model.encoder.parameters())

    def _check(self, clip: Clip) -> None:
        check_rate(clip, self.sampling_rate)
        if len(clip.waveform) > self._extractor.n_samples:
            raise AudioError(
                f"{clip.sample.origin}: {clip.seconds:.2f} s is longer than the model's window of "
                f"{self.max_seconds:g} s; cut the clip into shorter ones."
            )

    def part(self, batch: WhisperBatch, rows: Sequence[int]) -> WhisperBatch:
        """Return some clips of a batch; what is encoded already stays so."""
        return batch.part(rows)

    def sample(self, batch: WhisperBatch, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        """Draw k hypotheses for each clip; at temperature 0 the greedy one.

        Raises:
            ConfigError: If the parameters make no sense together.
            TrainingError: If the network's output is not a number; the message names the clips.
        """
        params.check(k)
        with evaluating(self._model):
            encoded = self.encode(batch)
            prompts = [self._prompts.prompt(code) for code in self._languages(batch, encoded)]
            clips = ClipsToDecode(
                batch.samples,
                torch.tensor(prompts, device=encoded.device),
                [self._token_limit(seconds, params) for seconds in batch.seconds],
            )
            decoded = self._engine.decode(encoded, clips, k, params, self._token_rules())
        return [[self._hypothesis(j, d) for j, d in enumerate(row)] for row in decoded]

    def encode(self, batch: WhisperBatch) -> torch.Tensor:
        """Return the encoder's output without gradients, float32, shape (clips, frames, width)."""
        if batch.encoded is not None:
            return batch.encoded
        features = batch.features
        assert features is not None
        with evaluating(self._model):
            return batch.remembered.output(self._model, lambda: self._engine.encode(features))

    def transcribe(self, clip: Clip, options: TranscriptionOptions) -> list[Segment] | None:
        """Transcribe by Transformers' long-form decoding, where the model writes timestamps.

        Raises:
            ConfigError: If words are to have times, and the checkpoint does not say how.
        """
        check_rate(clip, self.sampling_rate)
        recordings = Recordings(self._model, self._checkpoint.processor, self._prompts)
        if not recordings.has_timestamps and options.word_times:
            raise ConfigError(["word_times: the model's vocabulary has no tokens for times"])
        if not recordings.has_timestamps:
            return None
        window = Clip(clip.sample, clip.waveform[: self._extractor.n_samples], clip.sampling_rate)
        language = self._known_language(clip.sample)
        if language is None:
            batch = self.prepare([window])
            [language] = self._languages(batch, self.encode(batch))
        return recordings.transcribe(clip, options, language)

    def loss(
        self, batch: WhisperBatch, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return Σ weight × mean negative log-likelihood over text and end token, in nats.

        A target that a length limit cut has no end token: the model did not end there.

        The targets must have passed `target_problem`. No SpecAugment is applied, whatever the
        checkpoint's configuration says: its noise would not be keyed.
        """
        return self.logprobs(batch, [[target] for target in targets]).weighted_loss(weights)

    def logprobs(self, batch: WhisperBatch, targets: Sequence[Sequence[Hypothesis]]) -> Likelihoods:
        """Return the log-probability of each text and its end token; see `loss`.

        A clip is encoded once for all of its targets.
        """
        encoded = self._encoded(batch)
        languages = self._languages(batch, encoded)
        rows = [clip for clip, texts in enumerate(targets) for _ in texts]
        flat = [target for of_clip in targets for target in of_clip]
        forcing = teacher_forcing(
            [self._prompts.prompt(languages[clip]) for clip in rows],
            [
                [
                    *spoken_tokens(self._tokenizer, target.text or "", languages[clip]),
                    *([] if target.cut else [self._end]),
                ]
                for clip, target in zip(rows, flat, strict=True)
            ],
            encoded.device,
        )
        hidden = self._model.model.decoder(
            input_ids=forcing.inputs,
            encoder_hidden_states=encoded if rows == list(range(len(encoded))) else encoded[rows],
            use_cache=False,
        ).last_hidden_state
        logits = self._model.proj_out(hidden[forcing.mask]).float()
        losses = torch.nn.functional.cross_entropy(
            logits, forcing.labels[forcing.mask], reduction="none"
        )
        sums = torch.stack([part.sum() for part in losses.split(forcing.counts)])
        return Likelihoods(-sums, sums.new_tensor(forcing.counts))

    def _encoded(self, batch: WhisperBatch) -> torch.Tensor:
        """Return the encoder's output; in inference mode that of `encode`, else with gradients."""
        if torch.is_inference_mode_enabled():
            return self.encode(batch)
        self._engine.forget()  # the copy that it decodes with is soon of yesterday
        if batch.encoded is not None:
            return batch.encoded
        encoded: torch.Tensor = self._model.model.encoder(batch.features).last_hidden_state
        return encoded

    def target_problem(self, sample: AudioSample, target: Hypothesis) -> str | None:
        """Say when a target is longer than the decoder's positions, prompt and end included.

        Or when a limit cut it before anything was said, so that neither text nor end is there.
        """
        language = self._known_language(sample) or self._prompts.languages[0]
        tokens = len(spoken_tokens(self._tokenizer, target.text or "", language))
        limit = self._model.config.max_target_positions - self._prompts.length - 1
        if target.cut and not tokens:
            return "a length limit ended the target before anything was said"
        if tokens > limit:
            return f"the target has {tokens} tokens, more than the {limit} that fit the model"
        return None

    def make_trainable(self, options: TrainOptions) -> None:
        """Train all weights, the decoder's, or low-rank updates of every attention.

        The encoder's position embeddings are sinusoids, which Whisper never trains.
        """
        self._model.model.encoder.embed_positions.requires_grad_(False)
        if options.trainable == "lora":
            add_low_rank_updates(self._model, options.lora_rank, options.lora_alpha)
        elif options.trainable == "frozen-encoder":
            self._model.model.encoder.requires_grad_(False)

    def checkpoint_gradients(self) -> None:
        """Compute each layer again in the backward pass, by Transformers' own switch."""
        self._model.activation_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        """Write model, generation configuration, tokenizer and feature extractor.

        Raises:
            CheckpointError: If the folder cannot be written.
        """
        processor = self._checkpoint.processor
        write_model(self._model, merged_state(self._model), processor, folder)

    @property
    def _end(self) -> int:
        end = self._model.generation_config.eos_token_id
        return int(end[0] if isinstance(end, list) else end)

    def _known_language(self, sample: AudioSample) -> str | None:
        """Return the language asked for, else the dataset's, else the checkpoint's own."""
        if not self._prompts.multilingual:
            return "en"
        return self._language or self._prompts.code(sample.language) or self._prompts.default

    def _languages(self, batch: WhisperBatch, encoded: torch.Tensor) -> list[str]:
        """Return each clip's language; the model says it where nobody else does."""
        known = [self._known_language(sample) for sample in batch.samples]
        unknown = [row for row, language in enumerate(known) if language is None]
        if not unknown:
            return [language for language in known if language is not None]
        detected = iter(self._detect(encoded[unknown]))
        return [language or next(detected) for language in known]

    def _detect(self, encoded: torch.Tensor) -> list[str]:
        """Return the most likely language, as Transformers does."""
        best = self._hear(encoded).argmax(dim=-1).tolist()
        return [self._prompts.languages[i] for i in best]

    def _hear(self, encoded: torch.Tensor) -> torch.Tensor:
        """Return the log-probability of each language after the start token, for each clip."""
        return self._after_start(encoded)[:, self._prompts.language_tokens].log_softmax(dim=-1)

    def _after_start(self, encoded: torch.Tensor) -> torch.Tensor:
        """Return the logits after the start token, for each clip."""
        start = torch.full((len(encoded), 1), self._prompts.start, device=encoded.device)
        with evaluating(self._model):
            hidden = self._model.model.decoder(
                input_ids=start, encoder_hidden_states=encoded.detach(), use_cache=False
            ).last_hidden_state
            logits: torch.Tensor = self._model.proj_out(hidden[:, -1]).float()
        return logits

    def _token_rules(self) -> TokenRules:
        config = self._model.generation_config
        return TokenRules(
            end=self._end,
            never=tuple(config.suppress_tokens or ()),
            never_first=tuple(config.begin_suppress_tokens or ()),
        )

    def _token_limit(self, seconds: float, params: SamplingParams) -> int:
        """Return how many tokens the transcript of a clip may have, end token included.

        The generation configuration is read as Transformers does for one window of audio.
        """
        config, positions = self._model.generation_config, self._model.config.max_target_positions
        limit = params.max_new_tokens or config.max_new_tokens
        if limit is None:
            # Transformers counts the prompt on top of max_length.
            limit = config.max_length + min(positions // 2 - 1, self._prompts.length)
            limit -= self._prompts.length
        limits = [limit, positions - self._prompts.length]
        if params.max_tokens_per_second is not None:
            limits.append(math.ceil(seconds * params.max_tokens_per_second) + EXTRA_TOKENS)
        return int(min(limits))

    def _hypothesis(self, index: int, decoded: Decoded) -> Hypothesis:
        text = self._tokenizer.decode(decoded.tokens, skip_special_tokens=True).strip()
        return Hypothesis(
            index=index,
            text=text,
            logprob=decoded.logprob,
            tokens=len(decoded.tokens),
            cut=decoded.cut,
        )
