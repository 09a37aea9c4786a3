"""The file format of whisper.cpp: a header, mel filters, the vocabulary, and named tensors.

All numbers are little-endian. What is stored how is what whisper.cpp expects when it loads
(`whisper_model_load`): vectors and positions as float32, matrices in the precision that the header
names, of an int8 file the two convolutions as float16.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

MAGIC = 0x67676D6C
"""The letters ggml."""

BLOCK = 32
"""Values of a row that share a scale in `q8_0`."""

FILE_TYPES = {"float16": 1, "int8": 2_007}
"""What the header says of the matrices: F16, or Q8_0 (7) in version 2 of quantised rows.

whisper.cpp has no float32: its convolutions refuse such weights."""

FLOAT32, FLOAT16, Q8_0 = 0, 1, 8
"""What the head of a tensor says of it."""


def write_header(file: BinaryIO, sizes: Iterable[int], precision: str) -> None:
    """Write the magic number, ten sizes in whisper.cpp's order, and the type of the matrices."""
    file.write(struct.pack("<12i", MAGIC, *sizes, FILE_TYPES[precision]))


def write_filters(file: BinaryIO, filters: np.ndarray) -> None:
    """Write the mel filters, shape (mels, frequencies)."""
    file.write(struct.pack("<2i", *filters.shape))
    file.write(filters.astype("<f4").tobytes())


def write_vocabulary(file: BinaryIO, words: list[bytes]) -> None:
    """Write the tokens that are text, in their order."""
    file.write(struct.pack("<i", len(words)))
    for word in words:
        file.write(struct.pack("<i", len(word)) + word)


def write_tensor(file: BinaryIO, name: str, values: np.ndarray, kind: int) -> None:
    """Write a tensor as `FLOAT32`, `FLOAT16` or `Q8_0`; its axes are named from the last on."""
    letters = name.encode()
    file.write(struct.pack("<3i", values.ndim, len(letters), kind))
    file.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)))
    file.write(letters)
    file.write(_q8_0(values) if kind == Q8_0 else values.astype(_DTYPES[kind]).tobytes())


_DTYPES = {FLOAT32: "<f4", FLOAT16: "<f2"}


def _q8_0(values: np.ndarray) -> bytes:
    """Return values as blocks of a float16 scale and 32 whole numbers from -127 to 127."""
    blocks = values.astype(np.float32).reshape(-1, BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / 127
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    stored = np.empty(len(blocks), dtype=[("scale", "<f2"), ("values", "i1", BLOCK)])
    stored["scale"] = scales[:, 0]
    stored["values"] = np.rint(blocks * inverse)
    return stored.tobytes()
