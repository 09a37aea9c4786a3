"""Clips that come without a file, kept on disk instead of in memory.

A streamed dataset hands its sound over in memory, once. A run reads every clip in every cycle, in
another order; so the sound goes to disk as it arrives.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from attrs import evolve, frozen

from audioforge import atomic
from audioforge.errors import DatasetError
from audioforge.raft.hypothesis_audio import file_stem
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
        path = self.folder / f"{file_stem(sample.id)}.clip"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic.new_file(path, durable=False) as temporary:
                _write(sample, temporary)
        except (OSError, soundfile.SoundFileError) as error:
            raise DatasetError(
                f"{sample.id}: its sound cannot be kept in {path}: {error}. Free space, or name "
                f"another --output."
            ) from error
        return evolve(sample, audio=path, stored=True)


def _write(sample: AudioSample, path: Path) -> None:
    if isinstance(sample.audio, bytes):
        path.write_bytes(sample.audio)
        return
    samples = np.asarray(sample.audio, dtype=np.float32)
    # AU: a WAV file of floats also says when it was written, so that no two were the same sound.
    soundfile.write(path, samples, sample.sampling_rate, format="AU", subtype="FLOAT")
