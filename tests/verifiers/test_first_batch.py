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
noise = np.random.default_rng(0).normal(scale=0.1, size=32_000).astype(np.float32)
said = Hypothesis(audio=noise, sampling_rate=16_000)
for asked in sys.argv[1:]:
    verifier = create_verifier(registry, VerifierSetting.parse(asked), context)
    loaded = set(sys.modules)
    sample = AudioSample("a", audio=noise, sampling_rate=16_000, reference="one")
    verifier.verify([sample], [said])
    print(asked, [name for name in sys.modules if name not in loaded])
"""
HEAVY = ("librosa", "scipy", "numba", "sklearn")


def test_the_first_batch_loads_no_library():
    check_loads_nothing("prosody:deviation=2,pauses=0.3", "quality")


def test_the_first_batch_of_an_encoder_loads_no_library(shared):
    model = shared / "models/resemblyzer-ge2e"
    check_loads_nothing(f"consistency:encoder=resemblyzer,model={model}")


def check_loads_nothing(*verifiers):
    command = [sys.executable, "-c", ASKS, *verifiers]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("[") == len(verifiers)
    assert not any(f"'{name}" in done.stdout for name in HEAVY)
