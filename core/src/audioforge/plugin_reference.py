"""How plugins are named: `name`, `name:key=value,key=value`, or in YAML a mapping with a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from audioforge.errors import UsageError


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


def read_plugin_reference(plugin: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name and settings of a plugin reference in either spelling.

    >>> read_plugin_reference({"name": "gated", "require": ["hallucination"]})
    ('gated', {'require': ['hallucination']})

    Raises:
        UsageError: If a setting has no `=` or is there twice.
    """
    if isinstance(plugin, str):
        name, settings = parse_plugin_reference(plugin)
        return name, dict(settings)
    options = dict(plugin)
    return str(options.pop("name", "")), options


def canonical(distribution: str) -> str:
    """Return the name as package indexes compare it (PEP 503).

    >>> canonical("Acme_Good")
    'acme-good'
    """
    return re.sub("[-_.]+", "-", distribution).lower()
