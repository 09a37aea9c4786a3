"""The adapter of Pocket TTS for text to speech."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch
from attrs import frozen

from audioforge import keyed_random
from audioforge.errors import AudioError, ConfigError
from audioforge.huggingface.checkpoint import write_network, writing
from audioforge.huggingface.evaluating import evaluating
from audioforge.huggingface.low_rank import add_low_rank_updates, merged_state
from audioforge.huggingface.unspoken import unspoken
from audioforge.inference.finite_numbers import check_outputs
from audioforge.inference.hypothesis_audio import audio_seconds
from audioforge.inference.hypothesis_features import read_features
from audioforge.model import (
    LoadOptions,
    ModelAdapter,
    Reuse,
    Row,
    SamplingParams,
    Task,
    TrainOptions,
)
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge_pocket_tts.checkpoint import Checkpoint, read_checkpoint
from audioforge_pocket_tts.drawing import Spoken, frame_limit, keyed_noise, speak
from audioforge_pocket_tts.loss import Target, utterance_losses
from audioforge_pocket_tts.prompt import Prompt, make_prompt
from audioforge_pocket_tts.voice import NO_ENCODER

VOICE = "voice"
"""Name of the row that is kept of a clip: its recording's voice."""


@frozen(eq=False)
class SpeechBatch:
    """Texts with the voices to speak them.

    Attributes:
        samples: The samples, whose references are the texts.
        prompts: What the model reads of each.
    """

    samples: tuple[AudioSample, ...]
    prompts: tuple[Prompt, ...]


class PocketTTSAdapter(ModelAdapter):
    """Pocket TTS (Rouard et al. 2025, arXiv 2509.06926) as a voice, in Transformers' layout.

    Args:
        checkpoint: What `read_checkpoint` returned.
        options: Device; the language is that of the checkpoint.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("tts",)

    def __init__(self, checkpoint: Checkpoint, options: LoadOptions) -> None:
        self._checkpoint = checkpoint
        self._model = checkpoint.model.to(options.device).eval()
        self._config = self._model.config
        self.codec = checkpoint.codec

    @classmethod
    def load(cls, checkpoint: str, options: LoadOptions) -> PocketTTSAdapter:
        """Load a local folder or a hub id.

        Raises:
            CheckpointError: If it cannot be read, is not Pocket TTS, or its codec cannot be had.
        """
        return cls(read_checkpoint(checkpoint, options.device), options)

    @property
    def module(self) -> torch.nn.Module:
        """The network, a `PocketTTSForConditionalGeneration`; the codec is none of it."""
        return cast("torch.nn.Module", self._model)

    @property
    def sampling_rate(self) -> int:
        """The codec's rate in Hz."""
        return self.codec.sampling_rate

    def prepare(self, clips: Sequence[Clip]) -> SpeechBatch:
        """Turn texts into prompts, and find the voice of each; see `voice.py`.

        Raises:
            AudioError: If a clip has no text, or one that cannot be spoken, or no voice.
        """
        return self.assemble([clip.sample for clip in clips], [self.reusable(c) for c in clips])

    def clip_problem(self, clip: Clip) -> str | None:
        """Say that a clip has no text, or one that cannot be spoken, or no voice."""
        unheard = torch.from_numpy(self._checkpoint.voices.as_long_as(clip.waveform))
        try:
            self.assemble([clip.sample], [{VOICE: unheard}])
        except AudioError as error:
            return str(error).removeprefix(f"{clip.sample.place}: ")
        return None

    def reuse(self) -> Reuse | None:
        """The voice of a recording, where recordings are the voice; the codec is not trained."""
        encoder = self.codec.encoder
        if self._checkpoint.voices.own is not None or encoder is None:
            return None
        return Reuse(self.codec.settings, encoder.state_dict())

    def reusable(self, clip: Clip) -> Row:
        """Return the latents of the voice in a clip's recording; of no frames without one."""
        heard = self._checkpoint.voices.of_recording(clip.waveform)
        return {VOICE: torch.from_numpy(heard)}

    def assemble(self, samples: Sequence[AudioSample], rows: Sequence[Row]) -> SpeechBatch:
        """Turn texts into prompts; the voice is the row's where nothing else states one.

        Raises:
            AudioError: If a sample has no text, or one that cannot be spoken, or no voice.
        """
        voices = self._checkpoint.voices
        prompts = [
            make_prompt(
                self._checkpoint.processor,
                self._config,
                sample,
                voices.of(sample, row[VOICE].numpy()),
            )
            for sample, row in zip(samples, rows, strict=True)
        ]
        return SpeechBatch(tuple(samples), tuple(prompts))

    def part(self, batch: SpeechBatch, rows: Sequence[int]) -> SpeechBatch:
        """Return the batch of some of the texts."""
        return SpeechBatch(
            tuple(batch.samples[row] for row in rows), tuple(batch.prompts[row] for row in rows)
        )

    def sample(self, batch: SpeechBatch, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        """Speak each text k times; what differs is the noise that each frame is made of.

        The temperature is the noise's variance, as in Transformers; at 0 there is none. top_p and
        top_k are of no meaning. A token of the limits is a frame; without limits of the run a text
        may take a second for every three of its tokens, and two more.

        Raises:
            ConfigError: If the parameters make no sense together.
            TrainingError: If the network's output is not a number; the message names the clips.
        """
        params.check(k)
        noise = [
            self._noise(sample, prompt, k, params)
            for sample, prompt in zip(batch.samples, batch.prompts, strict=True)
        ]
        with evaluating(self._model):
            spoken = speak(self._model, batch.prompts, noise, self._checkpoint.decoding)
        samples = [sample for sample in batch.samples for _ in range(k)]
        check_outputs(samples, [bool(said.latents.isfinite().all()) for said in spoken])
        own = [self._hypothesis(number % k, said) for number, said in enumerate(spoken)]
        return [own[row * k : (row + 1) * k] for row in range(len(batch.samples))]

    def _noise(
        self, sample: AudioSample, prompt: Prompt, k: int, params: SamplingParams
    ) -> list[np.ndarray]:
        frames = frame_limit(self._config, prompt, sample.reference or "", params)
        size = self._config.latent_dim
        return [keyed_noise(sample.id, index, params, frames, size) for index in range(k)]

    def _hypothesis(self, index: int, said: Spoken) -> Hypothesis:
        """Return what is heard, with its tail, and as features what is learnt, without."""
        return Hypothesis(
            index,
            audio=self.codec.sound(said.latents),
            sampling_rate=self.sampling_rate,
            features=said.latents[: said.end].cpu().numpy(),
            cut=said.end is None,
        )

    def loss(
        self, batch: SpeechBatch, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return Transformers' loss of each utterance, weighted and summed.

        In training mode noise and times of the flow are drawn by the seed of torch's generator,
        which is that of the step, and by sample and hypothesis, so that they do not depend on what
        else is in the batch; in evaluation mode by sample and hypothesis alone.

        Raises:
            AudioError: If a recording has another sampling rate, or the codec cannot hear it.
            TrainingError: If an utterance's loss is not a number; the message names it.
        """
        step = torch.initial_seed() if self._model.training else 0
        learnt = [
            Target(self._latents(sample, target), target.cut, _seed(step, sample, target))
            for sample, target in zip(batch.samples, targets, strict=True)
        ]
        losses = utterance_losses(self._model, batch.prompts, learnt)
        check_outputs(batch.samples, losses.detach().isfinite().tolist(), "the loss of")
        return (losses * losses.new_tensor(weights)).sum()

    def _latents(self, sample: AudioSample, target: Hypothesis) -> torch.Tensor:
        if target.features is not None:
            return torch.from_numpy(np.array(target.features, dtype=np.float32))
        if target.sampling_rate != self.sampling_rate:
            raise AudioError(
                f"{sample.place}: a target at {target.sampling_rate} Hz, and the model speaks at "
                f"{self.sampling_rate} Hz"
            )
        if self.codec.encoder is None:
            raise AudioError(f"{sample.place}: {NO_ENCODER} and learnt. {WHOLE_CODEC}")
        if not self._checkpoint.voices.is_given(sample):
            warnings.warn(ITS_OWN_VOICE, stacklevel=2)  # once: it is always the same
        sound = np.asarray(target.audio, dtype=np.float32)
        return self.codec.latents(sound, end_on_pause=False)

    def target_problem(self, sample: AudioSample, target: Hypothesis) -> str | None:
        """Say what of its text has no token, or why its recording cannot be learnt."""
        if reason := unspoken(self._checkpoint.processor.tokenizer, sample.reference or ""):
            return reason
        if target.features is not None:
            drawn = target.features
            drawn = read_features(drawn) if isinstance(drawn, Path) else drawn
            return None if len(drawn) else "it ended before its first frame"
        if self.codec.encoder is None:
            return f"{NO_ENCODER} and learnt. {WHOLE_CODEC}"
        frame = self.codec.frame_seconds
        longest, seconds = frame * self._config.max_position_embeddings, audio_seconds(target)
        if not frame <= seconds < longest:
            return f"it lasts {seconds:.2f} s, and the model learns {frame:g} to {longest:g} s"
        return None

    def make_trainable(self, options: TrainOptions) -> None:
        """Choose what is trained.

        "default" and "full" are every weight; "lora" are low-rank updates of the backbone's queries
        and values.

        Raises:
            ConfigError: If it is "frozen-encoder", since one stream holds voice, text and speech;
                or if the model's flow is of a type for which Transformers has no loss.
        """
        flow = self._config.flow_head_config.flow_type
        if flow != "lsd":
            raise ConfigError(
                [f"model: its flow is of type '{flow}', and only 'lsd' can be trained"]
            )
        if options.trainable == "frozen-encoder":
            raise ConfigError(
                ["trainable: Pocket TTS has no encoder to freeze; choose full, or lora"]
            )
        if options.trainable == "lora":
            add_low_rank_updates(self._model, options.lora_rank, options.lora_alpha)

    def checkpoint_gradients(self) -> None:
        """Compute each layer again in the backward pass, by Transformers' own switch."""
        self._model.activation_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and feature extractor; codec and voice beside them.

        Raises:
            CheckpointError: If the folder cannot be written.
        """
        folder = Path(folder)
        with writing(folder):
            write_network(self._model, merged_state(self._model), folder)
            self._checkpoint.processor.save_pretrained(folder)
            self.codec.save(folder)
            self._checkpoint.voices.save(folder)


WHOLE_CODEC = "Take a checkpoint whose codec has one."
ITS_OWN_VOICE = (
    "what is learnt is also the voice that it is spoken with: a recording stands in the prompt, "
    "from which it can be copied. State another recording as the voice of its line, or put "
    "voice.safetensors into the checkpoint."
)


def _seed(step: int, sample: AudioSample, target: Hypothesis) -> int:
    """Return what draws the flow of one utterance in one step."""
    key = ("pocket-tts", "loss", step, sample.id, target.index)
    return int(keyed_random.generator(*key).integers(2**62))
