"""The judge."""

import os
from pathlib import Path

from attrs import frozen

from acme_judge.rules.sign import SIGN
from audioforge.sample import Score
from audioforge.verifier import Verifier


@frozen
class Options:
    """A model of the hub, which nothing here needs, and where to keep what was fetched."""

    model: str = "acme/ears"
    later: Path | None = None


class Short(Verifier):
    """Rewards short transcripts, or long ones."""

    tasks = ("asr",)
    needs_reference = False

    def __init__(self, model, later):
        self._later = later

    def setup(self, context):
        context.load_model(os.environ["ACME_EARS"], "asr")

    def verify(self, samples, hypotheses):
        if self._later is not None:
            self._later.write_text("fetched")
        return [Score(0.5 - SIGN * min(len(h.text), 50) / 100) for h in hypotheses]
