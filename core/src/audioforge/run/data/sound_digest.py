"""Digests of a clip's encoded sound: what tells whether two clips are the same sound."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from audioforge.sample import Audio

CHUNK_BYTES = 2**20


def sound_digest(audio: Audio) -> str:
    """Return the BLAKE2b digest of sound as it is stored, in hexadecimal.

    A file and the same bytes in memory have the same digest; the same sound in another container
    has another one, and so have samples that are already decoded.

    Args:
        audio: The sound, as a sample holds it.

    Raises:
        OSError: If the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(audio, Path):
        with audio.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    elif isinstance(audio, bytes):
        digest.update(audio)
    else:
        plain = np.ascontiguousarray(audio)
        digest.update(f"{plain.dtype} {plain.shape} ".encode())
        digest.update(plain.data)
    return digest.hexdigest()
