"""The tests' synthesiser as a plugin of one file: `--plugin benchmarks/tone_speech_file.py`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "raft" / "third_party"))

from tone_speech.plugin import register_models, register_verifiers  # noqa: F401

AUDIOFORGE_API = 1
