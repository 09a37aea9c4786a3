"""Memory that was freed, given back to the operating system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Let the C library return what lies free between what is in use.

    glibc keeps it otherwise, and a second copy of a large model's weights, made layer by layer and
    dropped again, would stay part of the process for good. Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
