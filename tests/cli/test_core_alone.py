"""Core installed by itself, in an environment without any plugin and without what those need."""

import json
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

OF_PLUGINS = (
    *("audioforge", "transformers", "tokenizers", "datasets", "pyarrow", "pandas", "jiwer"),
    *("rapidfuzz", "peft", "librosa", "torchaudio", "torchcodec"),
)


@pytest.fixture(scope="module")
def python(tmp_path_factory, root):
    """The Python of an environment that has the dependencies of core, and core."""
    folder = tmp_path_factory.mktemp("core") / "venv"
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    for entry in Path(metadata.distribution("click").locate_file("")).iterdir():
        name = entry.name.lower().lstrip("_").replace("__editable___", "")
        if not name.startswith(OF_PLUGINS) and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    python = folder / "bin" / "python"
    command = f"-m uv pip install --offline --no-deps --no-build-isolation --python {python}"
    result = subprocess.run(
        [sys.executable, *command.split(), root / "core"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return python


def audioforge(python, *arguments):
    return subprocess.run(
        [python.parent / "audioforge", *arguments], capture_output=True, text=True, check=False
    )


def test_help(python):
    result = audioforge(python, "--help")
    assert result.returncode == 0
    assert "train " in result.stdout
    assert "demo" not in result.stdout


def test_the_listings_say_what_to_install(python):
    result = audioforge(python, "plugins", "list")
    assert (result.returncode, result.stderr) == (0, "")
    assert "No plugin is installed. Install audioforge[whisper]" in result.stdout
    assert json.loads(audioforge(python, "plugins", "list", "--json").stdout) == []
    assert "Install audioforge[whisper]" in audioforge(python, "models").stdout
    datasets = audioforge(python, "datasets")
    assert "audioforge[datasets]" in datasets.stdout + datasets.stderr
    assert "Traceback" not in datasets.stderr


def test_the_demo_says_what_to_install(python):
    result = audioforge(python, "demo")
    assert result.returncode == 2
    assert result.stderr == (
        "Error: the command 'demo' is not installed: install audioforge[demo].\n"
    )


def test_training_says_what_to_install(python, tmp_path):
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("")
    arguments = ("--model", "openai/whisper-tiny", "--dataset", str(manifest))
    result = audioforge(python, "train", *arguments, "--output", str(tmp_path / "run"))
    assert result.returncode == 2
    assert "audioforge[" in result.stderr
    assert "Traceback" not in result.stderr


def test_doctor_finds_nothing_broken(python):
    result = audioforge(python, "doctor")
    assert result.returncode == 0, result.stdout
    assert "none is loaded" in result.stdout
    assert result.stdout.endswith("Nothing is broken.\n")
