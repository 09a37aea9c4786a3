"""How plugins are named on the command line: `name`, or `name:key=value,key=value`."""

from __future__ import annotations

from audioforge.errors import UsageError


def parse_reference(text: str) -> tuple[str, dict[str, str]]:
    """Split a reference into its name and settings; values stay text.

    >>> parse_reference("wer")
    ('wer', {})
    >>> parse_reference("hotwords:terms=a.txt,weight=0.5")
    ('hotwords', {'terms': 'a.txt', 'weight': '0.5'})

    Raises:
        UsageError: If a setting has no `=`.
    """
    name, _, rest = text.partition(":")
    settings: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(
                f"'{text}': write settings as name:key=value,key=value; '{part}' is not"
            )
        settings[key.strip()] = value.strip()
    return name, settings
