"""Batches that nobody has yet: each is at home on a node, and goes elsewhere rather than wait.

What a node decoded and computed of a clip it has at hand in the next cycle. So batches fall into
buckets by what they begin with, and buckets to nodes by rendezvous hashing: a node that comes or
goes moves its own share only.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T")
BUCKETS = 1024


def bucket_of(name: str) -> int:
    """Return the bucket of a batch, the same in every process.

    Args:
        name: What it begins with.
    """
    return zlib.crc32(name.encode(errors="surrogatepass")) % BUCKETS


@define(eq=False)
class Waiting(Generic[T]):
    """What waits, by bucket."""

    _buckets: dict[int, deque[T]] = field(factory=dict, init=False)
    _homes: dict[str, list[int]] = field(factory=dict, init=False)
    _again: deque[T] = field(factory=deque, init=False)
    _count: int = field(default=0, init=False)

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def add(self, item: T, name: str) -> None:
        """Have something wait; `spread` it before it is taken.

        Args:
            item: What waits.
            name: What decides on its home.
        """
        self._buckets.setdefault(bucket_of(name), deque()).append(item)
        self._count += 1

    def add_first(self, item: T) -> None:
        """Have something wait that was given out in vain: whoever is free takes it next."""
        self._again.append(item)
        self._count += 1

    def spread(self, workers: Mapping[str, int]) -> None:
        """Give every bucket its home.

        Args:
            workers: How many workers each node has: a node has as large a share.
        """
        self._homes = {node: [] for node in sorted(workers)}
        seats = [
            (zlib.crc32(f"{node} {seat}".encode()), node)
            for node in self._homes
            for seat in range(workers[node])
        ]
        for bucket in sorted(self._buckets) if seats else ():
            # Python draws no salt for numbers: the same in every process.
            _, node = max((hash((seed, bucket)), node) for seed, node in seats)
            self._homes[node].append(bucket)

    def take(self, node: str) -> T | None:
        """Take what is at home on a node; else what is at home where most buckets are left."""
        if self._again:
            self._count -= 1
            return self._again.popleft()
        own = self._homes.get(node, [])
        buckets = own or max(self._homes.values(), key=len, default=[])
        if not buckets:
            return None
        items = self._buckets[buckets[-1]]
        item = items.popleft()
        self._count -= 1
        if not items:
            del self._buckets[buckets.pop()]
        return item
