"""What an interrupted run was begun with: its settings and its plugin files are there again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import attrs

from audioforge.config import CHANGEABLE, AudioRAFTConfig, read_config_file
from audioforge.errors import UsageError
from audioforge.plugin_reference import PluginReference, read_plugin_reference
from audioforge.plugins import Registry
from audioforge.run.environment import sha256_of
from audioforge.run.folder import RunFolder


def read_settings(folder: Path, flag: str = "--resume") -> dict[str, object]:
    """Return the settings of a run.

    Args:
        folder: The run folder.
        flag: What asks for it.

    Raises:
        ConfigError: If they cannot be read.
        UsageError: If there are some that this AudioForge does not know.
    """
    settings = read_config_file(folder / "config.yaml")
    unknown = sorted(set(settings) - {a.name for a in attrs.fields(AudioRAFTConfig)}, key=str)
    if unknown:
        raise UsageError(
            f"{flag} {folder}: config.yaml has settings that AudioForge "
            f"{metadata.version('audioforge')} does not know: {', '.join(map(str, unknown))}. "
            f"AudioForge {RunFolder(folder).read_version()} began the run, before they were "
            f"renamed or removed: finish it with the AudioForge of that day, or begin a new run. "
            f"CHANGELOG.md says what they are called now."
        )
    return settings


def check_changes(folder: Path, changes: Mapping[str, object]) -> None:
    """Check that settings change nothing of what a run computes: that was settled when it began.

    Raises:
        UsageError: Naming those that do.
    """
    refused = sorted(set(changes) - set(CHANGEABLE[1:]))
    if refused:
        raise UsageError(
            f"--resume {folder}: a run goes on with its own settings; leave out "
            f"{', '.join(refused)}. Only {', '.join(CHANGEABLE[1:])} can be changed."
        )


def check_plugin_files(folder: Path, registry: Registry | None) -> None:
    """Check that the single files that a run loaded as plugins are there again.

    Whether they have changed is told with everything else that has.

    Raises:
        UsageError: If one was not given.
    """
    files = [plugin.file for plugin in registry.plugins if plugin.file] if registry else []
    given = {str(file): sha256_of(file) for file in files}
    for path, digest in RunFolder(folder).read_plugin_files().items():
        if path not in given and digest not in given.values():  # perhaps under another name
            raise UsageError(
                f"--resume {folder}: the run was started with --plugin {path}; give it again"
            )


def check_given(folder: Path, functions: Sequence[PluginReference]) -> None:
    """Check that the functions that a run was begun with are given again, and no others.

    Whether their code has changed is told with everything else that has.

    Raises:
        UsageError: If one is missing, or is no part of the run.
    """
    named = [(k, n) for k, n in RunFolder(folder).read_given() if k != "datasets"]
    again = [read_plugin_reference(function)[0] for function in functions]
    missing = [(kind, name) for kind, name in named if name not in again]
    if missing:
        listed = " and ".join(f"the {kind.removesuffix('s')} {name}" for kind, name in missing)
        names = ", ".join(name for _, name in named)
        raise UsageError(
            f"--resume {folder}: the run was begun in Python, with {listed} as a function; go on "
            f"there, and give it again: AudioRAFTTrainer.resume({str(folder)!r}, "
            f"given=[{names}]).train()"
        )
    if others := set(again) - {name for _, name in named}:
        raise UsageError(
            f"--resume {folder}: the run was begun without the function {', '.join(others)}"
        )
