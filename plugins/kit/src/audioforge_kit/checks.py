"""Every check of a plugin: of the plugin as a whole, then of each thing that it provides."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from audioforge.errors import PluginError, did_you_mean
from audioforge.plugin_reference import canonical
from audioforge.plugins import RESTRICT_VARIABLE, Plugin, Registry, discover, restriction
from audioforge.plugins.installed import (
    COMMANDS_GROUP,
    installed_entry_points,
    plugin_distributions,
)
from audioforge.plugins.plugin_file import absolute
from audioforge.specs import KINDS, Provided
from audioforge_kit.contract import Check, Contract
from audioforge_kit.installation import InstallationContract

CONTRACTS = {
    "models": "model_contract:ModelContract",
    "verifiers": "verifier_contract:VerifierContract",
    "datasets": "dataset_contract:DatasetContract",
    "aggregators": "aggregator_contract:AggregatorContract",
    "selections": "selection_contract:SelectionContract",
    "trackers": "tracker_contract:TrackerContract",
    "executors": "executor_contract:ExecutorContract",
    "exporters": "exporter_contract:ExporterContract",
    "augmentations": "augmentation_contract:AugmentationContract",
}


def contract_of(kind: str) -> type[Contract]:
    """Import the contract of a kind; that of models needs torch."""
    module, _, name = CONTRACTS[kind].partition(":")
    found = getattr(import_module(f"audioforge_kit.{module}"), name)
    return cast("type[Contract]", found)


def contract_checks(plugin: str | Path) -> list[Check]:
    """Return every check of a plugin, ready to be called.

    Args:
        plugin: Name of an installed distribution, or a path to a plugin that is a single file.

    Raises:
        PluginError: If there is no such plugin.
    """
    plugin = absolute(plugin) if isinstance(plugin, Path) else plugin
    files = (plugin,) if isinstance(plugin, Path) else ()
    registry = discover(files=files)
    own = _plugins_of(registry, plugin)
    checks = InstallationContract(own, files).checks()
    for kind in KINDS:
        for entry in own:
            for spec in entry.provides[kind]:
                provided = Provided(spec, entry.distribution)
                checks += contract_of(kind)(provided, registry, files).checks()
    return checks


def _plugins_of(registry: Registry, plugin: str | Path) -> list[Plugin]:
    if isinstance(plugin, Path):
        return [p for p in registry.plugins if p.file == plugin]
    name = canonical(plugin)
    found = [p for p in registry.plugins if canonical(p.distribution) == name]
    if found:
        return found
    commands = [d for _, d, _ in installed_entry_points(COMMANDS_GROUP, restriction())]
    for distribution in commands:  # a subcommand and no hooks
        if canonical(distribution) == name:
            return [Plugin(distribution, "", "")]
    known = plugin_distributions()
    kept_out = restriction()
    hint = "" if kept_out is None else f" {RESTRICT_VARIABLE} is '{kept_out}'."
    raise PluginError(
        f"no installed plugin is called '{plugin}'. {did_you_mean(str(plugin), known)}{hint}"
    )
