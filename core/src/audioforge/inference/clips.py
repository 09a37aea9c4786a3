"""From samples to batches of decoded clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from attrs import evolve, frozen

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.inference.skip_log import SkipLog
from audioforge.model import ModelAdapter
from audioforge.sample import AudioSample, Clip, Problem

T = TypeVar("T")
DECODERS = 2
"""Threads that decode ahead; soundfile and soxr release the interpreter while they work."""


@frozen(eq=False)
class Batch:
    """A chunk of samples with what of it could be decoded.

    Attributes:
        samples: The samples of the chunk, usable or not.
        clips: The decoded clips of those that can be used, in the same order.
        problems: Why the others cannot be used, by sample id.
    """

    samples: Sequence[AudioSample]
    clips: list[Clip]
    problems: dict[str, Problem]


def chunks_of(samples: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut a list into batches. What stands in one must not depend on who works on it.

    Padding changes a model's output by rounding; so the batches of a stage are cut once, and
    processes share whole ones.
    """
    return [samples[i : i + size] for i in range(0, len(samples), size)]


class ClipLoader:
    """Decodes samples for one adapter, a few batches ahead.

    Args:
        adapter: The adapter, whose sampling rate and window decide what can be used.
        skips: Where to write what cannot be used.

    Attributes:
        skips: What was left out.
    """

    def __init__(self, adapter: ModelAdapter, skips: SkipLog) -> None:
        """Create the loader."""
        self._rate = adapter.sampling_rate
        self._max_seconds = adapter.max_seconds
        self._min_seconds = adapter.min_seconds
        # Threads decode while a plugin may be standing somewhere else for a moment.
        self._folder = Path.cwd()
        self.skips = skips

    def batches(self, chunks: Sequence[Sequence[AudioSample]]) -> Iterator[Batch]:
        """Decode each chunk, and write down what of it cannot be used."""
        with ThreadPoolExecutor(DECODERS) as pool:
            ahead: list[Future[list[Clip | Problem]]] = []
            for index, chunk in enumerate(chunks):
                while len(ahead) < min(DECODERS + 1, len(chunks) - index):
                    ahead.append(pool.submit(self._load_all, chunks[index + len(ahead)]))
                loaded = ahead.pop(0).result()
                problems = {
                    s.id: p for s, p in zip(chunk, loaded, strict=True) if isinstance(p, Problem)
                }
                for problem in problems.values():
                    self.skips.add(problem)
                yield Batch(chunk, [c for c in loaded if isinstance(c, Clip)], problems)

    def _load_all(self, samples: Sequence[AudioSample]) -> list[Clip | Problem]:
        return [self._load(sample) for sample in samples]

    def _load(self, sample: AudioSample) -> Clip | Problem:
        if sample.audio is None:  # a text to speak
            return Clip(sample, np.zeros(0, np.float32), self._rate)
        where = sample
        if isinstance(sample.audio, Path) and not sample.audio.is_absolute():
            where = evolve(sample, audio=self._folder / sample.audio)
        try:
            clip = load_clip(
                where,
                self._rate,
                max_seconds=self._max_seconds,
                min_seconds=self._min_seconds,
            )
            return evolve(clip, sample=sample)
        except AudioError as error:
            reason = str(error).removeprefix(f"{where.origin}: ")
            return Problem(sample.place, reason, error.kind)
