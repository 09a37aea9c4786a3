"""A path on the command line of a measurement, which says so when nothing is there."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path


def existing(text: str) -> Path:
    """Return the path, which must exist; argparse says otherwise which option was wrong."""
    path = Path(text)
    if not path.exists():
        raise ArgumentTypeError(f"{text} is not there")
    return path
