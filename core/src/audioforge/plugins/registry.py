"""What is installed, found by name, and the import of what a specification names."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, cast

import attrs
from attrs import define, field

from audioforge.errors import AudioForgeError, PluginError, describe, did_you_mean
from audioforge.importing import importing
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.isolation.time_limit import OutOfTime, call_within
from audioforge.plugins.foreign_output import StandardError
from audioforge.plugins.installed import OWN_DISTRIBUTIONS, RESTRICT_VARIABLE, restriction
from audioforge.plugins.options import structure_options
from audioforge.plugins.spec_check import reserved_problem
from audioforge.specs import KINDS, DatasetSpec, ModelSpec, Provided, Spec, VerifierSpec

TO_INSTALL = {
    "models": "audioforge[whisper], audioforge[wav2vec] or audioforge[classification]",
    "verifiers": "audioforge[verifiers]",
    "datasets": "audioforge[datasets]",
    "aggregators": "audioforge[verifiers]",
    "selections": "audioforge again, which brings them",
    "trackers": "audioforge again, which brings them",
    "executors": "audioforge again, which brings them",
    "exporters": "audioforge[export], or give a file by --plugin",
    "augmentations": "audioforge again, which brings them",
}
"""What to install when nothing of a kind is there."""

IMPORT_SECONDS = 300.0
"""For importing what a specification names, with all that is heavy; a cold network disk is slow."""


@define
class Plugin:
    """One entry point and what became of it.

    Attributes:
        distribution: Name of the installed distribution.
        version: Version of the distribution.
        entry_point: "name = value" as the distribution declares it.
        provides: The specifications that it registers, by kind.
        errors: Why it, or a part of it, cannot be used; empty when all is well.
        api_version: Version of the plugin API it says it was built for; None when it does not say.
        file: The file of a plugin that is one and not installed; None for an installed one.
        given: What was given in Python, by kind and name; see `audioforge.given`.
    """

    distribution: str
    version: str
    entry_point: str
    provides: dict[str, list[Spec]] = field(factory=lambda: {kind: [] for kind in KINDS})
    errors: list[str] = field(factory=list)
    api_version: int | None = None
    file: Path | None = None
    given: dict[tuple[str, str], Callable[..., Any]] = field(factory=dict)

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
            Provided(spec, plugin.distribution, plugin.given.get((kind, spec.name)))
            for plugin in self.plugins
            for spec in plugin.provides[kind]
        ]

    def find(self, kind: str, name: str) -> Provided:
        """Return the specification called `name` or `distribution/name`.

        Raises:
            PluginError: If there is none (with the close names and with the plugins that failed),
                or if two plugins hold the name.
        """
        found = [p for p in self.all(kind) if p.is_called(name)]
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
            PluginError: If it is unknown, or its import or its creation fails.
            ConfigError: If an option is unknown or of the wrong type.
        """
        provided = self.find(kind, name)
        return call_factory(provided, **checked_options(provided, options))

    def why_missing(self, kind: str) -> str:
        """Say why something of a kind may not be there: what failed, what is kept out."""
        hint = "" if self.names(kind) else f" Install {TO_INSTALL[kind]}."
        names = restriction()
        if names is not None:
            hint += f" {RESTRICT_VARIABLE} is '{names}': no other plugin is loaded."
        failed = [p for p in self.plugins if p.errors]
        return hint + "".join(
            f"\n  plugin {p.distribution} failed: {'; '.join(p.errors)}" for p in failed
        )


def import_factory(provided: Provided) -> Callable[..., Any]:
    """Import what a specification's factory string names.

    Raises:
        PluginError: If that fails, with the reason and the distribution.
    """
    if provided.given is not None:
        return provided.given
    return cast("Callable[..., Any]", import_object(provided, provided.spec.factory))


def call_factory(provided: Provided, /, *arguments: Any, **options: Any) -> Any:
    """Import what a specification's factory string names, and call it.

    Raises:
        PluginError: If that fails, with the reason and the distribution.
        AudioForgeError: What the factory raises on purpose.
    """
    factory = import_factory(provided)
    try:
        with global_state_restored(f"'{provided.full_name}'", "create"):
            return factory(*arguments, **options)
    except (AudioForgeError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plugin is foreign code, and may even call sys.exit
        raise PluginError(
            f"'{provided.full_name}' cannot be created: {describe(error)}. "
            f"Mend or update {provided.distribution}."
        ) from error


def checked_options(provided: Provided, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check options against the specification's options class, and convert them to its types.

    Raises:
        ConfigError: Naming every option that is unknown, missing or of the wrong type.
        PluginError: If the options class cannot be imported.
    """
    text = provided.spec.options
    options_class = None if text is None else import_object(provided, text)
    if options_class is not None and attrs.has(options_class):
        problem = reserved_problem(provided.spec, attrs.fields_dict(options_class))
        if problem is not None:
            raise PluginError(f"'{provided.full_name}': {problem}")
    try:
        return structure_options(provided.spec.name, options_class, options)
    except AudioForgeError:
        raise
    except Exception as error:  # its class is no attrs class, or names a type that is not there
        raise PluginError(
            f"'{provided.full_name}': its options class {text} cannot be used: {describe(error)}. "
            f"Mend or update {provided.distribution}."
        ) from error


def import_object(provided: Provided, text: str) -> Any:
    """Import what a "package.module:attribute" string of a specification names.

    Raises:
        PluginError: If that fails, with the reason and the distribution.
    """
    module_name, _, attribute = text.partition(":")
    try:
        with (
            redirect_stdout(StandardError()),  # stdout may be a JSON document
            global_state_restored(f"'{provided.full_name}', imported,"),
            importing(),
        ):
            module = call_within(IMPORT_SECONDS, partial(importlib.import_module, module_name))
            return getattr(module, attribute)
    except KeyboardInterrupt:
        raise
    except OutOfTime as error:
        raise PluginError(
            f"'{provided.full_name}' cannot be imported: {text}: not within {IMPORT_SECONDS:g} s. "
            f"Mend or update {provided.distribution}."
        ) from error
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
