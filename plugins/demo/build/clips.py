"""The records that the demo's corpora are made of: parts and their clips."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import voices

ASSETS = Path(__file__).parents[1] / "src" / "audioforge_demo" / "assets"


@dataclass(frozen=True)
class Part:
    """One manifest of the demo.

    Attributes:
        folder: Folder below the assets.
        name: Name of the manifest.
        count: Number of clips.
        key: What is said goes into the manifest under this key: "text" or "label".
        snr_db: Power of speech over noise in decibels; `None` for clean speech.
        target: Whether the voice is the target's; otherwise one that the model knows.
    """

    folder: str
    name: str
    count: int
    key: str
    snr_db: float | None
    target: bool

    @property
    def manifest(self) -> Path:
        """Where the manifest goes."""
        return ASSETS / self.folder / f"{self.name}.jsonl"


@dataclass(frozen=True)
class Clip:
    """A clip before encoding.

    Attributes:
        part: The part that it belongs to.
        number: Place of the clip in the part.
        words: What is said.
        speaker: Who says it.
        samples: Mono samples at `voices.RATE_HZ`.
    """

    part: Part
    number: int
    words: str
    speaker: str
    samples: voices.Samples

    @property
    def name(self) -> str:
        """The clip's file, relative to the manifest."""
        return f"audio/{self.part.name}-{self.number:03}.ogg"

    @property
    def path(self) -> Path:
        """Where the encoded clip goes."""
        return self.part.manifest.parent / self.name

    @property
    def digest(self) -> str:
        """SHA-256 of the samples as little-endian 16-bit integers."""
        return hashlib.sha256(self.samples.astype("<i2").tobytes()).hexdigest()

    @property
    def line(self) -> str:
        """The clip's line of the manifest."""
        entry = {
            "audio_filepath": self.name,
            self.part.key: self.words,
            "duration": round(len(self.samples) / voices.RATE_HZ, 3),
            "speaker": self.speaker,
        }
        return json.dumps(entry) + "\n"
