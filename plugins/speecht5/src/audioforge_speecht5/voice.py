"""Whose voice speaks: an x-vector for each clip.

The data's own word comes first (`xvector` in the metadata), then the checkpoint's voice, if it has
one (`voice.safetensors`), and then the recording's.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from audioforge.errors import AudioError, CheckpointError
from audioforge.files import atomic
from audioforge.sample import AudioSample, Clip

OWN = "voice.safetensors"
KEY = "xvector"
"""In the metadata of a sample, and the name of the tensor in a file of safetensors."""

ENCODER = "xvector"
"""The folder of a checkpoint that may hold the speaker encoder."""


class Voices:
    """Finds the x-vector of each clip.

    Args:
        files: The checkpoint's folder.
        dimensions: Of an x-vector; 512 for the published model.
        sampling_rate: Of the clips, in Hz.
        device: A torch device.

    Raises:
        CheckpointError: If the checkpoint's own voice cannot be read.
    """

    def __init__(self, files: Path, dimensions: int, sampling_rate: int, device: str) -> None:
        self._dimensions, self._rate, self._device = dimensions, sampling_rate, device
        self._folder = files / ENCODER if (files / ENCODER).is_dir() else None
        self._encoder: Any = None
        self._own: np.ndarray | None = None
        if (files / OWN).is_file():
            try:
                self._own = self._checked(_read(files / OWN))
            except ValueError as error:
                raise CheckpointError(
                    f"{files / OWN}: {error}. It must hold an x-vector of {dimensions} numbers as "
                    f"the tensor '{KEY}'."
                ) from error

    def of(self, clip: Clip) -> np.ndarray:
        """Return the x-vector to speak a clip's text with.

        Returns:
            float32, shape (dimensions,).

        Raises:
            AudioError: If the data state one that is none, or there is no voice at all.
            PluginError: If the voice is the recording's, and SpeechBrain is not there.
            CheckpointError: If the speaker encoder cannot be had.
        """
        stated = clip.sample.metadata.get(KEY)
        if stated is not None:
            return self._stated(stated, clip.sample)
        return self._own if self._own is not None else self._heard(clip)

    def check(self, clip: Clip) -> None:
        """See whether there is a voice to speak a clip's text with, without hearing it.

        Raises:
            AudioError: If the data state one that is none, or there is no voice at all.
        """
        stated = clip.sample.metadata.get(KEY)
        if stated is not None:
            self._stated(stated, clip.sample)
        elif self._own is None:
            _check_recording(clip)

    def save(self, folder: Path) -> None:
        """Put the checkpoint's own voice and speaker encoder beside it, where it has them.

        Raises:
            OSError: If it cannot be written.
        """
        if self._own is not None:
            with atomic.new_file(folder / OWN) as temporary:
                temporary.write_bytes(save({KEY: self._own}))
        if self._folder is not None:
            shutil.copytree(self._folder, folder / ENCODER, dirs_exist_ok=True)

    def _stated(self, stated: Any, sample: AudioSample) -> np.ndarray:
        try:
            return self._checked(_read(Path(stated)) if isinstance(stated, str) else stated)
        except ValueError as error:
            raise AudioError(
                f"{sample.place}: {KEY}: {error}. State {self._dimensions} numbers, or the path of "
                f"an .npy or .safetensors file that holds them."
            ) from error

    def _checked(self, numbers: np.ndarray | Sequence[float]) -> np.ndarray:
        try:
            vector = np.asarray(numbers, dtype=np.float32).reshape(-1)
        except (TypeError, ValueError) as error:
            raise ValueError("it is no list of numbers") from error
        if len(vector) != self._dimensions or not np.isfinite(vector).all() or not vector.any():
            raise ValueError(f"{len(vector)} numbers, or some not finite, or all of them 0")
        return vector

    def _heard(self, clip: Clip) -> np.ndarray:
        from audioforge_speecht5 import xvector

        _check_recording(clip)
        if (self._rate, self._dimensions) != (xvector.SAMPLING_RATE, xvector.DIMENSIONS):
            raise CheckpointError(
                f"the model's voices have {self._dimensions} numbers, its sound {self._rate} Hz; "
                f"recordings give {xvector.DIMENSIONS} at {xvector.SAMPLING_RATE} Hz. State an "
                f"{KEY} for each text, or put {OWN} into the checkpoint."
            )
        if self._encoder is None:
            self._encoder = xvector.XVectorEncoder(self._folder, self._device)
        return self._checked(self._encoder.embed(clip.waveform))


def _check_recording(clip: Clip) -> None:
    from audioforge_speecht5.xvector import MIN_SECONDS

    if clip.seconds < MIN_SECONDS:
        raise AudioError(
            f"{clip.sample.place}: there is no voice to speak with: no {KEY} in the data, no "
            f"recording of {MIN_SECONDS:g} s or more, and no {OWN} in the checkpoint. Give one of "
            f"them."
        )


def _read(path: Path) -> np.ndarray:
    """Read an x-vector; no pickle is opened.

    Raises:
        ValueError: If that is not possible.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)[KEY]
        vector: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, SafetensorError, KeyError, EOFError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    return vector
