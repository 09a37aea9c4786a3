"""Settings: one record for each table, and for each command the tables that it needs.

The same names serve everywhere: a key `a_b` of the YAML file is the flag `--a-b` and the keyword
`a_b` of `AudioRAFTConfig`. Four flags have the names that users know: `--model` (model_name),
`--cycles` (num_cycles), `--output` (output_dir) and `--continue` (parent).
"""

from audioforge.config.commands import (
    CHANGEABLE,
    AudioRAFTConfig,
    BenchmarkConfig,
    VerifyConfig,
)
from audioforge.config.presets import preset_names, read_preset
from audioforge.config.run_table import RunSettings
from audioforge.config.setting_kinds import Schedule, at_cycle, from_cycle, shown
from audioforge.config.settings import Settings
from audioforge.config.tables import (
    DatasetSettings,
    DataSettings,
    EvaluationSettings,
    MetricSettings,
    ModelSettings,
    RewardSettings,
    SamplingSettings,
    TaskSettings,
    UpdateSettings,
)
from audioforge.config.verifier_setting import VerifierSetting
from audioforge.config.yaml_file import read_config_file

__all__ = [
    "CHANGEABLE",
    "AudioRAFTConfig",
    "BenchmarkConfig",
    "DataSettings",
    "DatasetSettings",
    "EvaluationSettings",
    "MetricSettings",
    "ModelSettings",
    "RewardSettings",
    "RunSettings",
    "SamplingSettings",
    "Schedule",
    "Settings",
    "TaskSettings",
    "UpdateSettings",
    "VerifierSetting",
    "VerifyConfig",
    "at_cycle",
    "from_cycle",
    "preset_names",
    "read_config_file",
    "read_preset",
    "shown",
]
