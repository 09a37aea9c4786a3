"""Speaker embeddings by the GE2E network whose weights the package resemblyzer brings.

The package itself is never imported: it needs webrtcvad, which needs a compiler and a setuptools of
the past. Its weights are read from the file that it installs, or from a folder with the same as
safetensors. The front end is the package's, but for its detector of voices: pauses are cut by their
level instead; and speech that does not fill a window is repeated, not padded with silence.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import librosa
import numpy as np
import torch

from audioforge.errors import CheckpointError, PluginError
from audioforge_verifiers.network_weights import State, load_weights

SAMPLING_RATE = 16_000
MELS = 40
DIMENSIONS = 256
LAYERS = 3
"""Wan et al., "Generalized End-to-End Loss for Speaker Verification" (ICASSP 2018), in the size of
resemblyzer 0.1.4."""

HOP = SAMPLING_RATE // 100
FRAME = SAMPLING_RATE // 40
"""Frames of 25 ms every 10 ms, in samples."""

WINDOW = 160
STEP = 77
"""Frames that the network hears at once, 1.6 s, and from one window to the next, 1.3 a second."""

LEAST_COVERAGE = 0.75
"""Part of the last of several windows that must hold sound, as in the package."""

LOUDEST_RAISED_DBFS = -30.0
"""Quieter speech is raised to this root mean square, in dB of full scale, as in the package."""

PAUSE_DB = 40.0
PAUSE_KEPT_SECONDS = 0.1
"""A pause is what is quieter than the loudest 30 ms by as much, and further from speech. On the
trials of `benchmarks/speaker_trials.py` 30 dB cuts speech (2.7 % instead of 2.0 % equal error)."""

LEAST_SPEECH_SECONDS = 1.0
"""With less it cannot tell: of 300 trials with 0.5 s the equal error is 16.7 %, with 0.75 s 12.0 %,
with 1 s 6.7 %."""

PACKAGE = "resemblyzer"
VERSION = "0.1.4"
PICKLED = "pretrained.pt"
SAFE = "model.safetensors"

MEND = (
    f"Install it with pip install --no-deps {PACKAGE}=={VERSION} (only its weights are read, for "
    f"which nothing else is needed), or name a folder that holds {SAFE} with model=."
)


class ResemblyzerEncoder:
    """Turns a clip into an embedding of its voice.

    Args:
        folder: A folder with `model.safetensors` or `pretrained.pt`; None for the weights of the
            installed package.
        device: A torch device.

    Attributes:
        sampling_rate: Sampling rate of the clips it takes, in Hz.
        min_seconds: The shortest clip it takes.

    Raises:
        PluginError: If the package is not installed and no folder is given.
        CheckpointError: If the weights cannot be had, or are of another network.
    """

    sampling_rate: ClassVar[int] = SAMPLING_RATE
    min_seconds: ClassVar[float] = 0.1

    def __init__(self, folder: str | None, device: str) -> None:
        with torch.random.fork_rng(devices=()):  # first weights are drawn, though not used
            network = _Network()
        path = _weights_file(Path(folder).expanduser()) if folder else _installed_weights()
        load_weights(
            network, path, f"a GE2E network of {LAYERS}×{DIMENSIONS} on {MELS} mels", MEND, _state
        )
        self._network = network.to(device).eval()
        self._device = device
        # librosa loads and compiles what it needs here: no batch of a verifier has the time.
        self.embed(np.resize(np.array([0.5, -0.5], np.float32), 2 * SAMPLING_RATE))

    @torch.inference_mode()
    def embed(self, waveform: np.ndarray) -> np.ndarray | None:
        """Return the embedding of one clip, of length 1: the mean of those of its windows.

        The windows of a clip are one batch; clips go through one by one, so that none changes
        another.

        Args:
            waveform: float32, shape (frames,), at 16 kHz, not silent.

        Returns:
            float32, shape (256,), no value below 0; None where it says too little.
        """
        spoken = _without_pauses(waveform)
        if len(spoken) < LEAST_SPEECH_SECONDS * SAMPLING_RATE:
            return None
        windows = torch.from_numpy(_windows(_raised(spoken))).to(self._device)
        with torch.autocast(windows.device.type, enabled=False):
            voices: torch.Tensor = self._network(windows)
        return torch.nn.functional.normalize(voices.mean(dim=0), dim=0).cpu().numpy()


class _Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(MELS, DIMENSIONS, LAYERS, batch_first=True)
        self.linear = torch.nn.Linear(DIMENSIONS, DIMENSIONS)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        """Embed windows of shape (windows, frames, mels), each of length 1."""
        _, (hidden, _) = self.lstm(mels)
        return torch.nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)


def _windows(waveform: np.ndarray) -> np.ndarray:
    """Return windows of power mels, without a logarithm; shape (windows, frames, mels)."""
    if len(waveform) < WINDOW * HOP:
        waveform = np.resize(waveform, WINDOW * HOP)  # which repeats it
    frames = len(waveform) // HOP + 1
    starts = list(range(0, max(1, frames - WINDOW + STEP + 1), STEP))
    if len(starts) > 1 and len(waveform) / HOP - starts[-1] < LEAST_COVERAGE * WINDOW:
        starts.pop()
    missing = (starts[-1] + WINDOW) * HOP - len(waveform)
    mels = librosa.feature.melspectrogram(
        y=np.pad(waveform, (0, max(0, missing))),
        sr=SAMPLING_RATE,
        n_fft=FRAME,
        hop_length=HOP,
        n_mels=MELS,
    )
    return np.stack([mels[:, start : start + WINDOW].T for start in starts]).astype(np.float32)


def _raised(waveform: np.ndarray) -> np.ndarray:
    level = 10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)))
    gain = 10 ** (max(0.0, LOUDEST_RAISED_DBFS - level) / 20)
    return waveform * np.float32(gain)


def _without_pauses(waveform: np.ndarray) -> np.ndarray:
    """Cut what is silent for long; its windows would hold no voice, and count as much as others."""
    kept = np.zeros(len(waveform), bool)
    around = int(PAUSE_KEPT_SECONDS * SAMPLING_RATE)
    spoken = librosa.effects.split(waveform, top_db=PAUSE_DB, frame_length=3 * HOP, hop_length=HOP)
    for start, end in spoken:
        kept[max(0, start - around) : end + around] = True
    return waveform[kept]


def _state(loaded: Any) -> State:
    """Return the network's weights: the package keeps its optimiser and loss beside them."""
    state: State = loaded.get("model_state", loaded)
    return {name: weight for name, weight in state.items() if not name.startswith("similarity_")}


def _weights_file(folder: Path) -> Path:
    for name in (SAFE, PICKLED):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(
        f"{folder}: it holds no weights of resemblyzer: neither {SAFE} nor {PICKLED}. {MEND}"
    )


def _installed_weights() -> Path:
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise PluginError(
            f"verifier consistency: encoder={PACKAGE}: the package is not installed. {MEND}"
        ) from error
    for file in files:
        path = Path(str(file.locate()))
        if file.name == PICKLED and path.is_file():
            return path
    raise PluginError(
        f"verifier consistency: encoder={PACKAGE}: the installed {PACKAGE} "
        f"{metadata.version(PACKAGE)} holds no {PICKLED}. {MEND}"
    )
