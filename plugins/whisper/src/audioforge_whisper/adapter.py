"""Whisper behind the verbs that the engine needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from attrs import frozen

from audioforge.audio import check_rate
from audioforge.errors import AudioError, ConfigError
from audioforge.huggingface.checkpoint import write_model
from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.low_rank import add_low_rank_updates, merged_state
from audioforge.languages.tags import language_of
from audioforge.model import LoadOptions, ModelAdapter, SamplingParams, Task, TrainOptions
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge_whisper.checkpoint import Checkpoint, read_checkpoint
from audioforge_whisper.decoding import Decoded, EncodedClips, TokenRules, decode
from audioforge_whisper.prompts import Prompts
from audioforge_whisper.targets import spoken_tokens, teacher_forcing


@frozen(eq=False)
class WhisperBatch:
    """Prepared clips.

    Attributes:
        samples: What is known about each clip.
        seconds: How long each clip is, without the silence that fills the window.
        features: Log-mel spectrograms, float32, shape (clips, mels, frames).
    """

    samples: tuple[AudioSample, ...]
    seconds: tuple[float, ...]
    features: torch.Tensor


class WhisperAdapter(ModelAdapter):
    """Any Whisper checkpoint: transcription in the language asked for, stated, or detected.

    Args:
        checkpoint: What `read_checkpoint` returned.
        options: Device and language.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)

    def __init__(self, checkpoint: Checkpoint, options: LoadOptions) -> None:
        self._checkpoint = checkpoint
        self._model = checkpoint.model
        self._model.eval()
        self._model.to(options.device)  # type: ignore[arg-type]  # its decorator loses `self`
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
        with evaluating(self._model):
            return self._hear(self._model.model.encoder(batch.features).last_hidden_state)

    def prepare(self, clips: Sequence[Clip]) -> WhisperBatch:
        """Compute log-mel spectrograms, each clip padded with silence to the model's window.

        Raises:
            AudioError: If a clip has another sampling rate or is longer than the window.
        """
        for clip in clips:
            self._check(clip)
        with torch.autocast("cpu", enabled=False):  # spectrograms stay float32
            features = self._extractor(
                [clip.waveform for clip in clips],
                sampling_rate=self.sampling_rate,
                return_tensors="pt",
            ).input_features
        return WhisperBatch(
            samples=tuple(c.sample for c in clips),
            seconds=tuple(c.seconds for c in clips),
            features=features.to(self._model.device),
        )

    def _check(self, clip: Clip) -> None:
        check_rate(clip, self.sampling_rate)
        if len(clip.waveform) > self._extractor.n_samples:
            raise AudioError(
                f"{clip.sample.origin}: {clip.seconds:.2f} s is longer than the model's window of "
                f"{self.max_seconds:g} s; cut the clip into shorter ones."
            )

    def sample(self, batch: WhisperBatch, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        """Draw k hypotheses for each clip; at temperature 0 the greedy one.

        Raises:
            ConfigError: If the parameters make no sense together.
            TrainingError: If the network's output is not a number; the message names the clips.
        """
        params.check(k)
        with evaluating(self._model):
            encoded = self._model.model.encoder(batch.features).last_hidden_state
            languages = self._languages(batch, encoded)
            prompts = [self._prompts.prompt(language) for language in languages]
            clips = EncodedClips(
                batch.samples, encoded, torch.tensor(prompts, device=encoded.device)
            )
            rules = self._token_rules(params.max_new_tokens)
            decoded = decode(self._model, clips, k, params, rules)
        return [[self._hypothesis(j, d) for j, d in enumerate(row)] for row in decoded]

    def loss(
        self, batch: WhisperBatch, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return Σ weight × mean negative log-likelihood over text and end token, in nats.

        The targets must have passed `target_problem`. No SpecAugment is applied, whatever the
        checkpoint's configuration says: its noise would not be keyed.
        """
        encoder = self._model.model.encoder
        trained = any(p.requires_grad for p in encoder.parameters())
        with torch.set_grad_enabled(trained and torch.is_grad_enabled()):
            encoded = self._encoded_once(batch)
        languages = self._languages(batch, encoded)
        forcing = teacher_forcing(
            [self._prompts.prompt(language) for language in languages],
            [
                [*spoken_tokens(self._tokenizer, target.text or "", language), self._end]
                for target, language in zip(targets, languages, strict=True)
            ],
            encoded.device,
        )
        hidden = self._model.model.decoder(
            input_ids=forcing.inputs, encoder_hidden_states=encoded, use_cache=False
        ).last_hidden_state
        logits = self._model.proj_out(hidden[forcing.mask]).float()
        losses = torch.nn.functional.cross_entropy(
            logits, forcing.labels[forcing.mask], reduction="none"
        )
        means = torch.stack([part.mean() for part in losses.split(forcing.counts)])
        return (means * means.new_tensor(weights)).sum()

    def _encoded_once(self, batch: WhisperBatch) -> torch.Tensor:
        """Return the encoder's output for each row; a clip with several targets is encoded once."""
        first: dict[str, int] = {}
        rows = [first.setdefault(sample.id, row) for row, sample in enumerate(batch.samples)]
        encoder, distinct = self._model.model.encoder, list(first.values())
        repeats = len(distinct) < len(rows)
        features = batch.features[distinct] if repeats else batch.features
        encoded: torch.Tensor = encoder(features).last_hidden_state
        return encoded[[distinct.index(row) for row in rows]] if repeats else encoded

    def target_problem(self, sample: AudioSample, target: Hypothesis) -> str | None:
        """Say when a target is longer than the decoder's positions, prompt and end included."""
        language = self._known_language(sample) or self._prompts.languages[0]
        tokens = len(spoken_tokens(self._tokenizer, target.text or "", language))
        limit = self._model.config.max_target_positions - self._prompts.length - 1
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
        write_model(self._model, merged_state(self._model), [processor], folder)

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
        start = torch.full((len(encoded), 1), self._prompts.start, device=encoded.device)
        with evaluating(self._model):
            hidden = self._model.model.decoder(
                input_ids=start, encoder_hidden_states=encoded.detach(), use_cache=False
            ).last_hidden_state
            logits: torch.Tensor = self._model.proj_out(hidden[:, -1]).float()
        return logits[:, self._prompts.language_tokens].log_softmax(dim=-1)

    def _token_rules(self, max_new_tokens: int | None) -> TokenRules:
        """Read the generation configuration as Transformers does for one window of audio."""
        config, positions = self._model.generation_config, self._model.config.max_target_positions
        room = positions - self._prompts.length
        limit = max_new_tokens or config.max_new_tokens
        if limit is None:
            # Transformers counts the prompt on top of max_length.
            limit = config.max_length + min(positions // 2 - 1, self._prompts.length)
            limit -= self._prompts.length
        return TokenRules(
            end=self._end,
            never=tuple(config.suppress_tokens or ()),
            never_first=tuple(config.begin_suppress_tokens or ()),
            max_new_tokens=min(limit, room),
        )

    def _hypothesis(self, index: int, decoded: Decoded) -> Hypothesis:
        text = self._tokenizer.decode(decoded.tokens, skip_special_tokens=True).strip()
        return Hypothesis(
            index=index, text=text, logprob=decoded.logprob, tokens=len(decoded.tokens)
        )
