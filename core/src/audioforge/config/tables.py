"""The settings, table by table: each record is what one part of AudioForge has to be told."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, ClassVar

from attrs import define

from audioforge.config.setting_kinds import EACH, Schedule, at_cycle, setting
from audioforge.config.settings import Settings
from audioforge.config.verifier_setting import VerifierSetting
from audioforge.errors import UsageError
from audioforge.model import TASKS
from audioforge.plugin_reference import PluginReference
from audioforge.tasks import DEFAULT_TASK, speech_task


@define(kw_only=True, slots=False)
class ModelSettings(Settings):
    """Which model, and how it is run."""

    section: ClassVar[str] = "Model"

    model_name: str | None = setting(None, "text", "Checkpoint: a hub id or a local folder.")
    adapter: str | None = setting(
        None, "text", "Model adapter to use, whatever the checkpoint's config.json says."
    )
    dtype: str = setting(
        "auto",
        "text",
        "Precision of the computation; weights are float32 either way. auto is bfloat16 on CUDA, "
        "and float32 elsewhere.",
        choices=("auto", "float32", "bfloat16"),
    )
    batch_size: int = setting(8, "int", "Clips per forward pass.", minimum=1)
    max_new_tokens: int | None = setting(
        None, "int", "Longest hypothesis in tokens; otherwise the model's own limit.", minimum=1
    )
    max_tokens_per_second: float | None = setting(
        None,
        "float",
        "Longest transcript in tokens for each second of the clip, and a few more, so that a model "
        "that repeats itself ends; 0 is no limit; otherwise 15, 30 or 75, by the scripts of the "
        "languages of the data.",
        minimum=0,
    )
    temperature_fallback: bool = setting(
        False,
        "flag",
        "Measure as Whisper is used: a greedy transcript that repeats itself, or that the model "
        "finds unlikely, is drawn again at 0.2, 0.4, … 1, and one of silence is empty. Hypotheses "
        "to learn from are drawn as ever.",
    )
    executor: str | dict[str, Any] = setting(
        "processes", "plugin", "Who samples, measures and updates, as name:key=value."
    )


@define(kw_only=True, slots=False)
class TaskSettings(Settings):
    """What is done, in which language, and where."""

    section: ClassVar[str] = "Data"

    task: str = setting(DEFAULT_TASK, "text", "What the model does.", choices=TASKS)
    language: str | None = setting(
        None,
        "language",
        "Spoken language of all data (en, pl, …). Otherwise a clip's is what the data state, else "
        "what its dataset is written in, else what the model hears in all of its clips together; "
        "with each, what it hears in that clip.",
    )
    device: str = setting("auto", "text", "auto, cpu, cuda or mps.")

    @property
    def common_language(self) -> str | None:
        """The language that is asked for, of all data; None where the data's own count."""
        return None if self.language == EACH else self.language


@define(kw_only=True, slots=False)
class DataSettings(TaskSettings):
    """How a line of data is read."""

    section: ClassVar[str] = "Data"

    text_column: str | None = setting(None, "text", "Column or key that holds the transcript.")
    label_column: str | None = setting(None, "text", "Column or key that holds the class label.")
    limit: int | None = setting(None, "int", "Use at most this many samples.", minimum=1)
    on_error: str = setting(
        "skip", "text", "What to do with a clip that cannot be used.", choices=("skip", "fail")
    )


@define(kw_only=True, slots=False)
class PredictionSettings(DataSettings):
    """How a line of predictions is read."""

    pred_column: str | None = setting(
        None, "text", "Column or key of what the system said; otherwise pred_text or pred_audio."
    )


@define(kw_only=True, slots=False)
class DatasetSettings(DataSettings):
    """Which dataset is read: to learn from, or to measure on."""

    dataset: str | None = setting(None, "text", "Data: a name, a path, or a hub id.")
    split: str | None = setting(None, "text", "Split of the dataset to read.")
    audio_column: str | None = setting(None, "text", "Column or key that holds the sound's path.")
    speaker_column: str | None = setting(None, "text", "Column or key that says who speaks.")
    audio_root: str | None = setting(
        None,
        "text",
        "Folder or address where relative paths of sound start; otherwise the folder of the file "
        "that states them.",
    )
    data_dir: Path | None = setting(None, "path", "Folder of the corpus' extracted archive.")
    streaming: bool = setting(False, "flag", "Stream a hub dataset instead of downloading it.")


@define(kw_only=True, slots=False)
class RewardSettings(TaskSettings):
    """What hypotheses are scored with, and what is done when that fails."""

    section: ClassVar[str] = "Reward"

    verifier: Sequence[PluginReference] = setting(
        (),
        "plugins",
        "Verifier as name:key=value,weight=1; may be given more than once; otherwise the task's.",
    )
    aggregator: str | dict[str, Any] | None = setting(
        None,
        "plugin",
        "How scores become one reward, as name:key=value; otherwise weighted_mean, and product for "
        "text to speech.",
    )
    wer_threshold: float = setting(
        0.3, "float", "Word error rate up to which a transcript passes.", minimum=0
    )
    normalizer: str | None = setting(
        None,
        "text",
        "Text normaliser for reward and evaluation: english-1, words-1, words-1-unpointed, "
        "by-language-1, whisper-english, whisper-basic or none; otherwise english-1 for English, "
        "words-1 for other languages, and by-language-1 for clips of both.",
    )
    max_verifier_failures: float = setting(
        0.05,
        "float",
        "Stop when more than this part of what a verifier was given made it fail; each failure "
        "leaves a hypothesis without a reward.",
        minimum=0,
        maximum=1,
    )
    verifier_timeout: float = setting(
        300.0, "float", "Seconds that a verifier may take for one batch; 0 is no limit.", minimum=0
    )

    @property
    def verifiers(self) -> list[VerifierSetting]:
        """The verifiers to use: the configured ones, or the task's own."""
        default = speech_task(self.task).default_verifiers
        return [VerifierSetting.parse(v) for v in (self.verifier or default)]

    @property
    def reward_aggregator(self) -> str | dict[str, Any]:
        """The aggregator to use: the configured one, or the task's own."""
        return self.aggregator or speech_task(self.task).default_aggregator

    def _contradictions(self, wrong: Set[str]) -> list[str]:
        own = []
        for index, plugin in enumerate(() if "verifier" in wrong else self.verifier):
            try:
                VerifierSetting.parse(plugin)
            except (UsageError, ValueError) as error:
                own.append(f"verifier[{index}]: {error}")
        return [*own, *super()._contradictions(wrong)]


@define(kw_only=True, slots=False)
class MetricSettings(RewardSettings):
    """Which metric of a verifier decides."""

    section: ClassVar[str] = "Evaluation"

    metric: str | None = setting(
        None,
        "text",
        "Corpus metric that decides between models, as VERIFIER.METRIC; otherwise the task's: "
        "wer.wer (wer.mer where most references are in scripts without spaces), label.accuracy, or "
        "the mean reward.",
    )


@define(kw_only=True, slots=False)
class EvaluationSettings(Settings):
    """What a run is measured on, and which models are measured."""

    section: ClassVar[str] = "Evaluation"

    eval_dataset: str | None = setting(
        None, "text", "Held-out data; otherwise a part of the training data is held out."
    )
    test_dataset: str | None = setting(
        None, "text", "Evaluated once at the end, for the base and the exported model."
    )
    retention_dataset: tuple[str, ...] = setting(
        (), "texts", "Data whose metric must not get worse; may be given more than once."
    )
    eval_fraction: float = setting(
        0.1,
        "float",
        "Part of the training data to hold out (whole speakers where known).",
        above=0,
        maximum=0.9,
    )
    split_seed: int | None = setting(
        None, "int", "Seed of what is held out of the training data; otherwise seed.", minimum=0
    )
    interpolate: tuple[float, ...] = setting(
        (),
        "floats",
        "Points on the line from the base (0) to the best cycle (1) to choose from; otherwise 1, "
        "or 0.25,0.4,0.5,0.6,0.75,1 with a retention set.",
        above=0,
        maximum=1,
    )

    @property
    def effective_interpolate(self) -> tuple[float, ...]:
        """The points to choose from on the line from the base to the best cycle."""
        if self.interpolate:
            return self.interpolate
        return (0.25, 0.4, 0.5, 0.6, 0.75, 1.0) if self.retention_dataset else (1.0,)

    def _contradictions(self, wrong: Set[str]) -> list[str]:
        names = () if "retention_dataset" in wrong else self.retention_dataset
        repeated = sorted({name for name in names if names.count(name) > 1})
        own = [f"retention_dataset: {name} is there twice" for name in repeated]
        return [*own, *super()._contradictions(wrong)]


@define(kw_only=True, slots=False)
class SamplingSettings(Settings):
    """How hypotheses are drawn, and which of them are kept."""

    section: ClassVar[str] = "Sampling"

    samples_per_prompt: int = setting(4, "int", "Hypotheses per clip (k).", minimum=1)
    augment: tuple[str | dict[str, Any], ...] = setting(
        (),
        "plugins",
        "What changes the sound of training clips, anew in each cycle, before they are sampled and "
        "learnt, as noise:folder=DIR,snr_db=5-20; may be given more than once, in order.",
    )
    temperature: Schedule | None = setting(
        None,
        "schedule",
        "Sampling temperature; otherwise what suits the model's family: 0.6 for Whisper, else 1.",
        above=0,
    )
    top_p: float = setting(1.0, "float", "Nucleus sampling; 1 is off.", above=0, maximum=1)
    top_k: int = setting(0, "int", "Sample among this many tokens; 0 is off.", minimum=0)
    reward_threshold: Schedule | None = setting(
        None,
        "schedule",
        "Keep hypotheses of at least this reward; otherwise 1 − wer_threshold.",
        minimum=0,
        maximum=1,
    )
    selection: PluginReference = setting(
        "best",
        "plugin",
        "What is learnt from, as name:key=value: each clip's best hypothesis (best) or several "
        "(top-n, weighted), the best percent of all (top-percent), transcripts beside the best "
        "(mix); by a policy gradient (rloo, grpo) or by expected word errors (mwer); as controls "
        "a random hypothesis or the reference.",
    )
    keep_top_percent: float = setting(
        50.0, "float", "With --selection top-percent: how many to keep.", above=0, maximum=100
    )
    min_kept: int = setting(
        0,
        "int",
        "Where fewer clips than this would be kept, the threshold falls for that cycle to the "
        "reward that keeps so many, though never to 0.",
        minimum=0,
    )
    skip_solved: int = setting(
        0,
        "int",
        "Clips whose hypotheses all earned 1 are not sampled again for this many cycles.",
        minimum=0,
    )

    def temperature_of(self, cycle: int) -> float:
        """Return the sampling temperature of a cycle, counted from 1; it is known by then."""
        assert self.temperature is not None
        return at_cycle(self.temperature, cycle)


@define(kw_only=True, slots=False)
class UpdateSettings(Settings):
    """How the model learns from what was kept."""

    section: ClassVar[str] = "Update"

    learning_rate: Schedule = setting(1e-5, "schedule", "Learning rate.", above=0)
    lr_decay_per_cycle: float = setting(
        0.85,
        "float",
        "One rate is multiplied by this after each cycle; several are taken as they stand.",
        above=0,
        maximum=1,
    )
    warmup_steps: int = setting(
        0,
        "int",
        "Steps at the start of each cycle over which the rate rises linearly to its value.",
        minimum=0,
    )
    weight_decay: float = setting(0.01, "float", "Of AdamW.", minimum=0)
    max_grad_norm: float = setting(1.0, "float", "Gradients are clipped to this norm.", above=0)
    gradient_accumulation_steps: int = setting(
        1,
        "int",
        "Forward passes per step of the optimiser, which learns from this many × batch_size clips, "
        "whatever the number of processes.",
        minimum=1,
    )
    epochs_per_cycle: int = setting(
        1, "int", "Passes over what was kept, per cycle, unless steps_per_cycle is set.", minimum=1
    )
    steps_per_cycle: int | None = setting(None, "int", "Optimiser steps per cycle.", minimum=1)
    trainable: str = setting(
        "default",
        "text",
        "Which weights are trained; default is what the model's family is usually fine-tuned with.",
        choices=("default", "full", "frozen-encoder", "lora"),
    )
    gradient_checkpointing: bool = setting(
        False,
        "flag",
        "Keep less of each layer for the backward pass and compute it again there: less memory, "
        "more time, the same gradients.",
    )
    new_head: bool = setting(
        False, "flag", "Give a classifier a new, untrained head for the labels of the data."
    )
    lora_rank: int = setting(16, "int", "Rank of the LoRA update.", minimum=1)
    lora_alpha: float = setting(32.0, "float", "Scale of the LoRA update × rank.", above=0)

    def learning_rate_of(self, cycle: int, step: int | None = None) -> float:
        """Return the learning rate of a cycle.

        Args:
            cycle: The cycle, from 1.
            step: The step of its update, from 1; None for the rate once it is warmed up.
        """
        rate = at_cycle(self.learning_rate, cycle)
        if not isinstance(self.learning_rate, tuple):
            rate *= self.lr_decay_per_cycle ** (cycle - 1)
        if step is None or step > self.warmup_steps:
            return rate
        return rate * step / (self.warmup_steps + 1)


@define(kw_only=True, slots=False)
class RunSettings(Settings):
    """How long a run goes on, what it is drawn with, and where it is written down and shown."""

    section: ClassVar[str] = "Run"

    output_dir: Path | None = setting(None, "path", "Run folder; must be new or empty.")
    parent: Path | None = setting(
        None,
        "path",
        "Begin with the model that the finished run in this folder exported, and with its settings "
        "where none are given.",
    )
    num_cycles: int = setting(6, "int", "Cycles of sampling and fine-tuning.", minimum=1)
    patience: int | None = setting(
        None,
        "int",
        "Stop after this many cycles without a better held-out metric; otherwise run them all.",
        minimum=1,
    )
    seed: int = setting(0, "int", "One seed gives the same run.", minimum=0)
    save_every: float = setting(
        10.0, "float", "Minutes between two saves of an unfinished update.", minimum=0
    )
    cache_gb: float = setting(
        10.0,
        "float",
        "GB of the run folder's disk for what need be computed of a clip only once (decoded sound, "
        "features, the output of a frozen encoder) while the run lasts; 0 for none.",
        minimum=0,
    )
    log_with: tuple[str | dict[str, Any], ...] = setting(
        (),
        "plugins",
        "What shows the run elsewhere, as name:key=value: tensorboard, wandb, mlflow, trackio, or "
        "a plugin's; may be given more than once.",
    )
