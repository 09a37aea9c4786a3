"""Sound from spectrograms: the vocoder that goes with a checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import SpeechT5FeatureExtractor, SpeechT5HifiGan

from audioforge.errors import CheckpointError
from audioforge.files import atomic
from audioforge.files.checkpoint_files import MAX_JSON_BYTES, read_object
from audioforge.huggingface.checkpoint import read_model

FOLDER = "vocoder"
NAMED = "vocoder.json"
GRIFFIN_LIM = "griffin-lim"
HUB = "microsoft/speecht5_hifigan"

ITERATIONS = 8
"""Of Griffin-Lim: a quarter of librosa's default in a third of the time, and heard as well."""


class Vocoder(ABC):
    """Turns a log-mel spectrogram into sound."""

    @abstractmethod
    def sound(self, frames: torch.Tensor) -> np.ndarray:
        """Return the samples of one spectrogram.

        Spectrograms go through one by one: what pads one would be heard at the end of another.

        Args:
            frames: Shape (frames, bands).

        Returns:
            float32, shape (samples,), within ±1.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Put it beside a checkpoint.

        Raises:
            OSError: If it cannot be written.
        """


class HifiGan(Vocoder):
    """HiFi-GAN (Kong et al. 2020), as Transformers has it for SpeechT5.

    Args:
        network: The network, float32.
    """

    def __init__(self, network: Any) -> None:
        self._network = network.eval()

    def sound(self, frames: torch.Tensor) -> np.ndarray:
        """Return the network's output."""
        with torch.no_grad(), torch.autocast(frames.device.type, enabled=False):
            samples: np.ndarray = self._network(frames).cpu().numpy()
        return samples

    def save(self, folder: Path) -> None:
        """Write the folder `vocoder/`, for `SpeechT5HifiGan.from_pretrained`."""
        self._network.save_pretrained(folder / FOLDER)


class GriffinLim(Vocoder):
    """Griffin and Lim (1984), by librosa: no weights, and the sound of a tin.

    For models too small for a vocoder of their own, and only where `vocoder.json` names it.

    Args:
        extractor: What the spectrograms are as.
    """

    def __init__(self, extractor: SpeechT5FeatureExtractor) -> None:
        self._extractor = extractor
        self._inverse = np.linalg.pinv(np.asarray(extractor.mel_filters)).T

    def sound(self, frames: torch.Tensor) -> np.ndarray:
        """Find phases that fit the magnitudes, from the same first ones each time."""
        import librosa

        # What is no spectrogram may ask for any loudness: 10^2 is far beyond full scale.
        bands = np.power(10.0, np.minimum(frames.cpu().numpy().T, 2.0))
        samples = librosa.griffinlim(
            np.maximum(self._inverse @ bands, 0.0),
            n_iter=ITERATIONS,
            hop_length=self._extractor.sample_stride,
            win_length=self._extractor.sample_size,
            n_fft=self._extractor.n_fft,
            random_state=0,
        )
        sound: np.ndarray = np.clip(samples, -1.0, 1.0).astype(np.float32)
        return sound

    def save(self, folder: Path) -> None:
        """Write `vocoder.json`."""
        atomic.write_json(folder / NAMED, {FOLDER: GRIFFIN_LIM})


def read_vocoder(
    location: str, files: Path, extractor: SpeechT5FeatureExtractor, device: str
) -> Vocoder:
    """Read the vocoder of a checkpoint.

    It is the folder `vocoder/` in it, or what `vocoder.json` names (`{"vocoder": …}`: a folder, a
    hub id or "griffin-lim"), or else `microsoft/speecht5_hifigan`.

    Args:
        location: What the user called the checkpoint, for messages.
        files: Where its files lie.
        extractor: Its feature extractor.
        device: A torch device.

    Raises:
        CheckpointError: If it cannot be had, or is for other spectrograms.
    """
    name = str(files / FOLDER)
    if not (files / FOLDER).is_dir():
        name = _named(files)
        if name == GRIFFIN_LIM:
            return GriffinLim(extractor)
    try:
        network = read_model(name, SpeechT5HifiGan)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error} It is the vocoder of {location}: put a folder that SpeechT5HifiGan reads at "
            f'{FOLDER}/ of the checkpoint, or name one in {NAMED} there: {{"vocoder": "FOLDER"}}; '
            f'"{GRIFFIN_LIM}" does without, and sounds like it.'
        ) from error
    _check(name, network.config, extractor)
    return HifiGan(network.to(device))


def _named(files: Path) -> str:
    path = files / NAMED
    if not path.is_file():
        return HUB
    name = read_object(path, MAX_JSON_BYTES).get(FOLDER)
    if not isinstance(name, str) or not name:
        raise CheckpointError(
            f'{path}: it must name the vocoder: {{"vocoder": "{HUB}"}}, a folder, or '
            f'"{GRIFFIN_LIM}"'
        )
    return name


def _check(name: str, config: Any, extractor: SpeechT5FeatureExtractor) -> None:
    found = (config.model_in_dim, int(np.prod(config.upsample_rates)), config.sampling_rate)
    wanted = (extractor.num_mel_bins, extractor.sample_stride, extractor.sampling_rate)
    if found != wanted:
        raise CheckpointError(
            f"{name}: a vocoder for {found[0]} bands, {found[1]} samples a frame, {found[2]} Hz; "
            f"the model writes {wanted[0]} bands, {wanted[1]} samples a frame, {wanted[2]} Hz. "
            f"Take the one that belongs to the model."
        )
