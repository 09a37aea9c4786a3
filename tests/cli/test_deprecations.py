"""Nothing that we do is what a library is about to drop."""

import os
import re
import subprocess
import sys

import pytest

from audioforge_demo import assets

DATA = assets.target_train().parent
WARNINGS = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")


@pytest.mark.soak
def test_training_and_transcribing_use_nothing_deprecated(tmp_path):
    """Whatever says so, in a warning or in Transformers' log, would be on stderr."""
    run = str(tmp_path / "run")
    data = ("--dataset", DATA / "train.jsonl", "--eval-dataset", DATA / "heldout.jsonl")
    options = ("--limit", "12", "--cycles", "1", "--device", "cpu", "--output", run)
    trained = audioforge("train", "--model", assets.model(), *data, *options)
    said = audioforge("transcribe", run, DATA / "audio/train-000.ogg", "--format", "json")
    for done in (trained, said):
        assert done.returncode == 0, done.stderr
        assert not re.findall(r".*[Dd]eprecat.*|.*FutureWarning.*", done.stderr)


def audioforge(*arguments):
    shown = [option for name in WARNINGS for option in ("-W", f"always::{name}")]
    command = [sys.executable, *shown, "-m", "audioforge", *map(str, arguments)]
    variables = {**os.environ, "TRANSFORMERS_VERBOSITY": "warning"}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
