"""The corpora of the demo's Whisper: connected digits.

Target: flite's voice slt in white noise. Source: voices the model knows, clean.
"""

import random
from collections.abc import Iterator

import digits
import numpy as np
import voices
from clips import Clip, Part
from staging import stage

SEED = 20
WINDOW_S = 5.0  # What the model sees; every clip is shorter.
TARGET_SNR_DB = 9.0
PARTS = (
    Part("target", "train", 240, "text", TARGET_SNR_DB, target=True),
    Part("target", "heldout", 100, "text", TARGET_SNR_DB, target=True),
    Part("source", "heldout", 60, "text", None, target=False),
)


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
        for number, text in enumerate(texts):
            if part.target:
                voice = voices.Voice("flite", voices.TARGET, tempo=rng.uniform(0.9, 1.15))
            else:
                voice = voices.known(rng, flite=0.5)
            noise = np.random.default_rng([SEED, index, number])
            samples = stage(voice.speak(text), noise, part.snr_db)
            if len(samples) >= WINDOW_S * voices.RATE_HZ:
                raise ValueError(f"clip {number} of {part} is not shorter than {WINDOW_S} s")
            yield Clip(part, number, text, voice.speaker, samples)
