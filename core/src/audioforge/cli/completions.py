"""What a shell may complete of an option: names of plugins, presets, choices, files.

Plugins are listed from their specifications, so that nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import click
from click.shell_completion import CompletionItem

from audioforge.config.presets import preset_names

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

PLUGIN_KINDS: Mapping[str, str] = {
    "adapter": "models",
    "aggregator": "aggregators",
    "augment": "augmentations",
    "executor": "executors",
    "log_with": "trackers",
    "selection": "selections",
    "verifier": "verifiers",
}
"""Kind of plugin that an option names."""
DATASETS = ("dataset", "eval_dataset", "test_dataset", "retention_dataset")
"""Options that take a dataset: a name, or a path."""
FILES = [CompletionItem("", type="file")]
"""Lets the shell complete a path; first of all, since bash forgets what came before it."""


def completion_of(name: str, kind: str, choices: Iterable[str] = ()) -> Complete | None:
    """Return what completes the option of a setting; None where nothing is known.

    Args:
        name: Name of the setting.
        kind: What it is, as `setting` declares it.
        choices: Its values, where there are few.
    """
    known = tuple(choices)
    if known:
        return lambda _, __, begun: _beginning(known, begun)
    if name in PLUGIN_KINDS:
        return lambda _, __, begun: _beginning(_names(PLUGIN_KINDS[name]), begun)
    if name in DATASETS:
        return complete_dataset
    if kind == "path" or name == "model_name":
        return lambda _, __, ___: FILES
    return None


def complete_preset(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete a preset's name, or the file of one's own."""
    return [*FILES, *_beginning(preset_names(), begun)]


def complete_dataset(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete a dataset's name, or a path."""
    return [*FILES, *_beginning(_names("datasets"), begun)]


def _names(kind: str) -> list[str]:
    from audioforge.plugins import discover

    return discover().names(kind)


def _beginning(names: Iterable[str], begun: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(begun)]
