"""Clips that come without a file, kept on disk instead of in memory.

A streamed dataset hands its sound over in memory, once. A run reads every clip in every cycle, in
another order; so the sound goes to disk as it arrives. A file is named by the digest of what is in
it: clips of two datasets with the same id stay apart, and the same sound is there once.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from attrs import evolve, frozen

from audioforge.errors import DatasetError
from audioforge.files import atomic
from audioforge.run.data.sound_digest import sound_digest
from audioforge.sample import AudioSample


@frozen
class Spool:
    """A folder for the clips of one run.

    Attributes:
        folder: Made when the first clip comes.
    """

    folder: Path

    def keep(self, sample: AudioSample) -> AudioSample:
        """Return the sample with its sound in a file; one that has a file, or no sound, as it is.

        Raises:
            DatasetError: If the file cannot be written.
        """
        if sample.audio is None or isinstance(sample.audio, Path):
            return sample
        try:
            encoded = sample.audio if isinstance(sample.audio, bytes) else _encoded(sample)
            path = self.folder / f"{sound_digest(encoded)}.clip"
            self.folder.mkdir(parents=True, exist_ok=True)
            if not _holds(path, encoded):
                with atomic.new_file(path, durable=False) as temporary:
                    temporary.write_bytes(encoded)
        except (OSError, soundfile.SoundFileError) as error:
            raise DatasetError(
                f"{sample.id}: its sound cannot be kept in {self.folder}: {error}. Free space, or "
                f"name another --output."
            ) from error
        return evolve(sample, audio=path, stored=True)


def _encoded(sample: AudioSample) -> bytes:
    """Return decoded samples as a sound file that holds the same numbers."""
    file = io.BytesIO()
    samples = np.asarray(sample.audio, dtype=np.float32)
    # AU: a WAV file of floats also says when it was written, so that no two were the same sound.
    soundfile.write(file, samples, sample.sampling_rate, format="AU", subtype="FLOAT")
    return file.getvalue()


def _holds(path: Path, encoded: bytes) -> bool:
    """Whether a file is there in whole; one from before a power cut need not be."""
    return path.is_file() and path.read_bytes() == encoded
