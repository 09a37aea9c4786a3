"""The judge: how far each tone is from the pitch of its word."""

import numpy as np

from audioforge.audio import load_clip
from audioforge.errors import AudioError
from audioforge.sample import AudioSample, Score
from audioforge.verifier import CorpusMetric, Verifier

from .tones import OCTAVES, RATE, hear

WORST = 0.5
"""Mean error in octaves from which the reward is 0."""
PASSES = 0.1


class Pitch(Verifier):
    """Reward max(0, 1 − mean error / 0.5 octaves)."""

    tasks = ("tts",)
    metrics = ("octaves_off", "tones")
    corpus_metrics = (
        CorpusMetric("octaves_off", ("octaves_off",), "tones", higher_is_better=False),
    )

    def verify(self, samples, hypotheses):
        return [self._score(s, h) for s, h in zip(samples, hypotheses, strict=True)]

    def _score(self, sample, hypothesis):
        words = (sample.reference or "").split()
        if hypothesis.audio is None or not words or not set(words) <= set(OCTAVES):
            return Score(None)
        spoken = AudioSample("output", hypothesis.audio, hypothesis.sampling_rate)
        try:
            heard = hear(load_clip(spoken, RATE).waveform)
        except AudioError:
            return Score(None)
        wanted = np.array([OCTAVES[word] for word in words])
        if len(heard) != len(wanted):
            return Score(0.0, False)
        off = np.abs(heard - wanted)
        metrics = {"octaves_off": float(off.sum()), "tones": float(len(off))}
        return Score(max(0.0, 1 - off.mean() / WORST), bool(off.mean() <= PASSES), metrics)
