"""Presets: settings that go together, as YAML files with the reason of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audioforge.config.yaml_file import read_config_file
from audioforge.errors import ConfigError, did_you_mean

FOLDER = Path(__file__).parent


def preset_names() -> list[str]:
    """Return the names of AudioForge's own presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset_text(name: str) -> str:
    """Return a preset of AudioForge's own as it is written, with its reasons.

    Raises:
        ConfigError: If there is none of that name.
    """
    return _path(name).read_text(encoding="utf-8")


def preset_summary(name: str) -> str:
    """Return what a preset of AudioForge's own is for: the first line of its file."""
    return preset_text(name).partition("\n")[0].removeprefix("# ")


def read_preset(name: str) -> dict[str, Any]:
    """Return the settings of a preset: one of AudioForge's own, or any YAML file.

    Raises:
        ConfigError: If there is none of that name, or the file cannot be read.
    """
    is_file = name not in preset_names() and Path(name).suffix in (".yaml", ".yml")
    return read_config_file(Path(name).expanduser() if is_file else _path(name))


def _path(name: str) -> Path:
    known = preset_names()
    if name not in known:
        hint = did_you_mean(name, known)
        raise ConfigError([f"preset: none is called '{name}', and a file ends in .yaml. {hint}"])
    return FOLDER / f"{name}.yaml"
