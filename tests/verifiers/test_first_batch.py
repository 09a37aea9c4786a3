"""What a verifier loads and compiles it has when the first batch comes, which has a time limit."""

import subprocess
import sys

import pytest

ASKS = """
import sys
import numpy as np
from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis

registry = discover()
context = verifier_context(registry, "tts", "none", 0.0, "cpu")
verifier = create_verifier(registry, VerifierSetting.parse(sys.argv[1]), context)
loaded = set(sys.modules)
noise = np.random.default_rng(0).normal(scale=0.1, size=16_000).astype(np.float32)
said = Hypothesis(audio=noise, sampling_rate=16_000)
verifier.verify([AudioSample("a", reference="one")], [said])
print([n for n in sys.modules if n not in loaded and n.split(".")[0] in sys.argv[2:]])
"""


@pytest.mark.parametrize("verifier", ["quality", "prosody:deviation=2,pauses=0.3"])
def test_the_first_batch_loads_no_library(verifier):
    heavy = ["librosa", "scipy", "numba", "sklearn"]
    command = [sys.executable, "-c", ASKS, verifier, *heavy]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
