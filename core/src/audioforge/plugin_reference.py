"""How plugins are named: `name`, `name:key=value,key=value`, or in YAML a mapping with a name.

In Python a function can stand in the place of a name: `short`, or `{"name": short, "weight": 0.5}`.
It goes by its own name, or by the `id` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from audioforge.errors import UsageError

PluginReference: TypeAlias = "str | Mapping[str, Any] | Callable[..., Any]"
"""A plugin as a setting names it; in Python also a function in its place."""

_GIVEN_NAME = re.compile(r"[\w-]+")


def parse_plugin_reference(text: str) -> tuple[str, dict[str, str]]:
    """Split a plugin reference into its name and settings; values stay text.

    >>> parse_plugin_reference("wer")
    ('wer', {})
    >>> parse_plugin_reference("hotwords:terms=a.txt,weight=0.5")
    ('hotwords', {'terms': 'a.txt', 'weight': '0.5'})

    Raises:
        UsageError: If a setting has no `=` or is there twice.
    """
    name, _, rest = text.partition(":")
    settings: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(
                f"'{text}': write settings as name:key=value,key=value; '{part}' is not"
            )
        if key.strip() in settings:  # as in YAML: the last one would win silently
            raise UsageError(f"'{text}': {key.strip()} is there twice")
        settings[key.strip()] = value.strip()
    return name, settings


def read_plugin_reference(plugin: PluginReference) -> tuple[str, dict[str, Any]]:
    """Return the name and settings of a plugin reference in any spelling.

    >>> read_plugin_reference({"name": "gated", "require": ["hallucination"]})
    ('gated', {'require': ['hallucination']})
    >>> read_plugin_reference({"name": lambda samples, hypotheses: [], "id": "none", "weight": 0})
    ('none', {'weight': 0})

    Raises:
        UsageError: If a setting has no `=` or is there twice, or a function has no name.
    """
    if isinstance(plugin, str):
        name, settings = parse_plugin_reference(plugin)
        return name, dict(settings)
    if not isinstance(plugin, Mapping):
        return _name_of(plugin), {}
    options = dict(plugin)
    named = options.pop("name", "")
    if isinstance(named, str) or not callable(named):
        return str(named), options
    return _checked_name(options.pop("id", None) or _name_of(named)), options


def plain_reference(plugin: PluginReference) -> str | dict[str, Any]:
    """Return a plugin reference as YAML can hold it: a function by its name.

    >>> plain_reference({"name": canonical, "weight": 0.5})
    {'name': 'canonical', 'weight': 0.5}
    """
    if isinstance(plugin, str):
        return plugin
    if isinstance(plugin, Mapping) and given_function(plugin) is None:
        return dict(plugin)
    name, options = read_plugin_reference(plugin)
    return {"name": name, **options} if options else name


def given_function(plugin: PluginReference) -> Callable[..., Any] | None:
    """Return the function that stands in the place of a name; None where a name does."""
    named = plugin.get("name") if isinstance(plugin, Mapping) else plugin
    return None if isinstance(named, str) or not callable(named) else named


def _name_of(function: Callable[..., Any]) -> str:
    """Return the name that a function goes by; that of its class, where it is an object."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    if name == "<lambda>":
        raise UsageError("a lambda has no name: write {'name': lambda …, 'id': 'short'}")
    return _checked_name(name)


def _checked_name(name: object) -> str:
    """Return a name that stands for a function in files; a slash or colon would mean something."""
    if not isinstance(name, str) or not _GIVEN_NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a function: use letters, digits, '_' and '-'")
    return name


def canonical(distribution: str) -> str:
    """Return the name as package indexes compare it (PEP 503).

    >>> canonical("Acme_Good")
    'acme-good'
    """
    return re.sub("[-_.]+", "-", distribution).lower()
