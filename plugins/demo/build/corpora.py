"""Build the demo's corpora, or check that they can be built again.

Usage: `python plugins/demo/build/corpora.py [--check]`. Target: flite's voice slt in white noise.
Source: voices the model knows, clean.
"""

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import digits
import numpy as np
import soundfile
import voices
from staging import stage

ASSETS = Path(__file__).parents[1] / "src" / "audioforge_demo" / "assets"
CHECKSUMS = ASSETS / "checksums.json"
SEED = 20
WINDOW_S = 5.0  # What the model sees; every clip is shorter.
TARGET_SNR_DB = 9.0


@dataclass(frozen=True)
class Part:
    """One manifest of the demo.

    Attributes:
        folder: Folder below the assets.
        name: Name of the manifest.
        count: Number of clips.
    """

    folder: str
    name: str
    count: int

    @property
    def manifest(self) -> Path:
        """Where the manifest goes."""
        return ASSETS / self.folder / f"{self.name}.jsonl"


PARTS = (
    Part("target", "train", 240),
    Part("target", "heldout", 100),
    Part("source", "heldout", 60),
)


@dataclass(frozen=True)
class Clip:
    """A clip before encoding.

    Attributes:
        part: The part that it belongs to.
        name: Its file, relative to the manifest.
        text: What is said.
        speaker: Who says it.
        samples: Mono samples at `voices.RATE_HZ`.
    """

    part: Part
    name: str
    text: str
    speaker: str
    samples: voices.Samples

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
            "text": self.text,
            "duration": round(len(self.samples) / voices.RATE_HZ, 3),
            "speaker": self.speaker,
        }
        return json.dumps(entry) + "\n"


def sentences() -> dict[Part, list[str]]:
    """The sentences of each part; no sentence is in two places."""
    rng, seen = random.Random(SEED), set[str]()
    return {part: digits.draw(part.count, rng, exclude=seen) for part in PARTS}


def clips() -> Iterator[Clip]:
    """Build every clip of every part.

    Yields:
        The clips, in the order of the manifests.

    Raises:
        ValueError: A clip does not fit into the model's window.
    """
    for index, (part, texts) in enumerate(sentences().items()):
        rng = random.Random(f"{SEED} {index}")
        target = part.folder == "target"
        for number, text in enumerate(texts):
            if target:
                voice = voices.Voice("flite", voices.TARGET, tempo=rng.uniform(0.9, 1.15))
            else:
                voice = voices.known(rng, flite=0.5)
            noise = np.random.default_rng([SEED, index, number])
            samples = stage(voice.speak(text), noise, TARGET_SNR_DB if target else None)
            if len(samples) >= WINDOW_S * voices.RATE_HZ:
                raise ValueError(f"clip {number} of {part} is not shorter than {WINDOW_S} s")
            yield Clip(part, f"audio/{part.name}-{number:03}.ogg", text, voice.speaker, samples)


def write() -> None:
    """Write audio, manifests and checksums."""
    built = list(clips())
    for clip in built:
        clip.path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(clip.path, clip.samples, voices.RATE_HZ, format="OGG", subtype="OPUS")
    for part in PARTS:
        lines = (clip.line for clip in built if clip.part is part)
        part.manifest.write_text("".join(lines), encoding="utf-8")
    digests = {str(clip.path.relative_to(ASSETS)): clip.digest for clip in built}
    record = {"made_with": voices.versions(), "sha256_of_pcm16": digests}
    CHECKSUMS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {len(built)} clips below {ASSETS}")


def check() -> bool:
    """Build every clip again and compare samples and manifests with the stored ones.

    Returns:
        Whether everything is the same.
    """
    record = json.loads(CHECKSUMS.read_text(encoding="utf-8"))
    for name, version in voices.versions().items():
        if version != record["made_with"].get(name):
            print(f"note: {name} is {version}, recorded is {record['made_with'].get(name)}")
    stored = record["sha256_of_pcm16"]
    built = list(clips())
    wrong = set(stored) - {str(clip.path.relative_to(ASSETS)) for clip in built}
    for clip in built:
        name = str(clip.path.relative_to(ASSETS))
        if clip.digest != stored.get(name) or soundfile.info(clip.path).frames != len(clip.samples):
            wrong.add(name)
    for part in PARTS:
        lines = "".join(clip.line for clip in built if clip.part is part)
        if part.manifest.read_text(encoding="utf-8") != lines:
            wrong.add(str(part.manifest.relative_to(ASSETS)))
    for name in sorted(wrong):
        print(f"differs: {name}")
    print(f"{len(built)} clips and {len(PARTS)} manifests rebuilt, {len(wrong)} differ")
    return not wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build or check the demo's corpora.")
    parser.add_argument("--check", action="store_true", help="build in memory and compare")
    if parser.parse_args().check:
        sys.exit(0 if check() else 1)
    write()
