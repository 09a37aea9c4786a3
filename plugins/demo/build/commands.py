"""The ten words of the demo's classifier."""

import random

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


def draw(count: int, rng: random.Random) -> list[str]:
    """Draw words in random order, each equally often if `count` is a multiple of their number."""
    words = [WORDS[index % len(WORDS)] for index in range(count)]
    rng.shuffle(words)
    return words
