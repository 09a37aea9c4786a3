"""What a verifier loads and compiles it has when the first batch comes, which has a time limit."""

import subprocess
import sys

ASKS = """
import sys
import numpy as np
from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis

registry = discover()
context = verifier_context(registry, "tts", "none", 0.0, "cpu")
noise = np.random.default_rng(0).normal(scale=0.1, size=16_000).astype(np.float32)
said = Hypothesis(audio=noise, sampling_rate=16_000)
for asked in ("prosody:deviation=2,pauses=0.3", "quality"):
    verifier = create_verifier(registry, VerifierSetting.parse(asked), context)
    loaded = set(sys.modules)
    verifier.verify([AudioSample("a", reference="one")], [said])
    print(asked, [name for name in sys.modules if name not in loaded])
"""
HEAVY = ("librosa", "scipy", "numba", "sklearn")


def test_the_first_batch_loads_no_library():
    command = [sys.executable, "-c", ASKS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("[") == 2
    assert not any(f"'{name}" in done.stdout for name in HEAVY)
