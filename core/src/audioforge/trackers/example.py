"""What the contract tests check the trackers with: nothing leaves this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from audioforge_kit import CannotCheck, TrackerExample


def tensorboard(folder: Path) -> TrackerExample:
    """Its own options."""
    return _example("tensorboard")


def mlflow(folder: Path) -> TrackerExample:
    """A database of each run's folder."""
    return _example("mlflow")


def wandb(folder: Path) -> TrackerExample:
    """Its own options: the environment says whether it asks a server."""
    return _example("wandb")


def trackio(folder: Path) -> TrackerExample:
    """Its own options: the environment says where it writes."""
    return _example("trackio")


def _example(name: str) -> TrackerExample:
    if importlib.util.find_spec(name) is None:
        raise CannotCheck(f"needs {name}: python -m pip install 'audioforge[{name}]'")
    return TrackerExample()
