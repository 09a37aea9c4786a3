"""The adapter of SpeechT5 for text to speech."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch
from attrs import field, frozen
from torch.nn.utils.rnn import pad_sequence

from audioforge.errors import AudioError, CheckpointError
from audioforge.huggingface.checkpoint import write_model
from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.low_rank import add_low_rank_updates, merged_state
from audioforge.huggingface.remembered import Remembered
from audioforge.huggingface.transfer import to_device
from audioforge.huggingface.unspoken import unspoken
from audioforge.inference.finite_numbers import check_outputs
from audioforge.inference.hypothesis_audio import audio_seconds
from audioforge.model import (
    GREEDY,
    Likelihoods,
    LoadOptions,
    ModelAdapter,
    SamplingParams,
    Task,
    TrainOptions,
)
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge_speecht5.checkpoint import Checkpoint, read_checkpoint
from audioforge_speecht5.drawing import Rows, Spoken, Texts, speak, step_limits
from audioforge_speecht5.loss import Target, log_densities, utterance_losses
from audioforge_speecht5.postnet import fixed_statistics
from audioforge_speecht5.prenet import Drop, Masks, drawn_by_torch


@frozen(eq=False)
class SpeechBatch:
    """Texts with the voices to speak them.

    Attributes:
        samples: The samples, whose references are the texts.
        tokens: Their tokens, shape (texts, tokens).
        mask: 1 for tokens and 0 for padding, shape (texts, tokens).
        voices: x-vectors, shape (texts, dimensions).
        remembered: The encoder's output: texts that are sampled twice are read once.
    """

    samples: tuple[AudioSample, ...]
    tokens: torch.Tensor
    mask: torch.Tensor
    voices: torch.Tensor
    remembered: Remembered = field(factory=Remembered)


class SpeechT5Adapter(ModelAdapter):
    """SpeechT5 (Ao et al. 2022) as a voice, in Transformers' layout.

    Args:
        checkpoint: What `read_checkpoint` returned.
        options: Device; the language is that of the checkpoint.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)
    loss_is_likelihood: ClassVar[bool] = False

    def __init__(self, checkpoint: Checkpoint, options: LoadOptions) -> None:
        self._checkpoint = checkpoint
        self._model = checkpoint.model.to(options.device).eval()
        self._config = self._model.config
        self.extractor = checkpoint.processor.feature_extractor
        self._tokenizer = checkpoint.processor.tokenizer

    @classmethod
    def load(cls, checkpoint: str, options: LoadOptions) -> SpeechT5Adapter:
        """Load a local folder or a hub id.

        Raises:
            CheckpointError: If it cannot be read, is not SpeechT5 for text to speech, or its
                vocoder cannot be had.
        """
        return cls(read_checkpoint(checkpoint, options.device), options)

    @property
    def module(self) -> torch.nn.Module:
        """The network, a `SpeechT5ForTextToSpeech`; the vocoder is none of it."""
        return cast("torch.nn.Module", self._model)

    @property
    def sampling_rate(self) -> int:
        """The feature extractor's rate in Hz."""
        return int(self.extractor.sampling_rate)

    def prepare(self, clips: Sequence[Clip]) -> SpeechBatch:
        """Turn texts into tokens, and find the voice of each; see `voice.py`.

        Raises:
            AudioError: If a clip has no text, or one that is too long, or no voice.
        """
        tokens = [torch.tensor(self._tokens(clip.sample)) for clip in clips]
        voices = np.stack([self._checkpoint.voices.of(clip) for clip in clips])
        mask = pad_sequence([torch.ones_like(row) for row in tokens], batch_first=True)
        padding = self._config.pad_token_id
        device = self._model.device
        return SpeechBatch(
            tuple(clip.sample for clip in clips),
            to_device(pad_sequence(tokens, batch_first=True, padding_value=padding), device),
            to_device(mask, device),
            to_device(torch.from_numpy(voices), device),
        )

    def clip_problem(self, clip: Clip) -> str | None:
        """Say that a clip has no text, one that is too long, or no voice."""
        try:
            self._tokens(clip.sample)
            self._checkpoint.voices.check(clip)
        except AudioError as error:
            return str(error).removeprefix(f"{clip.sample.place}: ")
        return None

    def _tokens(self, sample: AudioSample) -> list[int]:
        text = (sample.reference or "").strip()
        tokens: list[int] = self._tokenizer(text).input_ids if text else []
        longest = self._config.max_text_positions
        if not 0 < len(tokens) <= longest:
            raise AudioError(
                f"{sample.place}: its text has {len(tokens)} tokens, and the model speaks 1 to "
                f"{longest}. Leave it out, or cut it into sentences."
            )
        return tokens

    def part(self, batch: SpeechBatch, rows: Sequence[int]) -> SpeechBatch:
        """Return the batch of some of the texts."""
        chosen = list(rows)
        return SpeechBatch(
            tuple(batch.samples[row] for row in chosen),
            batch.tokens[chosen],
            batch.mask[chosen],
            batch.voices[chosen],
            batch.remembered.part(chosen),
        )

    def _encoded(self, batch: SpeechBatch) -> torch.Tensor:
        output = self._model.speecht5.encoder(input_values=batch.tokens, attention_mask=batch.mask)
        return cast("torch.Tensor", output.last_hidden_state)

    def _masks(
        self, samples: Sequence[AudioSample], indices: Sequence[int], params: SamplingParams
    ) -> Masks:
        ids = [sample.id for sample in samples]
        return Masks(self._config, ids, indices, params, self._model.device)

    def sample(self, batch: SpeechBatch, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        """Speak each text k times; what differs is the dropout of the decoder's prenet.

        At temperature 0 each text has one fixed draw: without dropout the model is not what it was
        trained to be. top_p and top_k are of no meaning. A token of the limits is a step of the
        decoder, of `reduction_factor` frames; without limits of the run a text may take 20 frames
        for each of its tokens.

        Raises:
            ConfigError: If the parameters make no sense together.
            TrainingError: If the network's output is not a number; the message names the clips.
        """
        params.check(k)
        samples = [sample for sample in batch.samples for _ in range(k)]
        with evaluating(self._model):
            encoded = batch.remembered.output(
                self._model.speecht5.encoder, lambda: self._encoded(batch)
            )
            masks = self._masks(samples, list(range(k)) * len(batch.samples), params)
            spoken = speak(self._model, self._rows(batch, encoded, k, params), masks)
        check_outputs(samples, [bool(said.frames.isfinite().all()) for said in spoken])
        own = [self._hypothesis(number % k, said) for number, said in enumerate(spoken)]
        return [own[row * k : (row + 1) * k] for row in range(len(batch.samples))]

    def _rows(
        self, batch: SpeechBatch, encoded: torch.Tensor, k: int, params: SamplingParams
    ) -> Rows:
        texts = [sample.reference or "" for sample in batch.samples]
        counts = batch.mask.sum(dim=1).tolist()
        fewest, most = step_limits(self._config, texts, counts, params)
        each_k_times = [row for row in range(len(texts)) for _ in range(k)]
        return Rows(
            Texts(encoded, batch.mask, batch.voices).rows(each_k_times),
            [count for count in fewest for _ in range(k)],
            [count for count in most for _ in range(k)],
        )

    def _hypothesis(self, index: int, said: Spoken) -> Hypothesis:
        return Hypothesis(
            index,
            audio=self._checkpoint.vocoder.sound(said.frames),
            sampling_rate=self.sampling_rate,
            features=said.frames.cpu().numpy(),
            cut=said.cut,
        )

    def loss(
        self, batch: SpeechBatch, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return Σ weight × Transformers' own loss of each utterance; see `utterance_losses`.

        What was drawn is learnt as the spectrogram that it was; a recording by the checkpoint's
        feature extractor. In training the prenet's dropout comes from torch's generator, as
        Transformers has it; otherwise it is that of temperature 0. Batch norm keeps its statistics.

        Raises:
            AudioError: If a recording has another sampling rate.
            TrainingError: If an utterance's loss is not a number; the message names it.
        """
        labels = [self._target(s, t) for s, t in zip(batch.samples, targets, strict=True)]
        texts = Texts(self._encoded(batch), batch.mask, batch.voices)
        drop = self._drop_of_loss(batch.samples, labels)
        with fixed_statistics(self._model.speech_decoder_postnet):
            losses = utterance_losses(self._model, texts, labels, drop)
        check_outputs(batch.samples, losses.detach().isfinite().tolist(), "the loss of")
        return (losses * losses.new_tensor(weights)).sum()

    def logprobs(self, batch: SpeechBatch, targets: Sequence[Sequence[Hypothesis]]) -> Likelihoods:
        """Return how likely each target's spectrogram is; see `log_densities`. A token is a step.

        The prenet's dropout is as in `loss`.

        Raises:
            AudioError: If a recording has another sampling rate.
            TrainingError: If a number is none; the message names the text.
        """
        rows = [row for row, own in enumerate(targets) for _ in own]
        samples = [batch.samples[row] for row in rows]
        said = [target for own in targets for target in own]
        labels = [self._target(s, t) for s, t in zip(samples, said, strict=True)]
        texts = Texts(self._encoded(batch), batch.mask, batch.voices).rows(rows)
        drop = self._drop_of_loss(samples, labels)
        with fixed_statistics(self._model.speech_decoder_postnet):
            densities = log_densities(self._model, texts, labels, drop)
        check_outputs(samples, densities.detach().isfinite().tolist(), "the likelihood of")
        steps = [len(mel) // self._config.reduction_factor for mel, _ in labels]
        return Likelihoods(densities, densities.new_tensor(steps))

    def _drop_of_loss(self, samples: Sequence[AudioSample], targets: Sequence[Target]) -> Drop:
        if self._model.training:
            return drawn_by_torch(self._config.speech_decoder_prenet_dropout)
        longest = max(len(mel) for mel, _ in targets)
        masks = self._masks(samples, [0] * len(samples), GREEDY)
        return masks.of_first(longest // self._config.reduction_factor)

    def _target(self, sample: AudioSample, target: Hypothesis) -> Target:
        """Return a target's spectrogram, whole steps of it, and whether it is cut."""
        frames = target.features
        if frames is None:
            if target.sampling_rate != self.sampling_rate:
                raise AudioError(
                    f"{sample.place}: a target at {target.sampling_rate} Hz, and the model speaks "
                    f"at {self.sampling_rate} Hz"
                )
            sound = np.asarray(target.audio, dtype=np.float32)
            frames = self.extractor(
                audio_target=sound, sampling_rate=self.sampling_rate
            ).input_values[0]
        mel = torch.from_numpy(np.array(frames, dtype=np.float32))
        whole = len(mel) // self._config.reduction_factor * self._config.reduction_factor
        return to_device(mel[:whole], self._model.device), target.cut

    def target_problem(self, sample: AudioSample, target: Hypothesis) -> str | None:
        """Say what of its text has no token, or that a recording is too short or too long.

        That is of no whole step, or of more than the decoder has positions for.
        """
        if reason := unspoken(self._tokenizer, sample.reference or ""):
            return reason
        if target.features is not None:
            return None
        step = self._config.reduction_factor * self.extractor.sample_stride / self.sampling_rate
        longest = step * self._config.max_speech_positions
        seconds = audio_seconds(target)
        if not step <= seconds < longest:
            return f"it lasts {seconds:.2f} s, and the model learns {step:g} to {longest:g} s"
        return None

    def make_trainable(self, options: TrainOptions) -> None:
        """Choose what is trained.

        "default" and "full" are every weight, as SpeechT5 is fine-tuned; "frozen-encoder" leaves
        out what reads the text; "lora" are low-rank updates of queries and values.
        """
        if options.trainable == "lora":
            add_low_rank_updates(self._model, options.lora_rank, options.lora_alpha)
        elif options.trainable == "frozen-encoder":
            self._model.speecht5.encoder.requires_grad_(False)

    def checkpoint_gradients(self) -> None:
        """Compute each layer again in the backward pass, by Transformers' own switch."""
        self._model.activation_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and feature extractor; vocoder and voice beside them.

        Raises:
            CheckpointError: If the folder cannot be written.
        """
        write_model(self._model, merged_state(self._model), self._checkpoint.processor, folder)
        try:
            self._checkpoint.vocoder.save(Path(folder))
            self._checkpoint.voices.save(Path(folder))
        except OSError as error:
            raise CheckpointError(
                f"{folder}: the vocoder cannot be written: {error}. Free space or choose another "
                f"folder."
            ) from error
