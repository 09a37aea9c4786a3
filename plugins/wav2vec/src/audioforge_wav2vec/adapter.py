"""CTC models of waveforms behind the verbs that the engine needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, cast

import torch
from attrs import field, frozen

from audioforge.audio import check_rate
from audioforge.errors import AudioError
from audioforge.huggingface.checkpoint import write_model
from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.low_rank import (
    TARGETS,
    add_low_rank_updates,
    merged_state,
)
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
from audioforge.transcript import Segment, TranscriptionOptions, WordTime
from audioforge_wav2vec.alignment import align_words
from audioforge_wav2vec.checkpoint import Checkpoint, read_checkpoint
from audioforge_wav2vec.families import LOW_RANK_LAYERS
from audioforge_wav2vec.frozen import frozen_output, frozen_part, logits_above
from audioforge_wav2vec.likelihood import log_likelihoods, negative_log_likelihoods
from audioforge_wav2vec.limits import MAX_SECONDS
from audioforge_wav2vec.padding import ignore_padding
from audioforge_wav2vec.paths import best_paths, collapse, draw_paths
from audioforge_wav2vec.recordings import chunks, segments
from audioforge_wav2vec.targets import (
    length_problem,
    seconds_of,
    spelling_problem,
    warn_of_long_targets,
)
from audioforge_wav2vec.vocabulary import Vocabulary


@frozen(eq=False)
class WaveformBatch:
    """Prepared clips.

    Attributes:
        samples: What is known about each clip.
        inputs: What the network takes: `input_values`, float32, shape (clips, samples), and
            `attention_mask`; nothing where `frozen` has what becomes of them.
        frames: Number of output frames of each clip; what the network says after them is padding.
        frozen: What the frozen part of the network said of each clip, shape (frames, width), and
            how many samples the clip has; empty where none of it is frozen.
        remembered: The network's output: clips that are sampled twice are read once.
    """

    samples: tuple[AudioSample, ...]
    inputs: dict[str, torch.Tensor]
    frames: tuple[int, ...]
    frozen: tuple[tuple[torch.Tensor, int], ...] = ()
    remembered: Remembered = field(factory=Remembered)


class Wav2VecAdapter(ModelAdapter):
    """Wav2Vec2, HuBERT, WavLM and Data2Vec checkpoints that were fine-tuned with CTC.

    Args:
        checkpoint: What `read_checkpoint` returned.
        options: Device; a language is of no use to these models.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("asr",)

    def __init__(self, checkpoint: Checkpoint, options: LoadOptions) -> None:
        self._checkpoint = checkpoint
        self._model = checkpoint.model.to(options.device).eval()
        self._lengths = ignore_padding(self._model)
        self._extractor = checkpoint.processor.feature_extractor
        self._vocabulary = Vocabulary(checkpoint.processor.tokenizer, self._model.config.vocab_size)
        if getattr(self._model.base_model, "adapter", None) is not None:
            self._model.base_model.adapter.layerdrop = 0.0  # drawn by NumPy, which nothing seeds

    @classmethod
    def load(cls, checkpoint: str, options: LoadOptions) -> Wav2VecAdapter:
        """Load a local folder or a hub id.

        Raises:
            CheckpointError: If it cannot be read or is not a CTC model of these families.
        """
        return cls(read_checkpoint(checkpoint, options.seed), options)

    @property
    def module(self) -> torch.nn.Module:
        """The network, such as a `Wav2Vec2ForCTC`."""
        return cast("torch.nn.Module", self._model)

    @property
    def sampling_rate(self) -> int:
        """The feature extractor's rate in Hz."""
        return int(self._extractor.sampling_rate)

    @property
    def max_seconds(self) -> float:
        """Two minutes: the network has no window, and its attention grows with the square."""
        return MAX_SECONDS

    @property
    def min_seconds(self) -> float:
        """What one frame of the convolutions reads: 400 samples for the published models."""
        samples, hop = 1, 1
        config = self._model.config
        for width, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
            samples += (width - 1) * hop
            hop *= stride
        return samples / self.sampling_rate

    def prepare(self, clips: Sequence[Clip]) -> WaveformBatch:
        """Normalise and pad clips as the feature extractor says.

        What the model says of a clip does not depend on the clips it is padded with: every model
        gets an attention mask, and `padding.py` does the rest. By itself a clip is read as
        Transformers reads it.

        Raises:
            AudioError: If a clip has another sampling rate, or is too short for one frame.
        """
        if self.reuse() is not None:
            return self.assemble([c.sample for c in clips], [self.reusable(c) for c in clips])
        frames = tuple(self._frames(len(clip.waveform)) for clip in clips)
        return WaveformBatch(tuple(clip.sample for clip in clips), self._inputs(clips), frames)

    def _inputs(self, clips: Sequence[Clip]) -> dict[str, torch.Tensor]:
        for clip in clips:
            self._check(clip)
        with torch.autocast("cpu", enabled=False):  # waveforms stay float32
            features = self._extractor(
                [clip.waveform for clip in clips],
                sampling_rate=self.sampling_rate,
                padding=True,
                return_attention_mask=True,
                return_tensors="pt",
            )
        return {name: to_device(v, self._model.device) for name, v in features.items()}

    def reuse(self) -> Reuse | None:
        """What the frozen part of the network says of a clip can be reused, where some is."""
        part = frozen_part(self._model)
        if part is None:
            return None
        settings = settings_of(self._extractor, self._model.config)
        return Reuse({**settings, "part": type(part).__name__}, part.state_dict())

    def reusable(self, clip: Clip) -> dict[str, torch.Tensor]:
        """Compute what the frozen part of the network says of one clip.

        Raises:
            AudioError: If the clip has another sampling rate, or is too short for one frame.
        """
        values = self._inputs([clip])["input_values"]
        said = frozen_output(self._model, values, self._lengths)
        return {"said": said, "samples": torch.tensor(len(clip.waveform))}

    def assemble(
        self, samples: Sequence[AudioSample], rows: Sequence[Mapping[str, torch.Tensor]]
    ) -> WaveformBatch:
        """Put what the frozen part of the network said of clips into one batch."""
        frozen = tuple((to_device(r["said"], self._model.device), int(r["samples"])) for r in rows)
        frames = tuple(self._frames(count) for _, count in frozen)
        return WaveformBatch(tuple(samples), {}, frames, frozen)

    def _logits(self, batch: WaveformBatch) -> torch.Tensor:
        if not batch.frozen:
            return cast("torch.Tensor", self._model(**batch.inputs).logits)
        said, samples = zip(*batch.frozen, strict=True)
        return cast("torch.Tensor", logits_above(self._model, said, samples))

    def _check(self, clip: Clip) -> None:
        check_rate(clip, self.sampling_rate)
        if clip.seconds < self.min_seconds:
            raise AudioError(
                f"{clip.sample.origin}: {clip.seconds:.3f} s is shorter than the "
                f"{self.min_seconds:g} s that the model needs"
            )

    @property
    def _seconds_per_frame(self) -> float:
        config = self._model.config
        hop = config.inputs_to_logits_ratio
        if getattr(config, "add_adapter", False):
            hop *= config.adapter_stride**config.num_adapter_layers
        return float(hop / self.sampling_rate)

    def _frames(self, samples: int) -> int:
        return int(self._model._get_feat_extract_output_lengths(samples))

    def sample(
        self, batch: WaveformBatch, k: int, params: SamplingParams
    ) -> list[list[Hypothesis]]:
        """Draw k paths for each clip and collapse them; at temperature 0 the most likely path.

        One pass of the network serves all k, so that a large k costs little. A path ends with its
        clip, so that no limit of tokens per second is needed. The log-probability is
        that of the text, summed over all of its paths. Different paths often collapse to one text.
        Padding is not transcribed.

        Raises:
            ConfigError: If the parameters make no sense together.
            TrainingError: If the network's output is not a number; the message names the clips.
        """
        params.check(k)
        with evaluating(self._model):
            said = batch.remembered.output(self._model, lambda: self._logits(batch))
            logits = said.float()
            check_outputs(batch.samples, logits.sum(dim=(1, 2)).isfinite().tolist())
            if params.temperature == 0:
                paths = best_paths(logits)
            else:
                ids = [sample.id for sample in batch.samples]
                never = self._vocabulary.marks
                paths = draw_paths(logits, batch.frames, ids, k, params, never)
            rows = collapse(paths, batch.frames, self._vocabulary.blank)
            return [
                self._hypotheses(logits[clip, :count], row, params.max_new_tokens)
                for clip, (count, row) in enumerate(zip(batch.frames, rows, strict=True))
            ]

    def _hypotheses(
        self, logits: torch.Tensor, row: list[tuple[int, ...]], max_tokens: int | None
    ) -> list[Hypothesis]:
        """Turn a clip's collapsed paths into hypotheses; equal ones are measured once."""
        cut = [tokens[:max_tokens] for tokens in row]
        distinct = list(dict.fromkeys(cut))
        logprobs = log_likelihoods(logits, distinct, self._vocabulary.blank)
        known = {
            tokens: (self._vocabulary.text(tokens), logprob)
            for tokens, logprob in zip(distinct, logprobs, strict=True)
        }
        return [
            Hypothesis(
                index=j,
                text=known[tokens][0],
                logprob=known[tokens][1],
                tokens=len(tokens),
                cut=len(tokens) < len(whole),
            )
            for j, (tokens, whole) in enumerate(zip(cut, row, strict=True))
        ]

    def transcribe(self, clip: Clip, options: TranscriptionOptions) -> list[Segment]:
        """Transcribe by the most likely path, read in chunks that overlap where it is too long."""
        hop = self._seconds_per_frame
        with evaluating(self._model):
            read = [
                self._logits(self.prepare([chunk.clip]))[0, chunk.first : chunk.last]
                for chunk in chunks(clip, self.max_seconds, hop)
            ]
        path = torch.cat(read).argmax(dim=-1).tolist()
        return segments(path, self._vocabulary, hop, options)

    def loss(
        self, batch: WaveformBatch, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return Σ weight × CTC negative log-likelihood per token of the target, in nats.

        For one utterance of weight 1 it is Transformers' own loss with `ctc_loss_reduction="mean"`;
        with "sum", Transformers' is larger by the number of tokens. A target that its clip cannot
        hold, which `target_problem` tells beforehand, adds nothing and is named in a warning.

        SpecAugment is not applied, whatever the checkpoint's configuration says: its noise would
        not be keyed, and clips shorter than a mask could not be learnt.

        Raises:
            TrainingError: If an utterance's loss is not a number; the message names it.
        """
        return self.logprobs(batch, [[target] for target in targets]).weighted_loss(weights)

    def logprobs(
        self, batch: WaveformBatch, targets: Sequence[Sequence[Hypothesis]]
    ) -> Likelihoods:
        """Return the log-probability of each text, summed over all of its paths; see `loss`.

        Raises:
            TrainingError: If an utterance's is not a number; the message names it.
        """
        rows = [clip for clip, texts in enumerate(targets) for _ in texts]
        samples = [batch.samples[clip] for clip in rows]
        frames = [batch.frames[clip] for clip in rows]
        tokens = [self._vocabulary.tokens(t.text or "") for texts in targets for t in texts]
        warn_of_long_targets(samples, frames, tokens)
        with self._without_masks():
            logits = self._logits(batch)
        # Each text reads its clip's logits, of which there is one copy unless there are more texts.
        of_texts = logits if rows == list(range(len(logits))) else logits[rows]
        sums = negative_log_likelihoods(of_texts, frames, tokens, self._vocabulary.blank)
        check_outputs(samples, sums.detach().isfinite().tolist(), "the loss of")
        return Likelihoods(-sums, sums.new_tensor([max(1, len(text)) for text in tokens]))

    def target_problem(self, sample: AudioSample, target: Hypothesis) -> str | None:
        """Say which characters the model cannot spell, or that the clip is too short to say it.

        A target that `max_new_tokens` cut is none either: CTC would learn that silence follows.
        """
        if target.cut:
            return "a length limit cut the target, and CTC learns whole clips only"
        problem = spelling_problem(self._vocabulary, target.text or "")
        if problem is not None:
            return problem
        seconds = seconds_of(sample)
        if seconds is None or seconds < self.min_seconds:
            return None
        tokens = self._vocabulary.tokens(target.text or "")
        return length_problem(tokens, self._frames(round(seconds * self.sampling_rate)))

    def word_times(
        self, batch: WaveformBatch, hypotheses: Sequence[Hypothesis]
    ) -> list[list[WordTime]]:
        """Say when each word was said, by the most likely path of its transcript.

        A word without any character that the model can spell has no time and is left out.

        Raises:
            ConfigError: If torchaudio (the extra `align`) is not there or does not work.
        """
        with evaluating(self._model):
            said = batch.remembered.output(self._model, lambda: self._logits(batch))
        logits = said.float()
        return [
            align_words(
                logits[clip, :count].log_softmax(dim=-1),
                self._vocabulary.words(hypothesis.text or ""),
                self._vocabulary,
                self._seconds_per_frame,
            )
            for clip, (count, hypothesis) in enumerate(zip(batch.frames, hypotheses, strict=True))
        ]

    def make_trainable(self, options: TrainOptions) -> None:
        """Choose what is trained.

        "default" is everything above the convolutions, which are kept as they were pretrained
        (Baevski et al. 2020, section 4.2); "full" the convolutions too; "frozen-encoder" the output
        layer; "lora" low-rank updates of queries and values (WavLM: of the feed-forward layers).
        """
        base = self._model.base_model
        if options.trainable == "lora":
            layers = LOW_RANK_LAYERS.get(self._model.config.model_type, TARGETS)
            add_low_rank_updates(self._model, options.lora_rank, options.lora_alpha, layers)
        elif options.trainable == "frozen-encoder":
            base.requires_grad_(False)
            if getattr(base, "adapter", None) is not None:
                base.adapter.requires_grad_(True)
        elif options.trainable == "default":
            self._model.freeze_feature_encoder()
        if getattr(base, "masked_spec_embed", None) is not None:
            base.masked_spec_embed.requires_grad_(False)

    def checkpoint_gradients(self) -> None:
        """Compute each layer again in the backward pass, by Transformers' own switch."""
        self._model.activation_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and feature extractor.

        Raises:
            CheckpointError: If the folder cannot be written.
        """
        write_model(self._model, merged_state(self._model), self._checkpoint.processor, folder)

    @contextmanager
    def _without_masks(self) -> Iterator[None]:
        """Run without SpecAugment; the configuration, which is saved, stays as it was."""
        config = self._model.config
        configured = config.mask_time_prob, config.mask_feature_prob
        config.mask_time_prob = config.mask_feature_prob = 0.0
        try:
            yield
        finally:
            config.mask_time_prob, config.mask_feature_prob = configured
