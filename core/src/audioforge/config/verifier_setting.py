"""A verifier as a run is told of it: its name, and what the run itself has to know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from audioforge.config.setting_kinds import number
from audioforge.plugin_reference import PluginReference, read_plugin_reference


@frozen
class VerifierSetting:
    """One verifier of a run.

    Attributes:
        name: Name that the verifier is registered under.
        id: What its scores are called in the results.
        weight: Share of its scores in the reward; 0 records without rewarding.
        options: What the verifier's options class is given.
    """

    name: str
    id: str
    weight: float
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, plugin: PluginReference) -> VerifierSetting:
        """Read "name:key=value,weight=0.5", a mapping with the same keys and `name`, or a function.

        Raises:
            UsageError: If an option has no `=` or is there twice, or a function has no name.
            ValueError: If the name is missing, the id empty or the weight not a number ≥ 0.
        """
        name, settings = read_plugin_reference(plugin)
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
