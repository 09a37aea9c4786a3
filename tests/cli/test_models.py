"""`audioforge models`: adapters, checkpoints and their memory."""

import json

import pytest
from click.testing import CliRunner

from audioforge.cli import cli


@pytest.fixture(autouse=True)
def _all_plugins(monkeypatch):
    monkeypatch.delenv("AUDIOFORGE_PLUGINS", raising=False)


def test_models_json_names_what_whisper_serves_and_needs():
    adapters = json.loads(CliRunner().invoke(cli, ["models", "--json"]).stdout)
    whisper = next(a for a in adapters if a["name"] == "whisper")
    assert whisper["distribution"] == "audioforge-whisper"
    assert whisper["serves"] == [
        {
            "task": "asr",
            "model_type": "whisper",
            "architectures": ["WhisperForConditionalGeneration"],
        }
    ]
    checkpoints = {c["id"]: c for c in whisper["checkpoints"]}
    tiny = checkpoints["openai/whisper-tiny"]
    assert tiny["parameters"] == 37_760_640
    assert tiny["weight_bytes"] == 4 * 37_760_640
    clip, program = 120 * 4 * 1500 * 384, 2**30
    assert tiny["clip_bytes"] == clip
    assert tiny["training_bytes"] == 16 * 37_760_640 + program + 8 * clip
    assert tiny["training_bytes_one_clip"] == 16 * 37_760_640 + program + clip
    assert tiny["training_bytes_least"] < 2e9
    assert "openai/whisper-large-v3-turbo" in checkpoints


def test_models_for_people():
    lines = CliRunner().invoke(cli, ["models"]).stdout.splitlines()
    assert "whisper (audioforge-whisper; asr)" in lines
    assert "classification (audioforge-classification; classification)" in lines
    small = next(line for line in lines if line.startswith("openai/whisper-small "))
    # 241,734,912 × 4 B = 0.90 GiB, × 16 B = 3.60 GiB; a clip takes 1.54 GiB, a program 1 GiB
    assert small.split()[1:9] == ["242", "M", "0.9", "GiB", "17.0", "GiB", "6.1", "GiB"]
    base = next(line for line in lines if line.startswith("facebook/wav2vec2-base-960h "))
    assert "2.4 GiB + clips" in base


def test_without_an_adapter_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", "")
    result = CliRunner().invoke(cli, ["models"])
    assert result.exit_code == 0
    assert "No model adapter is installed. Install audioforge[whisper], " in result.stdout
    assert json.loads(CliRunner().invoke(cli, ["models", "--json"]).stdout) == []
