from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioforge.dataset import DatasetRequest
from audioforge.find_dataset import open_dataset
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Problem

Items = list[AudioSample | Problem]


@pytest.fixture
def read() -> Callable[..., Items]:
    """Load everything that a name or path yields, as the commands do."""

    def load(location: str | Path, **settings: object) -> Items:
        request = DatasetRequest(location=str(location), **settings)
        return list(open_dataset(discover(), str(location), request).load())

    return load


@pytest.fixture
def write_sound() -> Callable[..., Path]:
    """Write a short tone; the ending of the path says in which format."""

    def write(path: Path, seconds: float = 0.1, rate: int = 16_000) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(seconds, rate), rate)
        return path

    return write


def tone(seconds: float, rate: int) -> np.ndarray:
    return 0.1 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)


def encoded_flac(seconds: float = 0.1, rate: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(seconds, rate), rate, format="FLAC")
    return buffer.getvalue()


def samples(items: Items) -> list[AudioSample]:
    """The items, all of which must be samples."""
    problems = [str(item) for item in items if isinstance(item, Problem)]
    assert problems == []
    return [item for item in items if isinstance(item, AudioSample)]


def split_items(items: Items) -> tuple[list[AudioSample], list[Problem]]:
    return (
        [item for item in items if isinstance(item, AudioSample)],
        [item for item in items if isinstance(item, Problem)],
    )
