"""The contract of a model adapter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from attrs import field, frozen

from audioforge.errors import ConfigError, PluginError
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge.transcript import Segment, TranscriptionOptions, WordTime

if TYPE_CHECKING:
    import torch

Task = Literal["asr", "classification", "tts"]
TASKS: tuple[Task, ...] = ("asr", "classification", "tts")
Row: TypeAlias = "Mapping[str, torch.Tensor]"
"""What `ModelAdapter.reusable` computes of one clip, by name."""


@frozen
class SamplingParams:
    """How hypotheses are drawn.

    Attributes:
        temperature: Divides the logits; 0 means greedy, and then k must be 1.
        top_p: Keep the smallest set of tokens whose probability reaches this; 1 keeps all.
        top_k: Keep this many tokens; 0 keeps all.
        seed: Seed of the run.
        cycle: The cycle; with seed, sample id, hypothesis index and step it keys the noise.
        max_new_tokens: Stop after this many tokens; None for the model's own limit.
        max_tokens_per_second: Stop after this many tokens for each second of the clip, and a few
            more, so that a loop in one does not hold up a batch; None for no such limit.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    cycle: int = 0
    max_new_tokens: int | None = None
    max_tokens_per_second: float | None = None

    def check(self, k: int) -> None:
        """Check that k hypotheses can be drawn so.

        Raises:
            ConfigError: Naming every setting that makes no sense.
        """
        problems = []
        if self.temperature < 0:
            problems.append(f"temperature: {self.temperature} is negative")
        if self.temperature == 0 and k != 1:
            problems.append(f"temperature: 0 is greedy and gives one hypothesis, not {k}")
        if k < 1:
            problems.append(f"samples_per_prompt: {k} is less than 1")
        if not 0 < self.top_p <= 1:
            problems.append(f"top_p: {self.top_p} is not in (0, 1]")
        if self.top_k < 0:
            problems.append(f"top_k: {self.top_k} is negative")
        if self.max_tokens_per_second is not None and not self.max_tokens_per_second > 0:
            problems.append(f"max_tokens_per_second: {self.max_tokens_per_second} is not over 0")
        if problems:
            raise ConfigError(problems)


GREEDY = SamplingParams(temperature=0.0)


@frozen
class LoadOptions:
    """How a checkpoint is loaded.

    Attributes:
        device: A torch device such as "cpu" or "cuda:0".
        language: Spoken language for multilingual models, saved with the checkpoint; None for each
            sample's own.
        new_labels: Give a classifier a new, untrained head for these labels; None keeps its own.
        seed: Draws the first weights of a new head.
    """

    device: str = "cpu"
    language: str | None = None
    new_labels: tuple[str, ...] | None = None
    seed: int = 0


@frozen(eq=False)
class Likelihoods:
    """How likely a model finds targets, clip by clip.

    Attributes:
        logprobs: Natural log-probability of each target, summed over its tokens; float32, shape
            (targets,), with gradients where they are recorded.
        tokens: How many tokens each sum is over, at least 1; float32, shape (targets,).
    """

    logprobs: torch.Tensor
    tokens: torch.Tensor

    def weighted_loss(self, weights: Sequence[float]) -> torch.Tensor:
        """Return Σ weight × mean negative log-likelihood per token, as `ModelAdapter.loss` does."""
        return -(self.logprobs / self.tokens * self.logprobs.new_tensor(weights)).sum()


@frozen
class TrainOptions:
    """Which weights are trained.

    Attributes:
        trainable: "default" (what the model's family is usually fine-tuned with), "full" (every
            weight), "frozen-encoder" (what stands on the encoder), or "lora" (low-rank updates of
            the attention).
        lora_rank: Rank of the update.
        lora_alpha: Scale of the update is `lora_alpha / lora_rank`.
    """

    trainable: Literal["default", "full", "frozen-encoder", "lora"] = "default"
    lora_rank: int = 16
    lora_alpha: float = 32.0


@frozen(eq=False)
class Reuse:
    """What decides the row that an adapter computes of a clip, besides the clip's waveform.

    Rows are kept for a run by a digest of all this, and by the waveform's.

    Attributes:
        settings: What configures the computation, as JSON can hold it: a feature extractor's
            settings, say.
        weights: The weights that take part, by name. None of them is trained.
        in_threads: Whether `reusable` may be called in several threads while the model works: it
            reads no weights, and changes nothing, neither of the adapter nor of the process.
    """

    settings: Mapping[str, Any]
    weights: Mapping[str, torch.Tensor] = field(factory=dict)
    in_threads: bool = False


class ModelAdapter(ABC):
    """One model family behind the verbs that the engine needs.

    Weights are float32; reduced precision is the engine's autocast around `sample` and `loss`.
    An adapter holds no random state: noise comes from `audioforge.keyed_random`.
    """

    tasks: ClassVar[tuple[Task, ...]]
    autoregressive: ClassVar[bool] = False
    """Whether it writes a transcript token by token, each by those before it, so that it can repeat
    itself; temperature fallback is for such models."""
    loss_is_likelihood: ClassVar[bool] = True
    """Whether `loss` is what `logprobs` tells. Models of spectrograms have a loss of their own."""

    @classmethod
    @abstractmethod
    def load(cls, checkpoint: str, options: LoadOptions) -> ModelAdapter:
        """Load a checkpoint: a local folder or a hub id.

        Raises:
            CheckpointError: If it cannot be found or is not one this adapter serves.
        """

    @property
    @abstractmethod
    def module(self) -> torch.nn.Module:
        """The network; the engine trains those of its parameters that require a gradient."""

    @property
    @abstractmethod
    def sampling_rate(self) -> int:
        """The rate in Hz at which `prepare` expects audio."""

    @property
    def max_seconds(self) -> float | None:
        """The longest clip that is not cut; longer ones are reported and left out."""
        return None

    @property
    def min_seconds(self) -> float:
        """The shortest clip the model can take."""
        return 0.0

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The classes of a classifier, in the order of its outputs; None for other models."""
        return None

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the model can be told to transcribe, as `languages.tags` has them.

        Empty for a model that cannot be told, such as most CTC models.
        """
        return ()

    @property
    def own_language(self) -> str | None:
        """The language of clips that state none, where the checkpoint is for one language."""
        return self.languages[0] if len(self.languages) == 1 else None

    def language_logprobs(self, batch: Any) -> torch.Tensor:
        """Return the log-probability that a clip is in each of `languages`.

        The engine asks models of several languages, and none whose checkpoint has an own language.

        Returns:
            float32, shape (clips, languages); a clip's probabilities add up to 1.
        """
        raise ConfigError([f"language: {type(self).__name__} cannot tell which one is spoken"])

    @abstractmethod
    def prepare(self, clips: Sequence[Clip]) -> Any:
        """Turn clips into one batch on the model's device.

        For text to speech, the text is the sample's reference, and the waveform is the voice to
        speak with, of no frames where the sample has none.

        Args:
            clips: A tuple, of which the waveforms are copies and may be changed.
        """

    def clip_problem(self, clip: Clip) -> str | None:
        """Say why a clip cannot be prepared (a text too long to speak, no voice), or None."""
        return None

    def reuse(self) -> Reuse | None:
        """Say what of a clip need be computed only once in a run; None where that is nothing.

        It is asked after `make_trainable` too: the output of a frozen encoder can be reused, that
        of one that is trained cannot, but its input.
        """
        return None

    def reusable(self, clip: Clip) -> Row:
        """Compute what `reuse` promises of one clip, from its waveform alone.

        Without dropout and any other chance, whatever mode the network is in, and without
        gradients. The engine calls it once a clip where it can keep the row, and as often as it is
        needed where it cannot.

        Args:
            clip: A clip, whose waveform is a copy and may be changed.

        Returns:
            Tensors on any device; they share no memory.
        """
        raise PluginError(f"{type(self).__name__} has `reuse` and no `reusable`: it needs both")

    def assemble(self, samples: Sequence[AudioSample], rows: Sequence[Row]) -> Any:
        """Turn rows into one batch on the model's device: what `prepare` makes of the clips.

        Args:
            samples: What is known about each clip.
            rows: What `reusable` computed of each, on the CPU; not to be changed.
        """
        raise PluginError(f"{type(self).__name__} has `reuse` and no `assemble`: it needs both")

    def part(self, batch: Any, rows: Sequence[int]) -> Any:
        """Return a batch of some clips of another, with what is computed of them already.

        What draws again for these alone, or asks `logprobs` of them, does without where it is None.

        Args:
            batch: A batch.
            rows: The numbers of the clips in it, ascending.
        """
        return None

    @abstractmethod
    def sample(self, batch: Any, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        """Draw k hypotheses for each clip of a batch; may be called again on the same batch.

        A model whose output has no length of its own ends a hypothesis at the limits of `params`,
        and says so (`Hypothesis.cut`). What a sound is made of goes along: `Hypothesis.features`.
        The noise is keyed by (seed, cycle, sample id, hypothesis index, step).
        """

    @abstractmethod
    def loss(
        self, batch: Any, targets: Sequence[Hypothesis], weights: Sequence[float]
    ) -> torch.Tensor:
        """Return the scalar sum over utterances of weight × negative log-likelihood in nats.

        An utterance's negative log-likelihood is the mean over the tokens of its target, or what a
        model of spectrograms has instead (`loss_is_likelihood`). Of a target that a length limit
        cut no end is taught. Where a target has `features`, they are learnt, and its sound is not
        analysed. The engine divides by the sum of weights over all processes.
        """

    def logprobs(self, batch: Any, targets: Sequence[Sequence[Hypothesis]]) -> Likelihoods:
        """Return how likely the model finds several targets of each clip.

        Selections with a loss of their own need it: policy gradients and expected errors; RAFT and
        its kin do without.

        Args:
            batch: What `prepare` or `part` made; it may have been sampled.
            targets: For each clip of the batch its targets, of which all have passed
                `target_problem`.

        Raises:
            ConfigError: If the adapter cannot.
        """
        raise ConfigError([f"selection: {type(self).__name__} cannot tell how likely a text is"])

    def target_problem(self, sample: AudioSample, target: Hypothesis) -> str | None:
        """Say why a target cannot be learnt (too long, unknown characters), or None."""
        return None

    def no_speech_probabilities(self, batch: Any) -> list[float] | None:
        """Return the probability that nobody speaks in a clip, for each of a batch.

        Temperature fallback asks a model that is `autoregressive`; None where it cannot tell.
        """
        return None

    def word_times(self, batch: Any, hypotheses: Sequence[Hypothesis]) -> list[list[WordTime]]:
        """Say when each word of each transcript was said.

        Raises:
            ConfigError: If the model cannot tell.
        """
        raise ConfigError([f"word_times: {type(self).__name__} cannot tell when a word was said"])

    def transcribe(self, clip: Clip, options: TranscriptionOptions) -> list[Segment] | None:
        """Transcribe a recording of any length by the family's own way.

        Asked where it is longer than `max_seconds`, or segments or words are to have times.

        Returns:
            Segments in their order; None where there is no such way: then the engine cuts the
            recording where it is quiet, and samples the parts.

        Raises:
            ConfigError: If words are to have times, and the model cannot tell.
        """
        return None

    @abstractmethod
    def make_trainable(self, options: TrainOptions) -> None:
        """Choose the weights to train; called once, before the first update."""

    def checkpoint_gradients(self) -> None:
        """Have the loss keep little for the backward pass, and compute it again there.

        Called once, before the first update, where `--gradient-checkpointing` asks for it. The
        gradients are the same, in less memory and more time.

        Raises:
            ConfigError: If the model cannot; it is the default.
        """
        raise ConfigError(
            [f"gradient_checkpointing: {type(self).__name__} cannot; leave the setting out"]
        )

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write a checkpoint in Hugging Face layout (safetensors) that plain Transformers loads.

        Low-rank updates are merged in what is written; the adapter itself trains on unchanged.
        """


@frozen
class Serves:
    """A kind of checkpoint, as its `config.json` tells.

    Attributes:
        task: What the adapter does with it.
        model_type: The value of `model_type`.
        architectures: Accepted values in `architectures`.
    """

    task: Task
    model_type: str
    architectures: tuple[str, ...]


@frozen
class KnownCheckpoint:
    """A public checkpoint that an adapter is known to serve.

    Attributes:
        id: Hub id.
        parameters: Number of weights.
        note: What sets it apart, such as "English only".
        clip_bytes: Memory that training all weights in float32 takes for each clip of a batch, in
            bytes, where clips have one length; None where it grows with the clip.
    """

    id: str
    parameters: int
    note: str = ""
    clip_bytes: int | None = None
