"""Batch size, order, the number of processes, interruptions and repeats change no hypothesis.

The noise is keyed; logits differ by rounding, which may turn fewer than one draw in 1,000.
"""

from __future__ import annotations

import json
import signal
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from determinism import draw

from audioforge.dataset import DatasetRequest
from audioforge.find_adapter import load_adapter
from audioforge.find_dataset import open_dataset
from audioforge.model import LoadOptions
from audioforge.plugins import discover
from audioforge.sample import AudioSample
from audioforge_demo import assets

from .test_processes import done, two
from .tone_run import Fork, results, train, until

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

CLIPS, K = 40, 10
COMMANDS = {
    "model_name": str(assets.commands_model()),
    "task": "classification",
    "dataset": "demo:split=commands-train",
    "eval_dataset": "demo:split=commands-source",
    "samples_per_prompt": 4,
    "num_cycles": 2,
    "steps_per_cycle": 4,
    "batch_size": 4,
    "learning_rate": 3e-4,
    "limit": 161,
    "device": "cpu",
}


@pytest.mark.sweep(4)
@pytest.mark.parametrize(
    "name", ["demo whisper", "demo classifier", "whisper", "wav2vec2", "digit-classifier"]
)
def test_batch_size_and_order_change_no_hypothesis(name, request) -> None:
    if name.startswith("demo"):
        is_asr = "whisper" in name
        model = assets.model() if is_asr else assets.commands_model()
        clips = assets.target_train() if is_asr else assets.commands_train()
    else:
        shared = request.getfixturevalue("shared")
        is_asr = name != "digit-classifier"
        model = shared / f"models/nano-{name}{'-digits' if is_asr else ''}"
        clips = shared / f"data/digits_{'asr' if is_asr else 'cls'}/train.jsonl"
    registry, task = discover(), "asr" if is_asr else "classification"
    adapter = load_adapter(registry, str(model), task, LoadOptions())
    items = open_dataset(registry, str(clips), DatasetRequest("")).load()
    every = [item for item in items if isinstance(item, AudioSample)]
    samples = every[:: len(every) // CLIPS][:CLIPS]  # manifests are sorted by what is said
    expected = draw(adapter, samples, K, 16)
    assert len(expected) == CLIPS * K
    assert len(set(expected.values())) > 5
    differing = 0
    for order, size in ((samples, 1), (samples, 3), (samples[::-1], 16)):
        others = draw(adapter, order, K, size)
        assert others.keys() == expected.keys()
        differing += sum(others[key] != text for key, text in expected.items())
    assert differing * 1000 <= 3 * len(expected)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run in one process, which nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    torch.manual_seed(1)
    np.random.seed(1)
    train(folder, COMMANDS)
    return folder


def test_a_repeat_is_equal_to_the_bit(whole, tmp_path) -> None:
    torch.manual_seed(2)  # what else ran in the process plays no part
    np.random.seed(2)
    train(tmp_path / "again", COMMANDS)
    assert results(tmp_path / "again") == results(whole)


@pytest.mark.soak
@pytest.mark.slow
def test_a_run_killed_in_one_process_and_resumed_in_two_draws_the_same(whole, tmp_path) -> None:
    folder = tmp_path / "run"
    begun = Fork(train, folder, COMMANDS)
    first = folder / "cycle-01" / "rollouts-00000.jsonl"
    until(lambda: first.is_file() or begun.process.exitcode is not None)
    begun.signal(signal.SIGKILL)
    assert begun.end() == -signal.SIGKILL, begun.said
    assert len(first.read_text().splitlines()) < COMMANDS["limit"], "the kill came too late"
    done(two("--resume", folder))
    assert len(list(folder.glob("cycle-01/rollouts-*.jsonl"))) == 2
    first, expected = rollouts(folder, 1), rollouts(whole, 1)
    logprobs, others = ([h.pop("logprob") for h in hypotheses(r)] for r in (first, expected))
    assert first == expected
    # Some processors compute a batch of one clip by another kernel in another process.
    assert logprobs == pytest.approx(others, rel=1e-5)
    # The weights of the second cycle come of gradients that were added up in another order.
    second, expected = labels(folder, 2), labels(whole, 2)
    assert second.keys() == expected.keys()
    assert sum(second[key] != label for key, label in expected.items()) <= 1


def rollouts(folder: Path, cycle: int) -> list[dict[str, Any]]:
    files = folder.glob(f"cycle-{cycle:02d}/rollouts-*.jsonl")
    lines = [line for path in files for line in path.read_text().splitlines()]
    return sorted(map(json.loads, lines), key=itemgetter("id"))


def hypotheses(rollouts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [hypothesis for rollout in rollouts for hypothesis in rollout["hypotheses"]]


def labels(folder: Path, cycle: int) -> dict[tuple[str, int], str]:
    rows = rollouts(folder, cycle)
    return {(row["id"], j): h["label"] for row in rows for j, h in enumerate(row["hypotheses"])}
