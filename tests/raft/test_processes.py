"""Two processes under torchrun do what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

from audioforge_demo import assets


def test_two_processes_draw_and_learn_the_same(tmp_path: Path) -> None:
    arguments = [
        "train", "--model", assets.model(), "--dataset", "demo", "--limit", 41,
        "--eval-dataset", "demo:split=heldout", "--normalizer", "none", "--cycles", 2,
        "--steps-per-cycle", 3, "--batch-size", 9, "--learning-rate", 5e-4, "--device", "cpu",
        "--reward-threshold", 0.5,
    ]  # fmt: skip
    one = [sys.executable, "-m", "audioforge"]
    two = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    two += ["--master_port", "29517", "-m", "audioforge"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for launcher, name in ((one, "one"), (two, "two")):
        command = [*launcher, *map(str, arguments), "--output", str(tmp_path / name)]
        result = subprocess.run(command, capture_output=True, text=True, env=environment)
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


def test_when_one_process_fails_its_error_is_the_only_one_with_a_cause(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in assets.target_train().read_text().splitlines()[:8]]
    for line in lines:
        line["audio_filepath"] = str(assets.target_train().parent / line["audio_filepath"])
    lines[3]["audio_filepath"] = str(tmp_path / "gone.wav")
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command += ["--master_port", "29518", "-m", "audioforge", "train", "--device", "cpu"]
    command += ["--model", str(assets.model()), "--dataset", str(tmp_path / "train.jsonl")]
    command += ["--eval-dataset", "demo:split=heldout", "--on-error", "fail", "--batch-size", "4"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*command, "--output", str(tmp_path / "r")],
        capture_output=True, text=True, env=environment, timeout=120,
    )  # fmt: skip
    assert result.returncode == 1
    assert "gone.wav: there is no such file" in result.stderr
    assert "[rank" not in result.stderr, "a traceback of the other process"
