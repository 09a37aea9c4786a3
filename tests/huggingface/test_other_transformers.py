"""Exported checkpoints in the Transformers that people have: real installs, equal outputs."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from audioforge.huggingface.export_dtype import cast_files
from audioforge.model import LoadOptions
from audioforge_whisper.adapter import WhisperAdapter

pytestmark = pytest.mark.soak

OLDER = ("4.46.3", "4.51.3")
SCRIPT = Path(__file__).with_name("load_plainly.py")


@pytest.fixture(scope="module", params=OLDER)
def older(request, once):
    """The Python of an environment with an older Transformers, and this torch."""

    def install(folder):
        uv, python = [sys.executable, "-m", "uv"], str(folder / "venv/bin/python")
        torch_here = importlib.metadata.version("torch").partition("+")[0]
        subprocess.run([*uv, "venv", "-q", "-p", sys.executable, folder / "venv"], check=True)
        packages = [f"transformers=={request.param}", f"torch=={torch_here}", "numpy"]
        subprocess.run([*uv, "pip", "install", "-q", "-p", python, *packages], check=True)

    return once(f"Transformers {request.param}", install) / "venv/bin/python"


def said_by(python, checkpoint, output):
    command = [str(python), str(SCRIPT), str(checkpoint), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(output.read_text())
    return said.pop("version"), torch.tensor(said.pop("logits")), said


def assert_equal_in_both(older, checkpoint, tmp_path):
    _, logits, here = said_by(sys.executable, checkpoint, tmp_path / "here.json")
    version, their_logits, there = said_by(older, checkpoint, tmp_path / "there.json")
    assert version in OLDER
    assert there == here
    torch.testing.assert_close(their_logits, logits, rtol=1e-4, atol=1e-4)
    return here


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("family", ["whisper", "ctc", "classifier"])
def test_a_checkpoint_says_the_same_there(older, saved, tmp_path, family, dtype):
    _, folder = saved(family)
    cast_files(folder, dtype)
    assert assert_equal_in_both(older, folder, tmp_path)["dtype"] == f"torch.{dtype}"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_real_whisper_says_the_same_there(older, shared, tmp_path, dtype):
    folder = tmp_path / "saved"
    WhisperAdapter.load(str(shared / "models/whisper-tiny.en"), LoadOptions()).save(folder)
    cast_files(folder, dtype)
    said = assert_equal_in_both(older, folder, tmp_path)
    assert said["texts"] == said["slow"]
