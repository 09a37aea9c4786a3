"""Making the runs: one that is finished is read again, one that was interrupted goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audioforge import AudioRAFTConfig, AudioRAFTTrainer, open_run
from audioforge.errors import UsageError
from audioforge.run.folder import RunFolder
from audioforge.run.parent import settings_after
from audioforge.run.resumed_settings import read_settings
from audioforge.terminal.reporter import Reporter
from real_speech.arms import Arm
from real_speech.plan import Setup, Stage, stages


def train(arm: Arm, seed: int, setup: Setup) -> Mapping[str, Any]:
    """Make every run of an arm with a seed.

    Returns:
        What `summary.json` of its last run holds.

    Raises:
        AudioForgeError: If a run fails or is interrupted; the next call goes on with it.
    """
    return [_run(stage) for stage in stages(arm, seed, setup)][-1]


def _run(stage: Stage) -> Mapping[str, Any]:
    folder = RunFolder(stage.folder)
    if folder.has_begun:
        _check_same(stage)
    if folder.is_finished:
        return open_run(stage.folder).as_mapping()
    quiet = Reporter(quiet=True)
    if folder.has_begun:
        return AudioRAFTTrainer.resume(stage.folder, reporter=quiet).train().as_mapping()
    return AudioRAFTTrainer(config_of(stage), reporter=quiet).train().as_mapping()


def config_of(stage: Stage) -> AudioRAFTConfig:
    """Return the settings of a run that is to begin.

    Raises:
        ConfigError: If they are wrong.
        UsageError: If it begins with a run that is not finished.
    """
    inherited = settings_after(stage.parent) if stage.parent else {}
    return AudioRAFTConfig.from_mapping({**inherited, **stage.settings, "output_dir": stage.folder})


def _check_same(stage: Stage) -> None:
    """Refuse a run that was made with another recipe.

    Raises:
        UsageError: Naming the settings that differ.
    """
    wanted = AudioRAFTConfig.from_mapping(stage.settings).as_mapping()
    made = read_settings(stage.folder)
    differ = sorted(name for name in stage.settings if made.get(name) != wanted[name])
    if differ:
        raise UsageError(
            f"{stage.folder}: was made with another {', '.join(differ)}; remove it, or name "
            f"another --output"
        )
