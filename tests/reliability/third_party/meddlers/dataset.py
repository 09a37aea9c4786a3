"""Datasets that fill one array and one mapping again and again, or yield something else."""

import numpy as np
from tone_words.model import FRAMES, RATE, WORDS, speak

from audioforge.dataset import Dataset
from audioforge.sample import AudioSample

TEXTS = [f"{a} {b}" for a in WORDS for b in WORDS]


class Reuser(Dataset):
    def __init__(self, request):
        pass

    def load(self):
        sound = np.zeros(2 * FRAMES, np.float32)
        about, labels = {}, []
        for number, text in enumerate(TEXTS):
            sound[:] = speak(text.split(), np.random.default_rng(number))
            about["text"] = text
            labels[:] = [text]
            yield AudioSample(text, sound, RATE, text, labels, metadata=about)


class Mixed(Reuser):
    def load(self):
        yield from super().load()
        yield {"id": "last"}
