"""Speaker embeddings by SpeechBrain's ECAPA-TDNN, as `speechbrain/spkrec-ecapa-voxceleb` has it.

SpeechBrain would build the network from the checkpoint's `hyperparams.yaml`, which can run any
code; so the network is built here, from SpeechBrain's own modules, and only its weights are read.
They are published as a pickle; a folder may hold `embedding_model.safetensors` instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from audioforge.errors import CheckpointError
from audioforge.hub.snapshot import fetch
from audioforge.torch_companions import hide_broken_companions, importing_speechbrain
from audioforge_verifiers.network_weights import load_weights
from audioforge_verifiers.not_importable import not_importable

SAMPLING_RATE = 16_000
DIMENSIONS = 192
MELS = 80
ARCHITECTURE: dict[str, Any] = {
    "input_size": MELS,
    "channels": [1024, 1024, 1024, 1024, 3072],
    "kernel_sizes": [5, 3, 3, 3, 1],
    "dilations": [1, 2, 3, 4, 1],
    "attention_channels": 128,
    "lin_neurons": DIMENSIONS,
}
"""Desplanques et al., "ECAPA-TDNN" (Interspeech 2020), in the size of the published checkpoint."""

VOXCELEB = "speechbrain/spkrec-ecapa-voxceleb"
PICKLED = "embedding_model.ckpt"
SAFE = "embedding_model.safetensors"


class EcapaEncoder:
    """Turns a clip into an embedding of its voice.

    Args:
        checkpoint: A local folder with `embedding_model.safetensors` or `embedding_model.ckpt`, or
            a hub id with the latter; None for SpeechBrain's own of VoxCeleb.
        device: A torch device.

    Attributes:
        sampling_rate: Sampling rate of the clips it takes, in Hz.
        min_seconds: The shortest clip it takes: the convolutions need 60 ms, and a voice more.

    Raises:
        PluginError: If SpeechBrain cannot be imported.
        CheckpointError: If the weights cannot be had, or are of another network.
    """

    sampling_rate: ClassVar[int] = SAMPLING_RATE
    min_seconds: ClassVar[float] = 0.1

    def __init__(self, checkpoint: str | None, device: str) -> None:
        network, features, normalisation = build()
        load_weights(
            network,
            _weights_file(checkpoint or VOXCELEB),
            f"SpeechBrain's ECAPA-TDNN with {MELS} mels and {DIMENSIONS} outputs",
            f"Give a copy of {VOXCELEB}, or its weights as {SAFE}.",
        )
        self._network = network.to(device).eval()
        self._features = features.to(device).eval()
        self._normalisation = normalisation.to(device).eval()
        self._device = device

    @torch.inference_mode()
    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """Return the embedding of one clip, of length 1.

        Clips go through one by one: padding to a common length would let them change each other.

        Args:
            waveform: float32, shape (frames,), at 16 kHz, at least `min_seconds` long.

        Returns:
            float32, shape (192,).
        """
        wave = torch.from_numpy(np.ascontiguousarray(waveform))[None].to(self._device)
        with torch.autocast(wave.device.type, enabled=False):
            features = self._normalisation(self._features(wave), torch.ones(1, device=self._device))
            embedding = self._network(features).flatten()
        return torch.nn.functional.normalize(embedding, dim=0).cpu().numpy()


def build() -> tuple[torch.nn.Module, torch.nn.Module, torch.nn.Module]:
    """Build the network with random weights, its features, and their normalisation.

    Raises:
        PluginError: If SpeechBrain cannot be imported, with the way to mend it.
    """
    broken = hide_broken_companions()
    try:
        with importing_speechbrain():
            from speechbrain.lobes.features import Fbank
            from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
            from speechbrain.processing.features import InputNormalization
    except Exception as error:  # an old SpeechBrain with a new torchaudio: AttributeError
        raise not_importable(
            "consistency", "SpeechBrain", "speaker", error, broken.get("torchaudio")
        ) from error
    with torch.random.fork_rng(devices=()):  # first weights are drawn, though not used
        network = ECAPA_TDNN(**ARCHITECTURE)
    features = Fbank(sample_rate=SAMPLING_RATE, n_mels=MELS)
    return network, features, InputNormalization(norm_type="sentence", std_norm=False)


def write_untrained(folder: Path) -> None:
    """Write a network of the published size that has learnt nothing.

    Raises:
        PluginError: If SpeechBrain cannot be imported.
    """
    from safetensors.torch import save_file

    save_file(build()[0].state_dict(), folder / SAFE)


def _weights_file(checkpoint: str) -> Path:
    folder = Path(checkpoint).expanduser()
    if not folder.is_dir():
        try:
            folder = fetch(checkpoint, [PICKLED])
        except CheckpointError as error:
            raise CheckpointError(
                f"{error} Or take encoder=resemblyzer, which needs no hub."
            ) from error
    for name in (SAFE, PICKLED):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(
        f"{checkpoint}: it holds no speaker encoder: neither {SAFE} nor {PICKLED}"
    )
