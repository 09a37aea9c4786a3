"""The settings of each command that works with a model or with verifiers: tables put together."""

from __future__ import annotations

from typing import ClassVar

from attrs import define

from audioforge.config.export_table import ExportSettings
from audioforge.config.run_table import RunSettings
from audioforge.config.setting_kinds import Schedule, at_cycle
from audioforge.config.tables import (
    DatasetSettings,
    EvaluationSettings,
    MetricSettings,
    ModelSettings,
    PredictionSettings,
    RewardSettings,
    SamplingSettings,
)

CHANGEABLE = (
    "output_dir",
    "device",
    "max_verifier_failures",
    "verifier_timeout",
    "save_every",
    "cache_gb",
    "log_with",
    "executor",
)
"""Settings that do not change what a run computes, so that a resumed run may have others."""


# attrs puts the fields of the last base first: what is asked for most stands last here.
@define(kw_only=True, slots=False)
class VerifyConfig(RewardSettings, PredictionSettings):
    """Every setting of `audioforge verify`; see its `--help` for what each means.

    Raises:
        ConfigError: With one line for each setting that is wrong.
    """

    command: ClassVar[str] = "verify"


@define(kw_only=True, slots=False)
class BenchmarkConfig(MetricSettings, DatasetSettings, ModelSettings):
    """Every setting of `audioforge benchmark`; see its `--help` for what each means.

    Raises:
        ConfigError: With one line for each setting that is wrong.
    """

    command: ClassVar[str] = "benchmark"


@define(kw_only=True, slots=False)
class AudioRAFTConfig(
    RunSettings, ExportSettings, SamplingSettings, EvaluationSettings, BenchmarkConfig
):
    """Every setting of a training run; see `audioforge train --help` for what each means.

    >>> AudioRAFTConfig(num_cycles=3).num_cycles
    3
    >>> AudioRAFTConfig(sample_per_prompt=8)
    Traceback (most recent call last):
    ...
    audioforge.errors.ConfigError: 1 setting is wrong:
      sample_per_prompt: there is no such setting. Did you mean samples_per_prompt?

    A run measures as `benchmark` does, and so has all of its settings.

    Raises:
        ConfigError: With one line for each setting that is wrong.
    """

    command: ClassVar[str] = "train"

    @property
    def effective_reward_threshold(self) -> Schedule:
        """The reward from which a hypothesis can be kept, cycle by cycle."""
        if self.reward_threshold is not None:
            return self.reward_threshold
        return max(0.0, 1.0 - self.wer_threshold)

    def reward_threshold_of(self, cycle: int) -> float:
        """Return the reward from which a hypothesis can be kept in a cycle, counted from 1."""
        return at_cycle(self.effective_reward_threshold, cycle)
