"""The script that trains a nano SpeechT5 writes a checkpoint that speaks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from audioforge.model import GREEDY
from audioforge_kit.examples import speech_like

SCRIPT = Path(__file__).parents[2] / "plugins/speecht5/build/train_nano.py"


@pytest.mark.soak
def test_it_trains_on_the_recordings_of_one_speaker(tmp_path, load, clips):
    lines = []
    for number in range(20):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, speech_like(0.3 + 0.01 * number, str(number)), 16_000)
        speaker = "somebody" if number < 18 else "else"
        lines.append({"audio_filepath": path.name, "text": "one two", "speaker": speaker})
    manifest = tmp_path / "train.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def train(speaker):
        flags = ["--speaker", speaker, "--steps", "3"]
        command = [sys.executable, SCRIPT, manifest, tmp_path / "nano", *flags]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert "2 recordings of else: too few" in train("else").stderr
    result = train("somebody")
    assert result.returncode == 0, result.stderr
    assert "18 recordings" in result.stdout
    adapter = load(tmp_path / "nano")
    assert 1_000_000 < sum(p.numel() for p in adapter.module.parameters()) < 1_500_000
    ((said,),) = adapter.sample(adapter.prepare(clips("one")), 1, GREEDY)
    assert len(said.audio) > 0
