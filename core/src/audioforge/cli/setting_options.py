"""Flags of commands, generated from the settings that the command takes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import attrs
import click

from audioforge.cli.completions import completion_of
from audioforge.cli.sections import SectionedOption
from audioforge.config import Settings

RENAMED = {
    "model_name": "--model",
    "num_cycles": "--cycles",
    "output_dir": "--output",
    "parent": "--continue",
}
REPEATED = ("texts", "plugins")
ELSEWHERE = {"device": "Run", "executor": "Run"}
"""Settings that users look for in another section than their table's."""

Command = Callable[..., Any]


def setting_options(
    settings: type[Settings], *, required: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Return a decorator that adds one flag for each setting.

    The command gets each by the setting's name, as text: what it makes of them converts them, and
    reports all problems at once.

    Args:
        settings: The settings of the command.
        required: Names of those that must be given.
    """

    def add(command: Command) -> Command:
        for attribute in reversed(attrs.fields(settings)):
            option = _option(attribute, is_required=attribute.name in required)
            section = ELSEWHERE.get(attribute.name) or settings.section_of(attribute.name)
            named = flag_names(attribute)
            command = click.option(*named, cls=SectionedOption, section=section, **option)(command)
        return command

    return add


def given_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of those flags that were given."""
    return {name: value for name, value in flags.items() if value is not None and value != ()}


def flag_names(attribute: attrs.Attribute[Any]) -> tuple[str, str]:
    """Return the flag of a setting, and its name."""
    flag = RENAMED.get(attribute.name, f"--{attribute.name.replace('_', '-')}")
    if attribute.metadata["kind"] == "flag":
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    return flag, attribute.name


def _option(attribute: attrs.Attribute[Any], *, is_required: bool) -> dict[str, Any]:
    metadata, default = attribute.metadata, attribute.default
    text = metadata["help"]
    if default is not None and default is not False and default != ():
        text += (
            f"  [default: {default:g}]" if isinstance(default, float) else f"  [default: {default}]"
        )
    # None as default is "not given", which to Click is a value where one is required.
    option = {"help": text, **({"required": True} if is_required else {"default": None})}
    if metadata["kind"] == "flag":
        return option | {"is_flag": True}
    if metadata["choices"]:
        option["metavar"] = "|".join(metadata["choices"])
    elif metadata["kind"] == "schedule":
        option["metavar"] = "FLOAT[,…]"
    elif metadata["kind"] == "floats":
        option["metavar"] = "FLOAT,…"
    elif metadata["kind"] in ("int", "float", "path"):
        option["metavar"] = metadata["kind"].upper()
    complete = completion_of(attribute.name, metadata["kind"], metadata["choices"])
    return option | {
        "type": str,
        "multiple": metadata["kind"] in REPEATED,
        "shell_complete": complete,
    }
