"""Discovery of plugins: each is loaded on its own, and what failed is remembered with its reason.

`discover()` imports plugin modules (cheap by contract) but none of the factories they name.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from importlib import metadata
from typing import Any, cast

import attrs
import pluggy
from attrs import define, field

from audioforge import hookspecs
from audioforge.errors import PluginError, did_you_mean
from audioforge.options import structure_options
from audioforge.spec_check import reserved_problem, spec_problem
from audioforge.specs import KINDS, DatasetSpec, ModelSpec, Provided, Spec, VerifierSpec

GROUP = "audioforge"
API_VERSION = 1
"""Of the hooks; it rises when a plugin that was right before no longer is."""

RESTRICT_VARIABLE = "AUDIOFORGE_PLUGINS"
OWN_DISTRIBUTIONS = frozenset(
    {
        "audioforge-whisper",
        "audioforge-wav2vec",
        "audioforge-classification",
        "audioforge-verifiers",
        "audioforge-datasets",
        "audioforge-demo",
    }
)
"""AudioForge's own plugins: a name that one of these holds keeps meaning theirs."""

EXTRAS = {
    "models": "audioforge[whisper], audioforge[wav2vec] or audioforge[classification]",
    "verifiers": "audioforge[verifiers]",
    "datasets": "audioforge[datasets]",
    "aggregators": "audioforge[verifiers]",
}
"""What to install when nothing of a kind is there."""


@define
class Plugin:
    """One entry point and what became of it.

    Attributes:
        distribution: Name of the installed distribution.
        version: Of the distribution.
        entry_point: "name = value" as the distribution declares it.
        provides: Specifications by kind.
        errors: Why it, or a part of it, cannot be used; empty when all is well.
    """

    distribution: str
    version: str
    entry_point: str
    provides: dict[str, list[Spec]] = field(factory=lambda: {kind: [] for kind in KINDS})
    errors: list[str] = field(factory=list)

    @property
    def status(self) -> str:
        """Either "ok" or "failed"."""
        return "failed" if self.errors else "ok"


@define
class Registry:
    """All that is installed, found by name."""

    plugins: list[Plugin]

    def names(self, kind: str) -> list[str]:
        """Return the sorted names of one kind."""
        return sorted({p.spec.name for p in self.all(kind)})

    def all(self, kind: str) -> list[Provided]:
        """Return every specification of one kind, conflicting ones included."""
        return [
            Provided(spec, plugin.distribution)
            for plugin in self.plugins
            for spec in plugin.provides[kind]
        ]

    def find(self, kind: str, name: str) -> Provided:
        """Return the specification called `name` or `distribution/name`.

        Raises:
            PluginError: If there is none (with the close names and with the plugins that failed),
                or if two plugins hold the name.
        """
        found = [p for p in self.all(kind) if name in (p.spec.name, p.full_name)]
        own = [p for p in found if p.distribution in OWN_DISTRIBUTIONS]
        if len(found) == 1 or len(own) == 1:
            return (own or found)[0]
        noun = kind.removesuffix("s")
        if found:
            holders = " or ".join(p.full_name for p in found)
            raise PluginError(
                f"{noun} '{name}' is provided by more than one plugin: choose {holders}."
            )
        raise PluginError(
            f"no {noun} is called '{name}'. {did_you_mean(name, self.names(kind))}"
            f"{self.why_missing(kind)}"
        )

    def create(self, kind: str, name: str, /, **options: Any) -> Any:
        """Import a factory and call it with its options.

        Raises:
            PluginError: If it is unknown or its import fails.
            ConfigError: If an option is unknown or of the wrong type.
        """
        provided = self.find(kind, name)
        return import_factory(provided)(**checked_options(provided, options))

    def why_missing(self, kind: str) -> str:
        """Say why something of a kind may not be there: what failed, what is kept out."""
        hint = "" if self.names(kind) else f" Install {EXTRAS[kind]}."
        names = restriction()
        if names is not None:
            hint += f" {RESTRICT_VARIABLE} is '{names}': no other plugin is loaded."
        failed = [p for p in self.plugins if p.errors]
        return hint + "".join(
            f"\n  plugin {p.distribution} failed: {'; '.join(p.errors)}" for p in failed
        )


def discover(names: str | None = None) -> Registry:
    """Load every installed plugin, each on its own.

    Args:
        names: Comma-separated distributions to load, none when empty, all when None. Defaults to
            the environment variable `AUDIOFORGE_PLUGINS`.
    """
    names = restriction() if names is None else names
    plugins = []
    for entry_point, distribution, version in installed_entry_points(GROUP, names):
        plugin = Plugin(distribution, version, f"{entry_point.name} = {entry_point.value}")
        plugins.append(plugin)
        _load(entry_point, plugin)
    _drop_repeated(plugins)
    _mark_conflicts(plugins)
    return Registry(plugins + _not_installed(names))


def restriction() -> str | None:
    """Return the value of `AUDIOFORGE_PLUGINS`; None when it is not set."""
    return os.environ.get(RESTRICT_VARIABLE)


def installed_entry_points(
    group: str, names: str | None
) -> Iterator[tuple[metadata.EntryPoint, str, str]]:
    """Yield a group's entry points, each with its distribution and version, sorted by these.

    Args:
        group: Of the entry points.
        names: Comma-separated distributions to keep, none when empty, all when None.
    """
    wanted = None if names is None else set(map(_canonical, _split(names)))
    found = []
    for entry_point in metadata.entry_points(group=group):
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        version = entry_point.dist.version if entry_point.dist else ""
        if wanted is None or _canonical(distribution) in wanted:
            found.append((entry_point, distribution, version))
    yield from sorted(found, key=lambda item: (_canonical(item[1]), item[0].name))


def _not_installed(names: str | None) -> list[Plugin]:
    """Return a failed plugin for each name that is asked for and not installed."""
    if names is None:
        return []
    known = {
        distribution
        for group in (GROUP, f"{GROUP}.commands")
        for _, distribution, _ in installed_entry_points(group, None)
    }
    there = set(map(_canonical, known))
    reason = f"{RESTRICT_VARIABLE} names it, but no such plugin is installed."
    return [
        Plugin(name, "", "", errors=[f"{reason} {did_you_mean(name, known)}"])
        for name in _split(names)
        if _canonical(name) not in there
    ]


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _canonical(distribution: str) -> str:
    """Return the name as package indexes compare it (PEP 503)."""
    return re.sub("[-_.]+", "-", distribution).lower()


def _load(entry_point: metadata.EntryPoint, plugin: Plugin) -> None:
    """Import one plugin and collect what it provides; write down what goes wrong.

    A plugin that fails on the way provides nothing. It has a plugin manager of its own, so that
    what it leaves half registered is nobody else's.
    """
    try:
        with redirect_stdout(sys.stderr):  # stdout may be a JSON document
            provided = _collect(entry_point.load(), plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, a panic of a Rust extension: the others go on
        plugin.errors.append(f"{entry_point.value}: {describe(error)}")
    else:
        plugin.provides.update(provided)


def _collect(module: Any, plugin: Plugin) -> dict[str, list[Spec]]:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    _check_hooks(manager, module)
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
        problem = spec_problem(spec)
        if problem:
            plugin.errors.append(f"{kind.removesuffix('s')} {spec.name!r}: {problem}")
        else:
            good.append(spec)
    return good


def _drop_repeated(plugins: list[Plugin]) -> None:
    """Drop what one distribution registers twice, which even its full name cannot tell apart."""
    for kind in KINDS:
        seen = set()
        for plugin in plugins:
            for spec in list(plugin.provides[kind]):
                full_name = Provided(spec, plugin.distribution).full_name
                if full_name in seen:
                    plugin.provides[kind] = [s for s in plugin.provides[kind] if s is not spec]
                    plugin.errors.append(f"{kind.removesuffix('s')} '{spec.name}': repeated")
                seen.add(full_name)


def _mark_conflicts(plugins: list[Plugin]) -> None:
    """Write down each name that two plugins hold, on every plugin that does not keep it."""
    for kind in KINDS:
        holders: dict[str, list[Plugin]] = {}
        for plugin in plugins:
            for spec in plugin.provides[kind]:
                holders.setdefault(spec.name, []).append(plugin)
        for name, plugins_of_name in holders.items():
            keepers = [p for p in plugins_of_name if p.distribution in OWN_DISTRIBUTIONS]
            for plugin in plugins_of_name:
                others = [p.distribution for p in plugins_of_name if p is not plugin]
                if others and keepers != [plugin]:
                    plugin.errors.append(
                        f"{kind.removesuffix('s')} '{name}' is also provided by "
                        f"{', '.join(others)}: ask for it as '{plugin.distribution}/{name}'"
                    )


def describe(error: BaseException) -> str:
    """Return an error's type and message as one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {'; '.join(lines) or 'no message'}"


def import_factory(provided: Provided) -> Callable[..., Any]:
    """Import what a specification's factory string names.

    Raises:
        PluginError: If that fails, with the reason and the distribution.
    """
    return cast("Callable[..., Any]", _import_string(provided, provided.spec.factory))


def checked_options(provided: Provided, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check options against the specification's options class, and convert them to its types.

    Raises:
        ConfigError: Naming every option that is unknown, missing or of the wrong type.
        PluginError: If the options class cannot be imported.
    """
    text = provided.spec.options
    options_class = None if text is None else _import_string(provided, text)
    if options_class is not None and attrs.has(options_class):
        problem = reserved_problem(provided.spec, attrs.fields_dict(options_class))
        if problem is not None:
            raise PluginError(f"'{provided.full_name}': {problem}")
    return structure_options(provided.spec.name, options_class, options)


def _import_string(provided: Provided, text: str) -> Any:
    module_name, _, attribute = text.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a plugin's module raises is that plugin's failure
        raise PluginError(
            f"'{provided.full_name}' cannot be imported: {text}: {describe(error)}. "
            f"Reinstall or update {provided.distribution}."
        ) from error


def verifier_spec(registry: Registry, name: str) -> VerifierSpec:
    """Return the specification of a verifier."""
    return cast("VerifierSpec", registry.find("verifiers", name).spec)


def dataset_specs(registry: Registry) -> list[tuple[DatasetSpec, str]]:
    """Return every dataset specification with its distribution."""
    return [(cast("DatasetSpec", p.spec), p.distribution) for p in registry.all("datasets")]


def model_specs(registry: Registry) -> list[tuple[ModelSpec, str]]:
    """Return every model specification with its distribution."""
    return [(cast("ModelSpec", p.spec), p.distribution) for p in registry.all("models")]
