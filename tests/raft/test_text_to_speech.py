"""Text to speech through the engine, with an adapter of a third party that really learns.

The plugin `third_party/tone_speech` is found as an installed one is: by the entry point of a
distribution on the path.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from audioforge.cli import cli
from audioforge_demo import assets

METADATA = """Metadata-Version: 2.4
Name: tone-speech
Version: 1.0
Summary: Tones for words.
License-Expression: MIT
Requires-Python: >=3.11
Requires-Dist: audioforge<0.2,>=0.1
"""
ENTRY_POINTS = "[audioforge]\ntone-speech = tone_speech.plugin\n"
RIGHT = 1 + 2.5 * np.arange(100) / 100
"""The pitch of each of the 100 words, in octaves above 100 Hz."""
BASE = RIGHT + np.where(np.arange(100) % 2, 1, -1) / 3
"""The base model is a third of an octave off, up or down."""
RECIPE = [
    "--task", "tts", "--verifier", "pitch", "--samples-per-prompt", 6, "--reward-threshold", 0,
    "--learning-rate", 0.02, "--lr-decay-per-cycle", 1, "--weight-decay", 0, "--batch-size", 25,
    "--epochs-per-cycle", 4, "--cycles", 3, "--device", "cpu", "--json",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    site = tmp_path_factory.mktemp("site")
    info = site / "tone_speech-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AUDIOFORGE_PLUGINS", raising=False)
        patch.syspath_prepend(Path(__file__).parent / "third_party")
        patch.syspath_prepend(site)
        yield


def model(folder: Path, octaves: np.ndarray = BASE) -> Path:
    """Write a checkpoint."""
    folder.mkdir()
    save_file({"octaves": torch.tensor(octaves, dtype=torch.float32)}, folder / "model.safetensors")
    config = {"model_type": "tone-speech", "architectures": ["ToneSpeech"]}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def texts(count: int, seed: int) -> list[str]:
    """Return texts of four words."""
    words = np.random.default_rng(seed).integers(100, size=(count, 4))
    return [" ".join(f"p{word:02d}" for word in row) for row in words]


def write_lines(path: Path, lines: list[dict]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_it_keeps_the_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    path = [str(folder) for folder in sys.path if folder]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))  # for the processes that are started
    result = run("plugins", "check", "tone-speech")
    assert result.exit_code == 0, result.output
    assert "Text to speech takes a clip of no frames" in result.output


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def prompts(folder: Path) -> list[object]:
    """Write texts to train on and texts to hold out, without any audio; return the flags."""
    train = [{"id": f"train-{i:02d}", "text": t} for i, t in enumerate(texts(75, 1))]
    held_out = [{"id": f"heldout-{i:02d}", "text": t} for i, t in enumerate(texts(40, 2))]
    return [
        "--dataset", write_lines(folder / "train.jsonl", train),
        "--eval-dataset", write_lines(folder / "heldout.jsonl", held_out),
        "--output", folder / "run",
    ]  # fmt: skip


def train(folder: Path, *flags: object) -> dict:
    result = run("train", "--model", model(folder / "base"), *prompts(folder), *RECIPE, *flags)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """The folder of a RAFT run, and its summary."""
    folder = tmp_path_factory.mktemp("tts")
    return folder / "run", train(folder)


def jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_raft_raises_the_held_out_reward(trained: tuple[Path, dict]) -> None:
    folder, summary = trained
    metric = summary["metric"]
    assert summary["higher_is_better"] is True
    assert summary["base"][metric] == pytest.approx(1 - (1 / 3) / 0.5, abs=0.01)
    assert summary["improved"] is True
    assert summary["best"][metric] > summary["base"][metric] + 0.3
    assert summary["best"]["difference_ci95"][0] > 0.25
    assert summary["cycles"][-1]["octaves_off"] < 0.5 * summary["base"]["octaves_off"]
    learnability = summary["learnability"]
    assert learnability[f"oracle_{metric}"] > learnability[f"greedy_{metric}"] + 0.1
    exported = load_file(folder / "best" / "model.safetensors")["octaves"].numpy()
    assert np.abs(exported - RIGHT).mean() < 0.5 * np.abs(np.subtract(BASE, RIGHT)).mean()


@pytest.mark.soak
def test_random_selection_does_not(tmp_path: Path, trained: tuple[Path, dict]) -> None:
    summary = train(tmp_path, "--selection", "random")
    metric = summary["metric"]
    assert summary["base"] == trained[1]["base"]
    # What it learns from is noise around the base, so that it wanders: a little, either way. The
    # interval knows of the choice of clips, not of this noise: of four seeds, one went up by 0.05.
    gains = [cycle[metric] - summary["base"][metric] for cycle in summary["cycles"]]
    assert max(gains) < 0.1 * (trained[1]["best"][metric] - trained[1]["base"][metric])
    assert summary["improved"] is False


def test_a_cycles_metric_is_the_one_of_the_held_out_texts(trained: tuple[Path, dict]) -> None:
    folder, summary = trained
    metric = summary["metric"]
    for cycle in summary["cycles"]:
        low, high = cycle["difference_ci95"]
        assert low <= cycle[metric] - summary["base"][metric] <= high
        rows = jsonl(folder / f"cycle-{cycle['cycle']:02d}" / "rollouts-00000.jsonl")
        rewards = [h["reward"] for row in rows for h in row["hypotheses"]]
        assert cycle["reward"] == pytest.approx(np.mean(rewards)), "TRL's name: while sampling"


def test_what_the_exported_model_says_is_found_from_its_line(trained: tuple[Path, dict]) -> None:
    folder, summary = trained
    lines = jsonl(folder / "best-predictions.jsonl")
    assert len({folder / line["pred_audio"] for line in lines}) == len(lines)
    assert all((folder / line["pred_audio"]).is_file() for line in lines)
    parts = np.array([line["measured"]["mean_reward"] for line in lines])
    mean, count = parts.sum(axis=0)
    assert mean / count == pytest.approx(summary["best"]["mean_reward"])


def test_every_hypothesis_is_a_sound_file_that_the_line_names(trained: tuple[Path, dict]) -> None:
    from tone_speech.tones import OCTAVES, hear

    folder, _ = trained
    rows = jsonl(folder / "cycle-01" / "rollouts-00000.jsonl")
    assert len(rows) == 75
    for row in rows:
        assert sum(h["kept"] for h in row["hypotheses"]) == 1
        for index, hypothesis in enumerate(row["hypotheses"]):
            assert hypothesis["audio"] == f"cycle-01/audio/{row['id']}-{index}.flac"
            assert not {"text", "label"} & hypothesis.keys()
            path = folder / hypothesis["audio"]
            info = soundfile.info(str(path))
            assert (info.format, info.subtype) == ("FLAC", "PCM_24")
            assert (info.samplerate, info.frames) == (8000, 3200)
            # What the line says was measured on what the file holds.
            samples, _ = soundfile.read(path, dtype="float32")
            wanted = np.array([OCTAVES[word] for word in row["reference"].split()])
            off = np.abs(hear(samples) - wanted)
            assert hypothesis["reward"] == pytest.approx(max(0, 1 - off.mean() / 0.5), abs=1e-9)
            assert hypothesis["features"] == f"cycle-01/audio/{row['id']}-{index}.safetensors"
            # The sound is made of them: FLAC and the transform round to 0.6 Hz.
            drawn = load_file(folder / hypothesis["features"])["features"]
            np.testing.assert_allclose(hear(samples), drawn, atol=0.01)
    names = [path.suffix for path in (folder / "cycle-01" / "audio").iterdir()]
    assert sorted(names) == [".flac"] * 450 + [".safetensors"] * 450, "nothing half-written is left"
    greedy = {path.suffix for path in (folder / "cycle-01" / "predictions").iterdir()}
    assert greedy == {".flac"}, "what is not learnt from keeps no features"


def test_what_was_generated_can_be_verified_again(trained: tuple[Path, dict]) -> None:
    folder, summary = trained
    for cycle in (0, 3):
        result = run(
            "verify", "--task", "tts", "--verifier", "pitch", "--json",
            folder / f"cycle-{cycle:02d}" / "predictions.jsonl",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        entry = summary["cycles"][cycle - 1] if cycle else summary["base"]
        verified = json.loads(result.stdout)
        assert verified["n"] == 40
        assert verified["reward"] == pytest.approx(entry[summary["metric"]], abs=1e-6)
        assert verified["metrics"]["octaves_off"] == pytest.approx(entry["octaves_off"], abs=1e-6)


def test_the_same_seed_gives_the_same_audio(tmp_path: Path, trained: tuple[Path, dict]) -> None:
    # Drawn before the first update, which therefore may be short.
    train(tmp_path, "--cycles", 1, "--batch-size", 7, "--epochs-per-cycle", 1)
    audio = sorted((tmp_path / "run" / "cycle-01" / "audio").iterdir())
    assert len(audio) == 900
    for path in audio:
        assert path.read_bytes() == (trained[0] / "cycle-01" / "audio" / path.name).read_bytes()


@pytest.mark.soak
def test_the_reference_control_learns_from_recordings(tmp_path: Path) -> None:
    from tone_speech.tones import OCTAVES, speak

    lines = []
    for i, text in enumerate(texts(100, 3)):
        pitches = np.array([OCTAVES[word] for word in text.split()])
        soundfile.write(tmp_path / f"{i}.wav", speak(pitches), 8000)
        lines.append({"audio_filepath": f"{i}.wav", "text": text})
    lines.append({"id": "text-only", "text": "p00"})
    summary = train(
        tmp_path, "--selection", "reference",
        "--dataset", write_lines(tmp_path / "recorded.jsonl", lines),
    )  # fmt: skip
    assert summary["improved"] is True
    assert [cycle["kept"] for cycle in summary["cycles"]] == [100, 100, 100]


def test_audio_that_is_not_a_number_stops_the_run(tmp_path: Path) -> None:
    flags = [*prompts(tmp_path), *RECIPE]
    result = run("train", "--model", model(tmp_path / "broken", np.full(100, 2000.0)), *flags)
    assert result.exit_code == 1
    assert "the generated audio holds NaN or infinite values" in result.stderr
    assert "heldout-" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_an_adapter_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ["audioforge-datasets", "audioforge-verifiers", "audioforge-whisper"]
    monkeypatch.setenv("AUDIOFORGE_PLUGINS", ",".join(own))
    for checkpoint in (model(tmp_path / "tones"), assets.model()):
        result = run("train", "--model", checkpoint, *prompts(tmp_path), "--task", "tts")
        assert result.exit_code == 2, result.output
        assert "no installed model adapter is for task tts" in result.stderr
        assert not (tmp_path / "run").exists()


def test_benchmark_reports_the_mean_reward_and_no_sum_of_rewards(tmp_path: Path) -> None:
    prompts(tmp_path)
    result = run(
        "benchmark", "--task", "tts", "--model", model(tmp_path / "base"),
        "--dataset", tmp_path / "heldout.jsonl", "--verifier", "pitch", "--device", "cpu", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["judged"] == figures["n"] == 40
    assert figures["mean_reward"] == pytest.approx(1 - (1 / 3) / 0.5, abs=0.01)
    assert "reward" not in figures
