"""Libraries that only an extra of this distribution installs."""

from __future__ import annotations

import importlib

from audioforge.errors import PluginError, describe


def require(exporter: str, *modules: str) -> None:
    """Import what an exporter needs; its extra has the exporter's name.

    Raises:
        PluginError: If something cannot be imported, with the command that installs it.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # a binary that does not fit may raise anything
            raise PluginError(
                f"exporter {exporter}: {module} cannot be imported: {describe(error)}. "
                f"Install it with pip install 'audioforge-export[{exporter}]'."
            ) from error
