"""What the contract tests check the synthesiser and its judge with."""

import numpy as np
import torch

from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge_kit import Case, ModelExample, VerifierExample

from .model import ToneSpeech
from .tones import OCTAVES, RATE, WORDS, speak

TEXTS = ("p01 p40", "p99 p00 p50")


def spoken(text, off=0.0):
    return speak(np.array([OCTAVES[word] + off for word in text.split()]))


def model(folder):
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    ToneSpeech(torch.full((len(WORDS),), 2.0)).save(checkpoint)
    nothing = np.zeros(0, np.float32)
    clips = tuple(Clip(AudioSample(text, reference=text), nothing, RATE) for text in TEXTS)
    targets = tuple(Hypothesis(audio=spoken(text), sampling_rate=RATE) for text in TEXTS)
    return ModelExample(checkpoint=checkpoint, task="tts", clips=clips, targets=targets)


def verifier(folder):
    cases = [
        Case.spoken(text, spoken(text), spoken(text, 0.2), sampling_rate=RATE) for text in TEXTS
    ]
    return VerifierExample(cases=tuple(cases))
