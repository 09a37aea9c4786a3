"""The text normaliser that lines of predictions state they were measured with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audioforge.errors import DatasetError


def stated_normalizer(path: Path, stated: Mapping[str, int], setting: str | None) -> str | None:
    """Return the normaliser to use: the one that was asked for, or the one that the lines state.

    Rates under two normalisers are no figures of one thing, so they are never mixed.

    Args:
        path: What the lines are called.
        stated: Number of lines by the normaliser that they state.
        setting: The one that was asked for; None for none.

    Raises:
        DatasetError: If the lines state several, or another one than was asked for.
    """
    anew = "to measure all anew under one, take the key 'normalizer' out of the lines"
    if len(stated) > 1:
        named = ", ".join(f"{name} ({lines:,} lines)" for name, lines in sorted(stated.items()))
        raise DatasetError(
            f"{path}: its lines were measured under several text normalisers: {named}. Rates under "
            f"different ones are not added up: score each part by itself; or, {anew}"
        )
    (own,) = stated or (None,)
    if own is not None and setting not in (None, own):
        raise DatasetError(
            f"{path}: its lines were measured under the normaliser {own}, and --normalizer asks "
            f"for {setting}. Leave --normalizer out to get the figures of the file; or, {anew}"
        )
    return own if setting is None else setting
