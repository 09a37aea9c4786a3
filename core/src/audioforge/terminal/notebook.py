"""Whether Python runs in a notebook, and the console for progress bars there."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def in_notebook() -> bool:
    """Whether output is shown by Jupyter, or by what works as it does."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def bar_console() -> Console | None:
    """Return the console that draws bars into a notebook's output; None where nothing can.

    Bars are redrawn by ipywidgets; without it each redrawing would stay.
    """
    if find_spec("ipywidgets") is None:
        return None
    from rich.console import Console

    return Console(force_jupyter=True)
