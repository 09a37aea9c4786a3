"""The settings of what a run exports."""

from __future__ import annotations

from collections.abc import Set
from typing import ClassVar

from attrs import define

from audioforge.config.setting_kinds import setting
from audioforge.config.tables import UpdateSettings


@define(kw_only=True, slots=False)
class ExportSettings(UpdateSettings):
    """What is written of the model that a run exports."""

    section: ClassVar[str] = "Run"

    export_dtype: str = setting(
        "float32",
        "text",
        "Precision of the exported weights, which are rounded before they are measured; base is "
        "that of the base model's files.",
        choices=("float32", "base", "float16", "bfloat16"),
    )
    export_adapter: bool = setting(
        False,
        "flag",
        "With --trainable lora: write the low-rank update alone, too, in PEFT's layout, into "
        "adapter/ beside the exported weights.",
    )

    def _contradictions(self, wrong: Set[str]) -> list[str]:
        own = []
        if self.export_adapter and self.trainable != "lora" and "trainable" not in wrong:
            own.append("export_adapter: there is a low-rank update with --trainable lora only")
        return [*own, *super()._contradictions(wrong)]
