"""Results on their way back: without the samples that the run has itself.

A sample can hold its sound, and in a worker it can name a file that only that node has. So a result
names the samples of its batch by their numbers, and where it arrives the run's own are put in.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

from audioforge.sample import AudioSample


def packed(value: Any, samples: Sequence[AudioSample]) -> bytes:
    """Return a value as bytes.

    Args:
        value: What can be pickled.
        samples: Those that are left out of it.
    """
    content = io.BytesIO()
    _Packer(content, samples).dump(value)
    return content.getvalue()


def unpacked(content: bytes, samples: Sequence[AudioSample]) -> Any:
    """Return what `packed` was given.

    Args:
        content: What it returned, in a process of the same run.
        samples: What is put in for those that were left out, in the same order.
    """
    return _Unpacker(io.BytesIO(content), samples).load()


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, samples: Sequence[AudioSample]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._numbers = {id(sample): number for number, sample in enumerate(samples)}

    def persistent_id(self, value: Any) -> int | None:
        return self._numbers.get(id(value)) if isinstance(value, AudioSample) else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, samples: Sequence[AudioSample]) -> None:
        super().__init__(file)
        self._samples = samples

    def persistent_load(self, number: int) -> AudioSample:
        return self._samples[number]
