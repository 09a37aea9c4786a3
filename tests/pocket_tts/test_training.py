"""A whole run: what was drawn is kept, learnt and exported as a plain checkpoint."""

import json

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file
from transformers import PocketTTSForConditionalGeneration

from audioforge.cli import cli
from audioforge.model import GREEDY

pytestmark = pytest.mark.soak  # a run of whatever model is tested elsewhere

WORDS = ("one", "two three", "the valve", "nine")
HELD_OUT = ("four", "seven two")
TOO_LONG = "a" * 600


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    """The folder of a run of one cycle, by a judge of signals alone, and its summary."""
    folder = tmp_path_factory.mktemp("run")
    for name, texts in (("train", WORDS), ("heldout", HELD_OUT)):
        lines = "".join(json.dumps({"id": t[:9], "text": t}) + "\n" for t in (*texts, TOO_LONG))
        (folder / f"{name}.jsonl").write_text(lines)
    flags = [
        "train", "--task", "tts", "--model", small, "--dataset", folder / "train.jsonl",
        "--eval-dataset", folder / "heldout.jsonl", "--output", folder / "run", "--cycles", 1,
        "--verifier", "pace", "--selection", "random", "--samples-per-prompt", 2,
        "--batch-size", 2, "--steps-per-cycle", 2, "--learning-rate", 1e-3,
        "--device", "cpu", "--json",
    ]  # fmt: skip
    result = CliRunner().invoke(cli, [str(flag) for flag in flags])
    assert result.exit_code == 0, result.output
    return folder / "run", json.loads(result.stdout)


def test_a_text_that_cannot_be_spoken_is_left_out_and_counted(trained):
    folder, _ = trained
    skipped = [json.loads(line) for line in (folder / "skipped.jsonl").open()]
    assert [line["kind"] for line in skipped] == ["not for this model"] * 2, "train and held-out"


def test_what_was_drawn_lies_beside_its_sound(trained):
    folder, _ = trained
    lines = [json.loads(x) for x in (folder / "cycle-01/rollouts-00000.jsonl").open()]
    assert {line["id"] for line in lines} == set(WORDS)
    for hypothesis in (h for line in lines for h in line["hypotheses"]):
        latents = load_file(folder / hypothesis["features"])["features"]
        frames, rest = divmod(soundfile.info(str(folder / hypothesis["audio"])).frames, 1920)
        assert (latents.shape[1], rest) == (8, 0)
        assert frames - len(latents) in (0, 1 + 4), "the end, and what follows it"


def test_it_learns_and_exports_a_voice(trained, small, load, clips):
    folder, summary = trained
    assert summary["cycles"][0]["kept"] > 0
    PocketTTSForConditionalGeneration.from_pretrained(folder / "best")
    latest = load(folder / "cycle-01/checkpoint")
    base = load(small).module.state_dict()
    same = {n for n, p in latest.module.named_parameters() if torch.equal(p, base[n])}
    assert all(name.startswith("loss_weighting.") for name in same), "zeros behind zeros stay"
    batch = latest.prepare(clips("one"))
    assert np.isfinite(latest.sample(batch, 1, GREEDY)[0][0].audio).all()
