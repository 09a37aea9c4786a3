"""How long a run goes on, and where it is kept: the table of the section Run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from attrs import define

from audioforge.config.setting_kinds import setting
from audioforge.config.settings import Settings


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
