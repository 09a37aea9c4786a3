"""A verifier that rewards rightly, and does one thing more; an aggregator that changes scores."""

import faulthandler
import multiprocessing
import os
import random
import signal
import sys
import time

import numpy as np
import torch
from attrs import frozen

from audioforge.reward import RewardAggregator
from audioforge.sample import Score
from audioforge.verifier import CorpusMetric, Verifier

KEPT = []
"""Inference mode ends with the object that began it."""
STATE = {
    "grad": lambda: torch.set_grad_enabled(False),
    "inference": lambda: KEPT.append(torch.inference_mode()) or KEPT[-1].__enter__(),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "device": lambda: torch.set_default_device("meta"),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16).__enter__(),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "matmul": lambda: torch.set_float32_matmul_precision("medium"),
    "cudnn": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "folder": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(MEDDLED="yes"),
    "signals": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "numpy": lambda: np.seterr(all="raise"),
}


@frozen
class Options:
    kind: str
    at: str = "verify"


class Meddler(Verifier):
    """Rewards a transcript by how much of it is right, word by word."""

    tasks = ("asr",)
    metrics = ("right", "words", "draw")
    corpus_metrics = (CorpusMetric("accuracy", ("right",), "words", higher_is_better=True),)

    def __init__(self, kind, at):
        self.kind, self.at = kind, at
        self.meddle("create")

    def meddle(self, at):
        if at == self.at and self.kind in STATE:
            STATE[self.kind]()

    def setup(self, context):
        self.meddle("setup")
        if self.kind == "removes":
            here = os.getcwd()  # noqa: PTH109
            os.chdir("/")
            os.rmdir(here)  # noqa: PTH106

    def close(self):
        self.meddle("close")
        if self.kind == "stays":
            time.sleep(600)

    def verify(self, samples, hypotheses):
        self.meddle("verify")
        if hasattr(self, self.kind):
            return getattr(self, self.kind)(samples, hypotheses)
        return self.scores(samples, hypotheses)

    def scores(self, samples, hypotheses):
        return [self.score(s, h) for s, h in zip(samples, hypotheses, strict=True)]

    def score(self, sample, hypothesis):
        words, said = sample.reference.split(), hypothesis.text.split()
        right = sum(a == b for a, b in zip(words, said, strict=False))
        return Score(right / max(len(words), 1), True, {"right": right, "words": len(words)})

    def sorts(self, samples, hypotheses):
        hypotheses.sort(key=lambda h: h.text)
        return self.scores(samples, hypotheses)

    def empties(self, samples, hypotheses):
        scores = []
        while hypotheses:
            scores.append(self.score(samples.pop(0), hypotheses.pop(0)))
        return scores

    def notes(self, samples, hypotheses):
        """Leave a note on each sample, and judge by whether there was one."""
        seen = [bool(s.metadata.get("notes")) for s in samples]
        for sample in samples:
            sample.metadata.setdefault("notes", []).append("seen")
        return [Score(float(not was)) for was in seen]

    def mutes(self, samples, hypotheses):
        for sample in samples:
            sample.audio[:] = 0
        return self.scores(samples, hypotheses)

    def hears(self, samples, hypotheses):
        return [Score(float(s.audio.any())) for s in samples]

    def draws(self, samples, hypotheses):
        numbers = (random.random(), float(np.random.rand()), float(torch.rand(())))
        return [Score(numbers[0], True, {"draw": sum(numbers)}) for _ in samples]

    def pools(self, samples, hypotheses):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            lengths = pool.map(len, [h.text for h in hypotheses])
        assert len(lengths) == len(hypotheses)
        return self.scores(samples, hypotheses)

    def forks(self, samples, hypotheses):
        child = os.fork()
        if not child:  # should it get out of here, it is not to multiply, nor to last
            self.kind = "none"
            faulthandler.dump_traceback_later(20, exit=True)
            sys.exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        return self.scores(samples, hypotheses)


class Greedy(RewardAggregator):
    """Takes what it is given: the plain mean, of scores and weights that are gone afterwards."""

    def aggregate(self, scores, weights):
        weights.pop("meddler", None)
        rewards = [s.reward for s in scores.values() if s.reward is not None]
        for score in scores.values():
            score.metrics.clear()
        scores.clear()
        return sum(rewards) / len(rewards) if rewards else None


class Slow(RewardAggregator):
    def aggregate(self, scores, weights):
        time.sleep(600)
