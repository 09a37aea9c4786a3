"""Audio classifiers behind the verbs that the engine needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch
from attrs import evolve, field, frozen

from audioforge.audio import check_rate
from audioforge.errors import AudioError
from audioforge.huggingface.checkpoint import write_model
from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.low_rank import add_low_rank_updates, merged_state
from audioforge.huggingface.remembered import Remembered
from audioforge.huggingface.reuse import settings_of
from audioforge.huggingface.transfer import to_device
from audioforge.inference.finite_numbers import check_outputs
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
from audioforge_classification.checkpoint import Checkpoint, read_checkpoint
from audioforge_classification.draw import draw_labels, log_softmax
from audioforge_classification.features import Features, Part
from audioforge_classification.frozen import encoded, head_logits, is_frozen
from audioforge_classification.head import encoder_of, head_of


@frozen(eq=False)
class ClassifierBatch:
    """Prepared clips.

    Attributes:
        samples: What is known about each clip.
        parts: What the network reads, on its device.
        encoded: What a frozen encoder said of each clip, on its device; then there are no parts.
        remembered: The outputs: clips that are sampled twice are read once.
    """

    samples: tuple[AudioSample, ...]
    parts: tuple[Part, ...]
    encoded: tuple[Mapping[str, torch.Tensor], ...] = ()
    remembered: Remembered = field(factory=Remembered)


class AudioClassifierAdapter(ModelAdapter):
    """Any of Transformers' audio classifiers; a hypothesis is a label.

    Each clip has one answer, drawn from the softmax over the outputs, also where a checkpoint was
    trained to give several labels at once (AudioSet): then any of a clip's labels is correct.

    Args:
        checkpoint: What `read_checkpoint` returned.
        options: The device.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    def __init__(self, checkpoint: Checkpoint, options: LoadOptions) -> None:
        self._model = checkpoint.model.to(options.device).eval()
        self._features = Features(checkpoint.extractor, self._model.config)
        self._family = checkpoint.family
        self._labels = checkpoint.labels
        self._index = {label: index for index, label in enumerate(checkpoint.labels)}

    @classmethod
    def load(cls, checkpoint: str, options: LoadOptions) -> AudioClassifierAdapter:
        """Load a local folder or a hub id.

        Raises:
            CheckpointError: If it cannot be read, is not an audio classifier, or has no head and
                `options` asks for no new one.
        """
        return cls(read_checkpoint(checkpoint, options), options)

    @property
    def module(self) -> torch.nn.Module:
        """The classifier of Transformers."""
        return cast("torch.nn.Module", self._model)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the network's outputs."""
        return self._labels

    @property
    def sampling_rate(self) -> int:
        """The feature extractor's rate in Hz."""
        return self._features.sampling_rate

    @property
    def max_seconds(self) -> float | None:
        """The fixed window of Whisper and AST; None for the others, which read any length."""
        samples = self._features.max_samples
        return None if samples is None else samples / self.sampling_rate

    @property
    def min_seconds(self) -> float:
        """The shortest clip that makes one frame."""
        return self._features.min_samples / self.sampling_rate

    def prepare(self, clips: Sequence[Clip]) -> ClassifierBatch:
        """Make what the network reads, by the checkpoint's feature extractor.

        Raises:
            AudioError: If a clip has another sampling rate, or does not fit the network.
        """
        samples = [clip.sample for clip in clips]
        if self.reuse() is not None:
            return self.assemble(samples, [self.reusable(clip) for clip in clips])
        for clip in clips:
            self._check(clip)
        found = self._features.parts([clip.waveform for clip in clips])
        parts = tuple(evolve(part, inputs=self._there(part.inputs)) for part in found)
        return ClassifierBatch(tuple(samples), parts)

    def reuse(self) -> Reuse | None:
        """What a frozen encoder says of a clip can be reused; else what fills a fixed window."""
        extractor, model = self._features.extractor, self._model
        if is_frozen(model):
            return Reuse(settings_of(extractor, model.config), encoder_of(model).state_dict())
        if self._features.max_samples is None:
            return None
        return Reuse(settings_of(extractor), in_threads=True)

    def reusable(self, clip: Clip) -> Mapping[str, torch.Tensor]:
        """Compute what the network reads of one clip, or what a frozen encoder says of that.

        Raises:
            AudioError: If the clip has another sampling rate, or does not fit the network.
        """
        self._check(clip)
        (part,) = self._features.parts([clip.waveform])
        return (
            encoded(self._model, self._there(part.inputs))
            if is_frozen(self._model)
            else part.inputs
        )

    def assemble(
        self, samples: Sequence[AudioSample], rows: Sequence[Mapping[str, torch.Tensor]]
    ) -> ClassifierBatch:
        """Put what the network reads of clips, or what its encoder said, into one batch."""
        if is_frozen(self._model):
            return ClassifierBatch(tuple(samples), (), tuple(map(self._there, rows)))
        inputs = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
        part = Part(list(range(len(rows))), self._there(inputs))
        return ClassifierBatch(tuple(samples), (part,))

    def _there(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: to_device(values, self._model.device) for name, values in tensors.items()}

    def _check(self, clip: Clip) -> None:
        check_rate(clip, self.sampling_rate)
        longest, shortest = self._features.max_samples, self._features.min_samples
        if longest is not None and len(clip.waveform) > longest:
            raise AudioError(
                f"{clip.sample.origin}: {clip.seconds:.2f} s is longer than the model's window of "
                f"{self.max_seconds:.2f} s; cut the clip into shorter ones."
            )
        if len(clip.waveform) < shortest:
            raise AudioError(
                f"{clip.sample.origin}: {clip.seconds:.3f} s is shorter than the "
                f"{self.min_seconds:g} s that the model needs."
            )

    def sample(
        self, batch: ClassifierBatch, k: int, params: SamplingParams
    ) -> list[list[Hypothesis]]:
        """Draw k labels for each clip; at temperature 0 the most likely one.

        Raises:
            ConfigError: If the parameters make no sense together.
            TrainingError: If the network's output is not a number; the message names the clips.
        """
        with evaluating(self._model):
            said = batch.remembered.output(self._model, lambda: self._logits(batch))
            logits = said.double().cpu().numpy()
        check_outputs(batch.samples, np.isfinite(logits).all(axis=-1).tolist())
        drawn = draw_labels(logits, [sample.id for sample in batch.samples], k, params)
        logprobs = log_softmax(logits)
        return [
            [
                Hypothesis(j, label=self._labels[index], logprob=float(own[index]), tokens=1)
                for j, index in enumerate(row)
            ]
            for row, own in zip(drawn, logprobs, strict=True)
        ]

    def loss(
        self, batch: ClassifierBatch, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return Σ weight × cross entropy, in nats.

        The targets must have passed `target_problem`. No SpecAugment is applied, whatever the
        checkpoint's configuration says: its noise would not be keyed.
        """
        return self.logprobs(batch, [[target] for target in targets]).weighted_loss(weights)

    def logprobs(
        self, batch: ClassifierBatch, targets: Sequence[Sequence[Hypothesis]]
    ) -> Likelihoods:
        """Return the log-probability of each label, which is one token; see `loss`."""
        with self._without_spec_augment():
            logits = self._logits(batch)
        rows = [clip for clip, labels in enumerate(targets) for _ in labels]
        indices = [self._index[t.label or ""] for labels in targets for t in labels]
        sums = -torch.nn.functional.cross_entropy(
            logits[rows], torch.tensor(indices, device=logits.device), reduction="none"
        )
        return Likelihoods(sums, torch.ones_like(sums))

    def target_problem(self, sample: AudioSample, target: Hypothesis) -> str | None:
        """Say when a target is not one of the network's classes."""
        if target.label in self._index:
            return None
        return f"the label {target.label!r} is not one of the model's: {', '.join(self._labels)}"

    def make_trainable(self, options: TrainOptions) -> None:
        """Choose the weights to train; the head is always among them.

        "default" leaves out the convolutions that read the waveform, as these models are usually
        fine-tuned; "full" does not; "frozen-encoder" trains the head alone, and "lora" low-rank
        updates and the head. Whisper's sinusoids are never trained, nor is the embedding that
        SpecAugment masks with, which the loss does not touch.
        """
        for name, parameter in self._model.named_parameters():
            if name.endswith(("embed_positions.weight", "masked_spec_embed")):
                parameter.requires_grad_(False)
        if options.trainable == "default" and hasattr(self._model, "freeze_feature_encoder"):
            self._model.freeze_feature_encoder()
        elif options.trainable == "frozen-encoder":
            encoder_of(self._model).requires_grad_(False)
        elif options.trainable == "lora":
            head = list(head_of(self._model).values())
            add_low_rank_updates(
                self._model, options.lora_rank, options.lora_alpha, self._family.low_rank
            )
            for parameter in head:
                parameter.requires_grad_(True)

    def checkpoint_gradients(self) -> None:
        """Compute each layer again in the backward pass, by Transformers' own switch."""
        self._model.activation_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        """Write the model and its feature extractor.

        Raises:
            CheckpointError: If the folder cannot be written.
        """
        state = merged_state(self._model)
        write_model(self._model, state, self._features.extractor, folder)

    def _logits(self, batch: ClassifierBatch) -> torch.Tensor:
        """Return float32 logits in the order of the clips, shape (clips, labels)."""
        if batch.encoded:
            return torch.cat([head_logits(self._model, row) for row in batch.encoded]).float()
        rows = [row for part in batch.parts for row in part.rows]
        logits = torch.cat([self._model(**part.inputs).logits for part in batch.parts])
        order = torch.empty(len(rows), dtype=torch.long)
        order[rows] = torch.arange(len(rows))
        return logits[order.to(logits.device)].float()

    @contextmanager
    def _without_spec_augment(self) -> Iterator[None]:
        """Switch SpecAugment off; the configuration that is saved keeps what it said."""
        config = self._model.config
        before = getattr(config, "apply_spec_augment", False)
        config.apply_spec_augment = False
        try:
            yield
        finally:
            config.apply_spec_augment = before
