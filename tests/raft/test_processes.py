"""Two processes under torchrun do what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from audioforge.cli import cli
from audioforge_demo import assets

pytestmark = pytest.mark.soak


def test_two_processes_draw_and_learn_the_same(tmp_path: Path) -> None:
    arguments = [
        "train", "--model", assets.model(), "--dataset", "demo", "--limit", 41,
        "--eval-dataset", write_clips(tmp_path / "few.jsonl", assets.target_heldout()),
        "--normalizer", "none", "--cycles", 2, "--steps-per-cycle", 3, "--batch-size", 9,
        "--learning-rate", 5e-4, "--device", "cpu", "--reward-threshold", 0.5,
    ]  # fmt: skip
    arguments = [str(argument) for argument in arguments]
    done = CliRunner().invoke(cli, [*arguments, "--output", str(tmp_path / "one")])
    assert done.exit_code == 0, done.output
    result = of_two(*arguments, "--output", str(tmp_path / "two"))
    assert result.returncode == 0, result.stderr
    summaries = [json.loads((tmp_path / n / "summary.json").read_text()) for n in ("one", "two")]
    assert [c["steps"] for c in summaries[0]["cycles"]] == [
        c["steps"] for c in summaries[1]["cycles"]
    ]
    differing = total = 0
    for cycle in (1, 2):
        one_texts, two_texts = (texts(tmp_path / n, cycle) for n in ("one", "two"))
        assert one_texts.keys() == two_texts.keys()
        total += len(one_texts)
        differing += sum(one_texts[key] != two_texts[key] for key in one_texts)
    assert total == 2 * 41 * 4
    assert differing <= 2  # rounding: gradients are added up in another order
    assert len(list((tmp_path / "two" / "cycle-01").glob("rollouts-*.jsonl"))) == 2
    for first, second in zip(summaries[0]["cycles"], summaries[1]["cycles"], strict=True):
        assert abs(first["last_loss"] - second["last_loss"]) < 1e-3


def texts(folder: Path, cycle: int) -> dict[tuple[str, int], str]:
    found = {}
    for path in (folder / f"cycle-{cycle:02d}").glob("rollouts-*.jsonl"):
        for line in map(json.loads, path.read_text().splitlines()):
            for index, hypothesis in enumerate(line["hypotheses"]):
                found[line["id"], index] = hypothesis["text"]
    return found


def write_clips(path: Path, manifest: Path) -> Path:
    """Write the first eight lines of a manifest to another place."""
    lines = [json.loads(line) for line in manifest.read_text().splitlines()[:8]]
    for line in lines:
        line["audio_filepath"] = str(manifest.parent / line["audio_filepath"])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def of_two(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command under torchrun."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.run(
        [sys.executable, *launcher, "-m", "audioforge", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
