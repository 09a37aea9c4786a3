"""Random draws keyed by what they are for, not by when they happen.

A draw depends only on its key, such as (seed, cycle, sample id, hypothesis index). So batch size,
order and the number of processes do not change it.
"""

from __future__ import annotations

import hashlib

import numpy as np

Key = str | int


def generator(*key: Key) -> np.random.Generator:
    """Return a generator of its own for `key`.

    >>> generator(0, "a").random() == generator(0, "a").random()
    True
    >>> generator(0, "a").random() == generator(0, "b").random()
    False
    """
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def uniforms(count: int, *key: Key) -> np.ndarray:
    """Return `count` float64 numbers in [0, 1); a longer run starts with the shorter one."""
    return generator(*key).random(count)


def shuffled(count: int, *key: Key) -> list[int]:
    """Return the numbers 0 to `count` - 1 in an order that `key` fixes."""
    return [int(i) for i in generator(*key).permutation(count)]
