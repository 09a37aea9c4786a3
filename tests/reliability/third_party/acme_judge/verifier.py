"""The judge."""

import os

from audioforge.sample import Score
from audioforge.verifier import Verifier

SIGN = 1


class Short(Verifier):
    """Rewards short transcripts, or long ones."""

    tasks = ("asr",)
    needs_reference = False

    def setup(self, context):
        context.load_model(os.environ["ACME_EARS"], "asr")

    def verify(self, samples, hypotheses):
        return [Score(0.5 - SIGN * min(len(h.text), 50) / 100) for h in hypotheses]
