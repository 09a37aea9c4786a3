"""The corpora of the demo's classifier: single commands.

Target: flite's voice slt in white noise, at varied tempo and pitch. Source: voices the model knows,
clean. The same words come back in every part, so that it is their speech that must not: no clip is
the same speech as another in other noise.
"""

import hashlib
import random
from collections.abc import Iterator

import commands
import numpy as np
import voices
from clips import Clip, Part
from staging import stage

SEED = 21
WINDOW_S = 2.0  # What the model sees; every clip is shorter.
PAD_S = (0.0, 0.1)  # Both synthesisers leave silence around a word by themselves.
TARGET_SNR_DB = 17.0
PARTS = (
    Part("commands", "train", 200, "label", TARGET_SNR_DB, target=True),
    Part("commands", "heldout", 120, "label", TARGET_SNR_DB, target=True),
    Part("commands", "source", 60, "label", None, target=False),
)


class Distinct:
    """Tells speech that is new from speech that was there before."""

    def __init__(self) -> None:
        """Start with none."""
        self._said: set[bytes] = set()

    def first(self, speech: voices.Samples) -> bool:
        """Say whether this speech is new, and remember it."""
        digest = hashlib.sha256(speech.tobytes()).digest()
        new = digest not in self._said
        self._said.add(digest)
        return new


def _voice(part: Part, rng: random.Random) -> voices.Voice:
    if part.target:
        tempo, pitch = rng.uniform(0.8, 1.2), rng.uniform(0.85, 1.2)
        return voices.Voice("flite", voices.TARGET, tempo, pitch)
    return voices.known(rng, flite=0.5)


def clips(distinct: Distinct) -> Iterator[Clip]:
    """Build every clip of every part.

    Args:
        distinct: Takes note of their speech, so that training can keep away from it.

    Yields:
        The clips, in the order of the manifests.

    Raises:
        ValueError: A clip does not fit into the model's window.
    """
    for index, part in enumerate(PARTS):
        rng = random.Random(f"{SEED} {index}")
        for number, word in enumerate(commands.draw(part.count, rng)):
            voice = _voice(part, rng)
            while not distinct.first(speech := voice.speak(word)):
                voice = _voice(part, rng)
            noise = np.random.default_rng([SEED, index, number])
            samples = stage(speech, noise, part.snr_db, PAD_S)
            if len(samples) >= WINDOW_S * voices.RATE_HZ:
                raise ValueError(f"clip {number} of {part} is not shorter than {WINDOW_S} s")
            yield Clip(part, number, word, voice.speaker, samples)
