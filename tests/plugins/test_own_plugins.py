"""AudioForge's own plugins do what it asks of others."""

import pytest


@pytest.mark.sweep(3)
@pytest.mark.audioforge_contract(
    "audioforge",
    "audioforge-classification",
    "audioforge-datasets",
    "audioforge-demo",
    "audioforge-pocket-tts",
    "audioforge-speecht5",
    "audioforge-verifiers",
    "audioforge-wav2vec",
    "audioforge-whisper",
)
def test_contract(contract_check):
    contract_check()
