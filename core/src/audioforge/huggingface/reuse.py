"""What configures a computation that is to be reused."""

from __future__ import annotations

from typing import Any


def settings_of(*parts: Any) -> dict[str, Any]:
    """Return what configures feature extractors and networks, whichever folder they are from.

    Args:
        parts: Feature extractors and configurations of Transformers.
    """
    settings: dict[str, Any] = {}
    for part in parts:
        settings |= {f"{type(part).__name__} {key}": value for key, value in part.to_dict().items()}
    return {key: v for key, v in settings.items() if not key.endswith(" _name_or_path")}
