"""What a user gave in Python becomes a plugin of its own, found by name as all others are.

So settings, files and messages know names alone, and a run is resumed with its `config.yaml`: what
stood behind a name has only to be given again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from attrs import evolve

from audioforge.config import RewardSettings, SamplingSettings
from audioforge.errors import ConfigError, UsageError
from audioforge.given.data import GivenData, check_data
from audioforge.given.functions import FunctionSelection, FunctionVerifier
from audioforge.model import TASKS
from audioforge.plugin_reference import (
    PluginReference,
    given_function,
    plain_reference,
    read_plugin_reference,
)
from audioforge.plugins import Plugin, Registry
from audioforge.plugins.given_function import PYTHON, GivenFunction
from audioforge.selection import Selection
from audioforge.specs import DatasetSpec, SelectionSpec, Spec, VerifierSpec
from audioforge.verifier import Verifier

Data: TypeAlias = "str | Path | Iterable[Any]"
"""A name, a path or a hub id; or rows: a list of mappings with `audio`, any iterable of them, a
table of the datasets library, a data frame."""

DATA_KEYS = ("dataset", "eval_dataset", "test_dataset", "retention_dataset")
"""Settings that name data."""

FACTORY = "python:given"
"""Stands where a specification names a factory to import."""

S = TypeVar("S", bound=RewardSettings)


def hand_over(
    registry: Registry,
    settings: S,
    data: Mapping[str, Any] | None = None,
    functions: Sequence[PluginReference] = (),
) -> tuple[Registry, S]:
    """Return what is installed with what was given, and the settings that name it.

    Args:
        registry: What is installed.
        settings: Functions in them give way to their names.
        data: What was given of data, by the setting that names it; None where the setting counts.
        functions: Functions that the settings name already: those of a run that goes on.

    Raises:
        ConfigError: If a function has the name of another, or of something installed.
        UsageError: If data are none, or the settings name data of an earlier run that were not
            given again.
    """
    plugin = Plugin(PYTHON, "", "")
    problems = []
    for kind, reference in _functions(settings, functions):
        name, _ = read_plugin_reference(reference)
        if name in registry.names(kind) or (kind, name) in plugin.given:
            other = "another function" if (kind, name) in plugin.given else "what is installed"
            problems.append(
                f"{kind.removesuffix('s')}: the function {name} is called as {other}; give it "
                f"another name, as in {{'name': {name}, 'id': 'my-{name}'}}"
            )
            continue
        given = given_function(reference)
        add = _add_verifier if kind == "verifiers" else _add_selection
        add(plugin, name, given)
    if problems:
        raise ConfigError(problems)
    changes: dict[str, Any] = {"verifier": tuple(map(plain_reference, settings.verifier))}
    if isinstance(settings, SamplingSettings):
        changes["selection"] = plain_reference(settings.selection)
    for key, value in (data or {}).items():
        if value is not None:
            changes[key] = _add_data(plugin, key, value)
    handed = evolve(settings, **changes)
    _check_data_are_given(plugin, handed)
    if not plugin.given:
        return registry, handed
    return Registry([*registry.plugins, plugin]), handed


def _functions(
    settings: RewardSettings, functions: Sequence[PluginReference]
) -> Iterator[tuple[str, PluginReference]]:
    """Yield every function with the kind of plugin whose place it takes."""
    selection = settings.selection if isinstance(settings, SamplingSettings) else None
    selected = None if selection is None else read_plugin_reference(selection)[0]
    for reference in settings.verifier:
        if given_function(reference) is not None:
            yield "verifiers", reference
    if selection is not None and given_function(selection) is not None:
        yield "selections", selection
    for function in functions:
        is_selection = read_plugin_reference(function)[0] == selected
        yield ("selections" if is_selection else "verifiers"), function


def _add_verifier(plugin: Plugin, name: str, given: Any) -> None:
    make: Callable[[], Any] = partial(FunctionVerifier, name, given)
    tasks = TASKS
    if isinstance(given, Verifier) or (inspect.isclass(given) and issubclass(given, Verifier)):
        make, tasks = _maker(given), given.tasks
    spec = VerifierSpec(name=name, summary=_summary(given), factory=FACTORY, tasks=tasks)
    _add(plugin, "verifiers", spec, GivenFunction(given, make))


def _add_selection(plugin: Plugin, name: str, given: Any) -> None:
    make: Callable[[], Any] = partial(FunctionSelection, given)
    if isinstance(given, Selection) or (inspect.isclass(given) and issubclass(given, Selection)):
        make = _maker(given)
    spec = SelectionSpec(name=name, summary=_summary(given), factory=FACTORY)
    _add(plugin, "selections", spec, GivenFunction(given, make))


def _maker(given: Any) -> Callable[[], Any]:
    """Return what makes a plugin's thing: its class, or whoever hands out the one object."""
    return given if inspect.isclass(given) else lambda: given


def _add_data(plugin: Plugin, key: str, value: Any) -> Any:
    """Return what a setting says of data, which are added where they were given as such."""
    if isinstance(value, str | Path):
        return (str(value),) if key == "retention_dataset" else str(value)
    if key == "retention_dataset" and isinstance(value, list | tuple) and _are_names(value):
        return tuple(map(str, value))
    check_data(key, value)
    name = _data_name(key)
    spec = DatasetSpec(name=name, summary="given in Python", factory=FACTORY, tasks=TASKS)
    _add(plugin, "datasets", spec, GivenData(name, value))
    return (name,) if key == "retention_dataset" else name


def _are_names(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str | Path) for value in values)


def _data_name(key: str) -> str:
    """Return what data given in the place of a setting are called."""
    return f"python-{key.replace('_', '-')}"


def _check_data_are_given(plugin: Plugin, settings: RewardSettings) -> None:
    """Check that data which the settings of an earlier run name are there again."""
    for key in DATA_KEYS:
        named = getattr(settings, key, None)
        name = _data_name(key)
        is_named = name == named or (isinstance(named, tuple) and name in named)
        if is_named and ("datasets", name) not in plugin.given:
            first = "" if key == "dataset" else "…, "
            argument = "dataset" if key == "dataset" else f"{key}=…"
            raise UsageError(
                f"{key}: {name} are data that were given in Python; give the same again there: "
                f"AudioRAFTTrainer.resume(folder).train({first}{argument})"
            )


def _add(plugin: Plugin, kind: str, spec: Spec, given: Callable[..., Any]) -> None:
    plugin.provides[kind].append(spec)
    plugin.given[kind, spec.name] = given


def _summary(given: Any) -> str:
    return (inspect.getdoc(given) or "given in Python").partition("\n")[0]
