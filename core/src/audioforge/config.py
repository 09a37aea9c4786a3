"""The settings of a training run: one record, every problem reported at once.

The same names serve everywhere: a key `a_b` of the YAML file is the flag `--a-b` and the keyword
`a_b` of `AudioRAFTConfig`. Three flags keep the names that users know: `--model` (model_name),
`--cycles` (num_cycles) and `--output` (output_dir).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import attrs
import yaml
from attrs import define

from audioforge.errors import ConfigError, UsageError, did_you_mean
from audioforge.files.paths import open_regular
from audioforge.model import TASKS
from audioforge.plugin_reference import read_reference
from audioforge.setting_kinds import checked, number, setting
from audioforge.tasks import speech_task

MAX_CONFIG_BYTES = 100_000
MAX_INTEGER_BITS = 1024
CHANGEABLE = (
    "output_dir",
    "device",
    "executor",
    "max_error_rate",
    "verifier_timeout",
    "save_every",
    "tracker",
)
"""Settings that do not change what a run computes, so that a resumed run may have others."""


@define(kw_only=True)
class AudioRAFTConfig:
    """Every setting of a training run; see `audioforge train --help` for what each means.

    Raises:
        ConfigError: With one line for each setting that is wrong.
    """

    model_name: str | None = setting(None, "text", "Checkpoint: a hub id or a local folder.")
    task: str = setting("asr", "text", "What the model does.", choices=TASKS)
    dataset: str | None = setting(None, "text", "Training data: a name, a path, or a hub id.")
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
    split: str | None = setting(None, "text", "Split of the training data to read.")
    text_column: str | None = setting(None, "text", "Column or key that holds the transcript.")
    label_column: str | None = setting(None, "text", "Column or key that holds the class label.")
    data_dir: Path | None = setting(None, "path", "Folder of the corpus' extracted archive.")
    streaming: bool = setting(False, "flag", "Stream a hub dataset instead of downloading it.")
    limit: int | None = setting(None, "int", "Use at most this many training samples.", minimum=1)
    language: str | None = setting(
        None, "text", "Spoken language (en, pl, …); otherwise the sample's, or detected."
    )
    normalizer: str | None = setting(
        None,
        "text",
        "Text normaliser for reward and evaluation: whisper-english, whisper-basic or none; "
        "otherwise whisper-english for English and whisper-basic for the rest.",
    )
    on_error: str = setting(
        "skip",
        "text",
        "What to do with a clip that cannot be used.",
        choices=("skip", "fail"),
    )
    max_error_rate: float = setting(
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
    output_dir: Path | None = setting(None, "path", "Run folder; must be new or empty.")
    save_every: float = setting(
        10.0, "float", "Minutes between two saves of an unfinished update.", minimum=0
    )

    num_cycles: int = setting(6, "int", "Cycles of sampling and fine-tuning.", minimum=1)
    samples_per_prompt: int = setting(4, "int", "Hypotheses per clip (k).", minimum=1)
    temperature: float = setting(1.0, "float", "Sampling temperature.", above=0)
    top_p: float = setting(1.0, "float", "Nucleus sampling; 1 is off.", above=0, maximum=1)
    top_k: int = setting(0, "int", "Sample among this many tokens; 0 is off.", minimum=0)
    max_new_tokens: int | None = setting(
        None, "int", "Longest hypothesis in tokens; otherwise the model's own limit.", minimum=1
    )
    verifier: tuple[str | dict[str, Any], ...] = setting(
        (), "references", "Verifier as name:key=value,weight=1; may be given more than once."
    )
    aggregator: str | dict[str, Any] = setting(
        "weighted_mean",
        "reference",
        "How scores become one reward, as name:key=value.",
    )
    wer_threshold: float = setting(
        0.3, "float", "Word error rate up to which a transcript passes.", minimum=0
    )
    reward_threshold: float | None = setting(
        None,
        "float",
        "Keep hypotheses of at least this reward; otherwise 1 − wer_threshold.",
        minimum=0,
        maximum=1,
    )
    selection: str | dict[str, Any] = setting(
        "best",
        "reference",
        "What is learnt from, as name:key=value: each clip's best hypothesis (best); the best "
        "percent of all (top-percent); as controls a random hypothesis or the reference.",
    )
    keep_top_percent: float = setting(
        50.0, "float", "With --selection top-percent: how many to keep.", above=0, maximum=100
    )

    learning_rate: float = setting(1e-5, "float", "Learning rate of the first cycle.", above=0)
    lr_decay_per_cycle: float = setting(
        0.85, "float", "The rate is multiplied by this after each cycle.", above=0, maximum=1
    )
    min_lr: float = setting(1e-6, "float", "The rate never falls below this.", minimum=0)
    weight_decay: float = setting(0.01, "float", "Of AdamW.", minimum=0)
    max_grad_norm: float = setting(1.0, "float", "Gradients are clipped to this norm.", above=0)
    batch_size: int = setting(
        8,
        "int",
        "Clips per forward pass. A step of the optimiser learns from this many × "
        "gradient_accumulation_steps, whatever the number of processes.",
        minimum=1,
    )
    gradient_accumulation_steps: int = setting(
        1, "int", "Forward passes per optimiser step.", minimum=1
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
    new_head: bool = setting(
        False, "flag", "Give a classifier a new, untrained head for the labels of the data."
    )
    lora_rank: int = setting(16, "int", "Rank of the LoRA update.", minimum=1)
    lora_alpha: float = setting(32.0, "float", "Scale of the LoRA update × rank.", above=0)
    interpolate: tuple[float, ...] = setting(
        (),
        "floats",
        "Points on the line from the base (0) to the best cycle (1) to choose from; otherwise 1, "
        "or 0.25,0.4,0.5,0.6,0.75,1 with a retention set.",
        above=0,
        maximum=1,
    )

    adapter: str | None = setting(
        None, "text", "Model adapter to use, whatever the checkpoint's config.json says."
    )
    seed: int = setting(0, "int", "One seed gives the same run.", minimum=0)
    dtype: str = setting(
        "float32",
        "text",
        "Precision of the computation; weights are float32 either way.",
        choices=("float32", "bfloat16"),
    )
    device: str = setting("auto", "text", "auto, cpu, cuda or mps.")
    executor: str | dict[str, Any] = setting(
        "processes", "reference", "Who samples and updates, as name:key=value."
    )
    tracker: tuple[str | dict[str, Any], ...] = setting(
        (), "references", "Tracker as name:key=value; may be given more than once."
    )

    def __attrs_post_init__(self) -> None:
        """Convert and check every setting; report all that is wrong at once."""
        problems = {}
        for attribute in attrs.fields(type(self)):
            try:
                value = checked(getattr(self, attribute.name), attribute.metadata)
                setattr(self, attribute.name, value)
            except ValueError as error:
                problems[attribute.name] = f"{attribute.name}: {error}"
        contradictions = self._contradictions(problems.keys())
        if problems or contradictions:
            raise ConfigError([*problems.values(), *contradictions])

    def _contradictions(self, wrong: Set[str]) -> list[str]:
        """Compare settings with each other, but for those that are wrong by themselves."""
        problems = []
        if not wrong & {"min_lr", "learning_rate"} and self.min_lr > self.learning_rate:
            problems.append(
                f"min_lr: {self.min_lr:g} is above learning_rate {self.learning_rate:g}"
            )
        if "retention_dataset" not in wrong:
            names = self.retention_dataset
            repeated = sorted({name for name in names if names.count(name) > 1})
            problems += [f"retention_dataset: {name} is there twice" for name in repeated]
        for index, reference in enumerate(() if "verifier" in wrong else self.verifier):
            try:
                VerifierSetting.parse(reference)
            except (UsageError, ValueError) as error:
                problems.append(f"verifier[{index}]: {error}")
        return problems

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> AudioRAFTConfig:
        """Build a configuration from keys and values, as a YAML file holds them.

        Raises:
            ConfigError: Naming every unknown key and every wrong value.
        """
        known = [a.name for a in attrs.fields(cls)]
        problems = [
            f"{key}: there is no such setting. {_close(str(key), known)}"
            for key in values
            if key not in known
        ]
        try:
            config = cls(**{str(k): v for k, v in values.items() if k in known})
        except ConfigError as error:
            problems.extend(error.problems)
        if problems:
            raise ConfigError(problems)
        return config

    @property
    def verifiers(self) -> list[VerifierSetting]:
        """The verifiers to use: the configured ones, or the task's own."""
        default = speech_task(self.task).default_verifiers
        return [VerifierSetting.parse(v) for v in (self.verifier or default)]

    @property
    def effective_reward_threshold(self) -> float:
        """The reward from which a hypothesis can be kept."""
        if self.reward_threshold is not None:
            return self.reward_threshold
        return max(0.0, 1.0 - self.wer_threshold)

    @property
    def effective_interpolate(self) -> tuple[float, ...]:
        """The points to choose from on the line from the base to the best cycle."""
        if self.interpolate:
            return self.interpolate
        return (0.25, 0.4, 0.5, 0.6, 0.75, 1.0) if self.retention_dataset else (1.0,)

    def learning_rate_of(self, cycle: int) -> float:
        """Return the learning rate of a cycle, counted from 1."""
        return max(self.min_lr, self.learning_rate * self.lr_decay_per_cycle ** (cycle - 1))

    def as_mapping(self) -> dict[str, Any]:
        """Return the settings as YAML and JSON can hold them."""
        plain = {}
        for name, value in attrs.asdict(self, recurse=False).items():
            if isinstance(value, Path):
                value = str(value)
            plain[name] = list(value) if isinstance(value, tuple) else value
        return plain


@attrs.frozen
class VerifierSetting:
    """One verifier of a run.

    Attributes:
        name: Its registered name.
        id: What its scores are called in the results.
        weight: Its share in the reward; 0 records without rewarding.
        options: For its options class.
    """

    name: str
    id: str
    weight: float
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, reference: str | Mapping[str, Any]) -> VerifierSetting:
        """Read "name:key=value,weight=0.5" or the mapping with the same keys and `name`.

        Raises:
            ValueError: If the name is missing, the id empty or the weight not a number ≥ 0.
        """
        name, settings = read_reference(reference)
        if not name:
            raise ValueError(
                "a verifier needs a name, as in wer:weight=0.5 or {name: wer, weight: 0.5}"
            )
        weight = number(settings.pop("weight", 1.0))
        if not weight >= 0 or math.isinf(weight):
            raise ValueError(f"weight {weight:g} is not a number from 0")
        identity = str(settings.pop("id", name.rpartition("/")[2]))
        if not identity:
            raise ValueError("id is empty; leave it out, and the verifier's name stands for it")
        return cls(name, identity, weight, settings)


def read_config_file(path: Path) -> dict[str, Any]:
    """Read the settings of a YAML file.

    Raises:
        ConfigError: If it cannot be read, or is not a mapping.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text: {error.reason}"]) from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError([f"{path}: larger than {MAX_CONFIG_BYTES:,} bytes"])
    try:
        values = _load_yaml(text)
    # A date that cannot be, an empty "!!int", a thousand open brackets: each raises another kind.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError([f"{path}: not YAML: {reason}"]) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            [f"{path}: expected settings as 'key: value', not {type(values).__name__}"]
        )
    return values


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, of which a few lines can stand for billions of values."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse an alias; read everything else."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                problem="aliases (*name) are not taken here; write the value out",
                problem_mark=mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is there twice, of which YAML would silently take the last."""
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if repeated := sorted(key for key, times in keys.items() if times > 1):
            raise yaml.constructor.ConstructorError(
                problem=f"{', '.join(repeated)} is there twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Refuse a number so long that Python can no longer write it out in a message."""
        value = super().construct_yaml_int(node)
        if value.bit_length() > MAX_INTEGER_BITS:
            raise yaml.constructor.ConstructorError(
                problem=f"a whole number of {value.bit_length():,} bits",
                problem_mark=node.start_mark,
            )
        return value


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_yaml_int)


def _load_yaml(text: str) -> Any:
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _close(name: str, known: list[str]) -> str:
    sentence = did_you_mean(name, known)
    return (
        sentence.split(" Known:")[0]
        if sentence.startswith("Did")
        else ("`audioforge train --help` lists them.")
    )
