"""Whose voice speaks: a few seconds of it, as the codec's latents, in front of the text.

The data's own word comes first (`voice` in the metadata), then the checkpoint's voice, if it has
one (`voice.safetensors`), and then the line's recording.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save
from safetensors.torch import load_file

from audioforge.audio import load_clip
from audioforge.errors import AudioError, CheckpointError
from audioforge.files import atomic
from audioforge.sample import AudioSample
from audioforge_pocket_tts.codec import Codec

OWN = "voice.safetensors"
KEY = "voice"
"""In the metadata of a sample."""

TENSOR = "audio_prompt_latents"
"""Name of the tensor in a file of safetensors, Transformers' own word."""

MIN_SECONDS = 0.2
"""A recording that is shorter is no voice."""

NO_ENCODER = "its codec has no encoder, so that no recording can be heard"


class Voices:
    """Finds the voice of each sample.

    Args:
        files: The checkpoint's folder.
        codec: The checkpoint's codec.

    Raises:
        CheckpointError: If the checkpoint's own voice cannot be read.
    """

    def __init__(self, files: Path, codec: Codec) -> None:
        self._codec = codec
        self._of_files: dict[str, np.ndarray] = {}
        self.own: np.ndarray | None = None
        if (files / OWN).is_file():
            try:
                self.own = self._checked(_read(files / OWN))
            except ValueError as error:
                raise CheckpointError(
                    f"{files / OWN}: {error}. It must hold {codec.dimensions} numbers for each "
                    f"frame of a voice as the tensor '{TENSOR}'."
                ) from error

    def is_given(self, sample: AudioSample) -> bool:
        """Return whether a sample's voice is another than that of its recording."""
        return self.own is not None or sample.metadata.get(KEY) is not None

    def of(self, sample: AudioSample, heard: np.ndarray) -> np.ndarray:
        """Return the voice to speak a sample's text with.

        Args:
            sample: The sample.
            heard: What `of_recording` returned of its recording.

        Returns:
            float32, shape (frames, dimensions).

        Raises:
            AudioError: If the data state one that is none, or there is no voice at all.
        """
        stated = sample.metadata.get(KEY)
        if stated is not None:
            return self._stated(stated, sample)
        if self.own is not None:
            return self.own
        if not len(heard):
            without = f" ({NO_ENCODER})" if self._codec.encoder is None else ""
            raise AudioError(
                f"{sample.place}: there is no voice to speak with: no {KEY} in the data, no "
                f"recording of {MIN_SECONDS:g} s or more{without}, and no {OWN} in the checkpoint. "
                f"Give one of them."
            )
        return heard

    def of_recording(self, waveform: np.ndarray) -> np.ndarray:
        """Return the voice of a recording.

        Args:
            waveform: float32, shape (frames,), at the codec's rate.

        Returns:
            float32, shape (frames, dimensions); of no frames where there is none to hear, or where
            the checkpoint's own is spoken with.
        """
        if not len(self.as_long_as(waveform)):
            return np.zeros((0, self._codec.dimensions), np.float32)
        latents: np.ndarray = self._codec.latents(waveform, end_on_pause=True).numpy()
        return latents

    def as_long_as(self, waveform: np.ndarray) -> np.ndarray:
        """Return zeros, about as many as `of_recording` returns numbers: it listens to nothing."""
        rate, seconds = self._codec.sampling_rate, len(waveform) / self._codec.sampling_rate
        unheard = self.own is not None or self._codec.encoder is None
        if unheard or len(waveform) < MIN_SECONDS * rate:
            seconds = 0.0
        frames = math.ceil(seconds / self._codec.frame_seconds)
        return np.zeros((frames, self._codec.dimensions), np.float32)

    def save(self, folder: Path) -> None:
        """Put the checkpoint's own voice beside it, where it has one.

        Raises:
            OSError: If it cannot be written.
        """
        if self.own is not None:
            with atomic.new_file(folder / OWN) as temporary:
                temporary.write_bytes(save({TENSOR: self.own}))

    def _stated(self, stated: Any, sample: AudioSample) -> np.ndarray:
        if not isinstance(stated, str):
            raise AudioError(f"{sample.place}: {KEY}: state the path of a file, not {stated!r:.60}")
        if stated not in self._of_files:
            self._of_files[stated] = self._of_file(Path(stated), sample)
        return self._of_files[stated]

    def _of_file(self, path: Path, sample: AudioSample) -> np.ndarray:
        if path.suffix in (".safetensors", ".npy"):
            try:
                return self._checked(_read(path))
            except ValueError as error:
                raise AudioError(
                    f"{sample.place}: {KEY}: {error}. State the path of a recording, or of an .npy "
                    f"or .safetensors file with {self._codec.dimensions} numbers for each frame."
                ) from error
        if self._codec.encoder is None:
            raise AudioError(
                f"{sample.place}: {KEY}: {path}: {NO_ENCODER}. State a file of latents."
            )
        recording = AudioSample(str(path), path, where=sample.where)
        try:
            clip = load_clip(recording, self._codec.sampling_rate, min_seconds=MIN_SECONDS)
        except AudioError as error:
            raise AudioError(f"{sample.place}: {KEY}: {error}") from error
        latents: np.ndarray = self._codec.latents(clip.waveform, end_on_pause=True).numpy()
        return latents

    def _checked(self, numbers: np.ndarray | Sequence[float]) -> np.ndarray:
        latents = np.asarray(numbers)
        wanted = self._codec.dimensions
        right = latents.dtype.kind == "f" and latents.ndim == 2 and latents.shape[1] == wanted
        if not right or not len(latents) or not np.isfinite(latents).all():
            raise ValueError(
                f"an array of {latents.dtype}, shape {latents.shape}, or numbers that are not "
                f"finite, are no voice"
            )
        return latents.astype(np.float32)


def _read(path: Path) -> np.ndarray:
    """Read latents; no pickle is opened.

    Raises:
        ValueError: If that is not possible.
    """
    try:
        if path.suffix == ".safetensors":
            tensor = load_file(path)[TENSOR]  # NumPy has no bfloat16
            return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        latents: np.ndarray = np.load(path, allow_pickle=False)
    except KeyError as error:
        raise ValueError(f"{path} has no tensor '{TENSOR}'") from error
    except (OSError, SafetensorError, EOFError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    return latents
