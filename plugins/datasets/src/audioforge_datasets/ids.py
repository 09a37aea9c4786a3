"""Ids that are unique within a dataset."""

from __future__ import annotations

import hashlib

from attrs import define, field


@define
class UniqueIds:
    """Remembers which ids are taken, in a few dozen bytes each however long they are."""

    _taken: set[int] = field(factory=set, init=False)

    def claim(self, sample_id: str) -> bool:
        """Take an id; return whether it was free."""
        # 64 bits: among a million ids, two share a digest with a probability of 3e-8.
        digest = hashlib.blake2b(sample_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        key = int.from_bytes(digest, "little")
        if key in self._taken:
            return False
        self._taken.add(key)
        return True

    def claim_numbered(self, stem: str) -> str:
        """Take `stem`, or the first of `stem#2`, `stem#3`, … that is free, and return it.

        >>> ids = UniqueIds()
        >>> [ids.claim_numbered("a.wav") for _ in range(3)]
        ['a.wav', 'a.wav#2', 'a.wav#3']
        """
        number, candidate = 1, stem
        while not self.claim(candidate):
            number += 1
            candidate = f"{stem}#{number}"
        return candidate
