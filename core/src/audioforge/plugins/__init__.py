"""Plugins: found by their entry points, each loaded on its own, looked up by name."""

from audioforge.plugins.api_version import API_VERSION
from audioforge.plugins.discovery import discover
from audioforge.plugins.installed import CORE, OWN_DISTRIBUTIONS, RESTRICT_VARIABLE, restriction
from audioforge.plugins.registry import (
    Plugin,
    Registry,
    call_factory,
    checked_options,
    dataset_specs,
    import_factory,
    import_object,
    model_specs,
    verifier_spec,
)

__all__ = [
    "API_VERSION",
    "CORE",
    "OWN_DISTRIBUTIONS",
    "RESTRICT_VARIABLE",
    "Plugin",
    "Registry",
    "call_factory",
    "checked_options",
    "dataset_specs",
    "discover",
    "import_factory",
    "import_object",
    "model_specs",
    "restriction",
    "verifier_spec",
]
