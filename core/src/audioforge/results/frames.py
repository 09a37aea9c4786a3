"""Data frames and figures, by libraries that are imported when somebody asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from audioforge.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


def needed(module: str, what: str) -> Any:
    """Import a library that only notebooks need.

    Args:
        module: Its name.
        what: What needs it, for the message.

    Raises:
        UsageError: If it is not installed, saying how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise UsageError(
            f"{what} needs {library}, which cannot be imported ({error}); "
            f"pip install 'audioforge[notebook]'"
        ) from error


def frame(rows: Iterable[Mapping[str, Any]], what: str) -> pd.DataFrame:
    """Return rows as a data frame.

    Args:
        rows: Values by column.
        what: What asks for it, for the message where pandas is not installed.
    """
    pandas = needed("pandas", what)
    table: pd.DataFrame = pandas.DataFrame.from_records(list(rows))
    return table


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots, and intervals as two columns.

    >>> flat({"wer": 0.5, "ci95": [0.4, 0.6], "seconds": {"update": 3.0}})
    {'wer': 0.5, 'ci95.low': 0.4, 'ci95.high': 0.6, 'seconds.update': 3.0}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{name}": inner for name, inner in flat(value).items()}
        elif key.endswith("ci95") and isinstance(value, list):
            found |= {f"{key}.low": value[0], f"{key}.high": value[1]}
        else:
            found[key] = value
    return found
