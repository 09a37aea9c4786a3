"""Sentences of the demo: three to six spoken digits."""

import random

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LENGTHS = range(3, 7)


def draw(count: int, rng: random.Random, *, exclude: set[str], repeat: bool = False) -> list[str]:
    """Draw sentences whose number of digits is spread evenly over `LENGTHS`.

    Args:
        count: How many sentences to draw.
        rng: Source of randomness.
        exclude: Sentences not to draw. Those drawn are added unless `repeat` is set.
        repeat: Whether a sentence may be drawn more than once.

    Returns:
        The sentences, lower-case words between single spaces.
    """
    sentences: list[str] = []
    while len(sentences) < count:
        length = LENGTHS[len(sentences) % len(LENGTHS)]
        sentence = " ".join(rng.choice(WORDS) for _ in range(length))
        if sentence in exclude:
            continue
        sentences.append(sentence)
        if not repeat:
            exclude.add(sentence)
    return sentences
