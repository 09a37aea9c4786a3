"""Voices of recordings: SpeechBrain's x-vectors, as SpeechT5 was trained with them.

SpeechBrain would build the network from the checkpoint's `hyperparams.yaml`, which can run any
code; so it is built here, from SpeechBrain's own modules, and only its weights are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from audioforge.errors import CheckpointError, PluginError, describe
from audioforge.hub.snapshot import fetch
from audioforge.torch_companions import hide_broken_companions, importing_speechbrain

HUB = "speechbrain/spkrec-xvect-voxceleb"
PICKLED = "embedding_model.ckpt"
SAFE = "embedding_model.safetensors"
SAMPLING_RATE = 16_000
MELS, DIMENSIONS = 24, 512
MIN_SECONDS = 0.2
"""The network reads 15 frames of 10 ms; less is no voice."""


class XVectorEncoder:
    """Turns a recording into the x-vector of its voice (Snyder et al. 2018).

    Args:
        folder: Holds `embedding_model.safetensors` or `.ckpt`; None for SpeechBrain's of VoxCeleb
            from the hub.
        device: A torch device.

    Raises:
        PluginError: If SpeechBrain cannot be imported.
        CheckpointError: If the weights cannot be had, or are of another network.
    """

    def __init__(self, folder: Path | None, device: str) -> None:
        self._network, self._features, self._normalisation = (
            module.to(device).eval() for module in build()
        )
        self._device = device
        path = _weights_file(folder if folder is not None else fetch(HUB, [PICKLED]))
        try:
            self._network.load_state_dict(_read(path))
        except Exception as error:  # damaged files and foreign weights make torch raise anything
            raise CheckpointError(
                f"{path}: cannot be read as the weights of SpeechBrain's x-vectors: "
                f"{describe(error)}. Give a copy of {HUB}, or its weights as {SAFE}."
            ) from error

    @torch.inference_mode()
    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """Return the x-vector of one recording.

        Args:
            waveform: float32, shape (frames,), at 16 kHz, at least `MIN_SECONDS` long.

        Returns:
            float32, shape (512,).
        """
        wave = torch.from_numpy(np.ascontiguousarray(waveform))[None].to(self._device)
        # SpeechBrain's pooling adds a little noise from torch's generator: here always the same.
        devices = [wave.device] if wave.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.autocast(wave.device.type, enabled=False):
            torch.manual_seed(0)
            whole = torch.ones(1, device=self._device)
            features = self._normalisation(self._features(wave), whole)
            vector: np.ndarray = self._network(features).flatten().cpu().numpy()
        return vector


def build() -> tuple[torch.nn.Module, torch.nn.Module, torch.nn.Module]:
    """Build the network with random weights, its features, and their normalisation.

    Raises:
        PluginError: If SpeechBrain cannot be imported, with the way to mend it.
    """
    hide_broken_companions()
    try:
        with importing_speechbrain():
            from speechbrain.lobes.features import Fbank
            from speechbrain.lobes.models.Xvector import Xvector
            from speechbrain.processing.features import InputNormalization
    except Exception as error:  # an old SpeechBrain with a new torchaudio: AttributeError
        raise PluginError(
            f"speecht5: the voice of a recording needs SpeechBrain, which cannot be imported "
            f"({describe(error)}). Install audioforge-speecht5[voice], state an xvector in the "
            f"data, or give the checkpoint a voice.safetensors."
        ) from error
    with torch.random.fork_rng(devices=()):  # first weights are drawn, though not used
        network = Xvector(in_channels=MELS, lin_neurons=DIMENSIONS)
    features = Fbank(sample_rate=SAMPLING_RATE, n_mels=MELS)
    return network, features, InputNormalization(norm_type="sentence", std_norm=False)


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _weights_file(folder: Path) -> Path:
    for name in (SAFE, PICKLED):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(f"{folder}: it holds no x-vectors: neither {SAFE} nor {PICKLED}")
