"""What the demo's voice is trained on, and the texts that it then learns to say better.

Usage: `python plugins/demo/build/voice_clips.py FOLDER` writes recordings to train it on, and the
texts to the assets.
"""

import argparse
import itertools
import json
import random
from pathlib import Path

import numpy as np
import soundfile
import voices
from clips import ASSETS
from digits import WORDS
from staging import stage

SEED = 22
DIGITS = 3
SINGLE, PAIRS, TRIPLES = 60, 60, 140  # Short ones first teach which sound is which letter's.
TRAIN, HELDOUT = 60, 60
VOICE = "rms"  # One that the demo's Whisper knows, so that what it mishears is the model's fault.
TEMPO = (1.0, 1.3)
PAD_S = (0.0, 0.02)
QUIET = 0.02  # Of the peak; what is below at either end goes, but for these samples.
BEFORE, AFTER = 320, 640


def texts() -> dict[str, list[str]]:
    """The texts of three digits, by part; no text is in two."""
    every = [" ".join(words) for words in itertools.product(WORDS, repeat=DIGITS)]
    random.Random(SEED).shuffle(every)
    rest = iter(every)
    parts = {"recordings": TRIPLES, "train": TRAIN, "heldout": HELDOUT}
    return {name: list(itertools.islice(rest, count)) for name, count in parts.items()}


def trimmed(speech: voices.Samples) -> voices.Samples:
    """Leave out the silence that the synthesiser puts around."""
    loud = np.flatnonzero(np.abs(speech) > QUIET * np.abs(speech).max())
    return speech[max(0, loud[0] - BEFORE) : loud[-1] + AFTER]


def record(triples: list[str], folder: Path) -> None:
    """Synthesise clean recordings of one to three digits at various tempos, and their manifest."""
    rng, lines = random.Random(SEED), []
    said = [WORDS[number % len(WORDS)] for number in range(SINGLE)]
    said += [" ".join(rng.choice(WORDS) for _ in range(2)) for _ in range(PAIRS)]
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(said + triples):
        voice = voices.Voice("flite", VOICE, tempo=rng.uniform(*TEMPO))
        silence = np.random.default_rng([SEED, number])
        samples = stage(trimmed(voice.speak(text)), silence, None, PAD_S)
        name = f"{number:03}.flac"
        soundfile.write(folder / name, samples, voices.RATE_HZ)
        entry = {"audio_filepath": name, "text": text, "speaker": voice.speaker}
        lines.append(json.dumps(entry) + "\n")
    (folder / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"wrote {len(lines)} recordings to {folder}")


def write_texts(part: str, said: list[str]) -> None:
    """Write the manifest of texts that nobody recorded."""
    lines = ({"id": f"{part}-{number:03}", "text": text} for number, text in enumerate(said))
    path = ASSETS / "voice" / f"{part}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def main() -> None:
    """Write recordings and texts."""
    parser = argparse.ArgumentParser(description="Make what the demo's voice needs.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    parts = texts()
    write_texts("train", parts["train"])
    write_texts("heldout", parts["heldout"])
    record(parts["recordings"], folder)


if __name__ == "__main__":
    main()
