"""Discovery of plugins: each is loaded on its own, and what failed is remembered with its reason.

`discover()` imports plugin modules (cheap by contract) but none of the factories they name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pluggy

from audioforge import hookspecs
from audioforge.errors import PluginError, describe, did_you_mean
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.isolation.time_limit import OutOfTime, call_within
from audioforge.plugin_reference import canonical
from audioforge.plugins.api_version import mismatch, source_of, version_of, written_version
from audioforge.plugins.conflicts import drop_repeated, mark_conflicts
from audioforge.plugins.foreign_output import StandardError
from audioforge.plugins.installed import (
    CORE,
    GROUP,
    RESTRICT_VARIABLE,
    Unreadable,
    installed_entry_points,
    module_name_of,
    plugin_distributions,
    restriction,
    split_names,
)
from audioforge.plugins.plugin_file import PluginFile, plugin_files
from audioforge.plugins.registry import Plugin, Registry
from audioforge.plugins.spec_check import spec_problem
from audioforge.specs import KINDS, Spec

LOAD_SECONDS = 30.0
"""For importing one plugin module and calling its hooks, which is to take a tenth of a second."""


def discover(names: str | None = None, files: Sequence[Path] = ()) -> Registry:
    """Load every installed plugin, each on its own; the engine's own always.

    Args:
        names: Comma-separated distributions to load beside the engine's own, none when empty, all
            when None. Defaults to the environment variable `AUDIOFORGE_PLUGINS`.
        files: Plugins that are single files and not installed, such as a user names with
            `--plugin`; they are loaded whatever `names` says.

    Raises:
        PluginError: If a file cannot be loaded: it was asked for by name.
    """
    names = restriction() if names is None else names
    plugins, broken = [], list[Unreadable]()
    found = installed_entry_points(GROUP, _with_core(names), broken)
    for entry_point, distribution, version in found:
        plugin = Plugin(distribution, version, f"{entry_point.name} = {entry_point.value}")
        plugins.append(plugin)
        module_name = module_name_of(entry_point)
        load(plugin, module_name, source_of(module_name), entry_point.load)
    plugins += [_load_file(file) for file in plugin_files(files)]
    drop_repeated(plugins)
    mark_conflicts(plugins)
    if names is not None and not split_names(names):
        broken = []  # none is asked for
    damaged = [Plugin(b.name, "", "", errors=[f"its metadata: {b.reason}"]) for b in broken]
    return Registry(plugins + damaged + _not_installed(names))


def _with_core(names: str | None) -> str | None:
    """Return the names with the engine's own: without selection and executor nothing is trained."""
    return None if names is None else f"{names},{CORE}"


def _not_installed(names: str | None) -> list[Plugin]:
    """Return a failed plugin for each name that is asked for and not installed."""
    if names is None:
        return []
    known = plugin_distributions()
    there = set(map(canonical, known))
    reason = f"{RESTRICT_VARIABLE} names it, but no such plugin is installed."
    return [
        Plugin(name, "", "", errors=[f"{reason} {did_you_mean(name, known)}"])
        for name in split_names(names)
        if canonical(name) not in there
    ]


def _load_file(file: PluginFile) -> Plugin:
    """Load a plugin that is a single file.

    Raises:
        PluginError: If that fails.
    """
    plugin = Plugin(file.distribution, "", str(file.path), file=file.path)
    load(plugin, file.module_name, file.source, file.load)
    if plugin.errors:
        raise PluginError(f"--plugin {file.path}: {'; '.join(plugin.errors)}")
    return plugin


def load(
    plugin: Plugin, module_name: str, source: str | None, import_plugin: Callable[[], Any]
) -> None:
    """Import one plugin and collect what it provides; write down what goes wrong.

    A plugin that fails on the way provides nothing. It has a plugin manager of its own, so that
    what it leaves half registered is nobody else's.

    Args:
        plugin: The plugin, where what it provides and what goes wrong are written down.
        module_name: Name of the plugin's module.
        source: Text of that module, which tells before the import for which API it was built;
            None where there is none.
        import_plugin: Imports the module, and returns what implements the hooks.
    """
    plugin.api_version = written_version(source or "")
    if reason := mismatch(plugin.api_version):
        plugin.errors.append(reason)
        return

    def collect() -> dict[str, list[Spec]]:
        return _collect(import_plugin(), module_name, plugin)

    try:
        with (
            redirect_stdout(StandardError()),  # stdout may be a JSON document
            global_state_restored(f"plugin {plugin.distribution}"),
        ):
            provided = call_within(LOAD_SECONDS, collect)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, a panic of a Rust extension: the others go on
        value = plugin.entry_point.partition(" = ")[2]
        is_late = isinstance(error, OutOfTime)
        reason = f"it was not loaded within {LOAD_SECONDS:g} s" if is_late else describe(error)
        plugin.errors.append(f"{value}: {reason}" if value else reason)
    else:
        plugin.provides.update(provided)


def _collect(found: Any, module_name: str, plugin: Plugin) -> dict[str, list[Spec]]:
    """Return what a module or object that implements hooks registers, by kind."""
    plugin.api_version = version_of(sys.modules[module_name])
    if reason := mismatch(plugin.api_version):  # computed, so that the source did not show it
        raise PluginError(reason)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(found)
    _check_hooks(manager, found)
    provided: dict[str, list[Spec]] = {}
    for kind, spec_class in KINDS.items():
        results = getattr(manager.hook, f"register_{kind}")()
        specs = [spec for result in results for spec in result]
        provided[kind] = _checked_specs(plugin, kind, spec_class, specs)
    return provided


def _check_hooks(manager: pluggy.PluginManager, module: Any) -> None:
    callers = manager.get_hookcallers(module) or []
    hooks = [f"register_{kind}" for kind in KINDS]
    for name in [caller.name for caller in callers if not caller.has_spec()]:
        raise PluginError(f"'{name}' is not a hook. {did_you_mean(name, hooks)}")
    if not callers:
        raise PluginError(
            "it implements no hook: mark its functions with @audioforge.hookspecs.hookimpl. "
            f"Hooks: {', '.join(hooks)}."
        )


def _checked_specs(
    plugin: Plugin, kind: str, spec_class: type[Spec], specs: Iterable[object]
) -> list[Spec]:
    """Return the specifications that are well formed; write down the others."""
    good: list[Spec] = []
    for spec in specs:
        if not isinstance(spec, spec_class):
            raise PluginError(
                f"register_{kind} must return {spec_class.__name__} objects, "
                f"not {type(spec).__name__}"
            )
        try:
            problem = spec_problem(spec)
        except Exception as error:  # values of types that no check foresees
            problem = describe(error)
        if problem:
            plugin.errors.append(f"{kind.removesuffix('s')} {spec.name!r}: {problem}")
        else:
            good.append(spec)
    return good
