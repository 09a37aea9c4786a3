"""Speech from the two synthesisers: flite and espeak-ng.

Both are deterministic: the same program, voice, settings and text give the same samples.
"""

import random
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr

RATE_HZ = 16_000
TARGET = "slt"  # The one voice the model never hears.
FLITE = ("kal", "kal16", "awb", "rms")
ACCENTS = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-us-nyc")
VARIANTS = tuple(f"f{i}" for i in range(1, 6)) + tuple(f"m{i}" for i in range(1, 9))

Samples = np.ndarray[tuple[int], np.dtype[np.int16]]


@dataclass(frozen=True)
class Voice:
    """One way of speaking.

    Attributes:
        engine: The program that speaks.
        name: The program's name of the voice.
        tempo: Speed relative to the voice's own.
        pitch: Pitch relative to the voice's own; some flite voices ignore it.
    """

    engine: Literal["flite", "espeak-ng"]
    name: str
    tempo: float = 1.0
    pitch: float = 1.0

    @property
    def speaker(self) -> str:
        """Name for manifests, such as `flite-slt`."""
        return f"{self.engine}-{self.name}"

    def _command(self, text: str, path: Path) -> list[str]:
        if self.engine == "flite":
            stretch, shift = f"duration_stretch={1 / self.tempo:.3f}", f"f0_shift={self.pitch:.3f}"
            settings = ["--setf", stretch, "--setf", shift]
            return ["flite", "-voice", self.name, *settings, "-t", text, "-o", str(path)]
        speed, pitch = round(175 * self.tempo), round(50 * self.pitch)  # Words a minute; 0 to 99.
        settings = ["-v", self.name, "-s", str(speed), "-p", str(pitch)]
        return ["espeak-ng", *settings, "-w", str(path), text]

    def speak(self, text: str) -> Samples:
        """Speak a text.

        Args:
            text: The words to say.

        Returns:
            Mono samples at `RATE_HZ`.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            command = self._command(text, path)
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (our own words)
            samples, rate = soundfile.read(path, dtype="int16")
        resampled: Samples = soxr.resample(samples, rate, RATE_HZ) if rate != RATE_HZ else samples
        return resampled


def known(rng: random.Random, *, flite: float) -> Voice:
    """Draw a voice that the model is trained on.

    Args:
        rng: Source of randomness.
        flite: Probability of a flite voice; the others are of espeak-ng.

    Returns:
        The voice, at a random tempo and pitch.
    """
    if rng.random() < flite:
        return Voice("flite", rng.choice(FLITE), rng.uniform(0.8, 1.2), rng.uniform(0.85, 1.3))
    name = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
    return Voice("espeak-ng", name, rng.uniform(0.7, 1.1), rng.uniform(0.5, 1.5))


def versions() -> dict[str, str]:
    """Versions of everything that shapes the samples."""

    def banner(command: list[str], marker: str) -> str:
        run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return next(line.strip() for line in run.stdout.splitlines() if marker in line)

    return {
        "flite": banner(["flite", "--version"], "version:").removeprefix("version: "),
        "espeak-ng": banner(["espeak-ng", "--version"], "eSpeak").split("Data at")[0].strip(),
        "soxr": soxr.__version__,
        "numpy": np.__version__,
    }
