"""What changes a hypothesis that should not: batch size, order, the number of processes, a repeat.

For each model (the demo's two, or the one that is given), k hypotheses of every clip are drawn in
batches of 16, and again in batches of 1 and 3, in the reverse order and shuffled. Then
`audioforge train` runs for two cycles: twice with one process, whose run folders must be equal byte
by byte but for times, and once with two under torchrun. Every hypothesis is compared with that of
the same key (seed, cycle, clip, index). The noise is the same in all of them; logits differ by
rounding, and rounding can turn a draw.

In the second cycle two processes have learnt from gradients that were added up in another order,
so that there the weights themselves differ by rounding; it has a row of its own.

    python benchmarks/determinism.py
    python benchmarks/determinism.py --model CHECKPOINT --data MANIFEST --task asr
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from attrs import frozen
from existing import existing
from interrupted_runs import compare

from audioforge import keyed_random
from audioforge.dataset import DatasetRequest
from audioforge.find_adapter import load_adapter
from audioforge.find_dataset import open_dataset
from audioforge.inference.clips import chunks_of
from audioforge.inference.processes import Processes
from audioforge.inference.sampling import Sampler
from audioforge.inference.skip_log import SkipLog
from audioforge.model import LoadOptions, ModelAdapter, SamplingParams, Task
from audioforge.plugins import discover
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter
from audioforge_demo import assets

BATCH = 16
Key = tuple[str, int]
Drawn = dict[Key, str]


@frozen
class Subject:
    """A model with clips that it knows something of."""

    name: str
    task: Task
    model: Path
    clips: Path


def main() -> int:
    """Print the table, and return 1 if more than one hypothesis in 1,000 differs anywhere."""
    parser = argparse.ArgumentParser(description="What changes a hypothesis")
    parser.add_argument("--model", type=existing, help="folder of a trained model")
    parser.add_argument(
        "--data", type=existing, help="manifest of clips that it knows something of"
    )
    parser.add_argument("--task", default="asr", choices=["asr", "classification"])
    parser.add_argument("--hypotheses", type=int, default=20_000, help="at least, for each model")
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.data is None):
        parser.error("--model and --data are given together")
    if arguments.model is None:
        subjects = demo()
    else:
        model: Path = arguments.model
        subjects = [Subject(model.name, arguments.task, model, arguments.data)]
    torch.set_num_threads(1)
    print("| model | what is other than batches of 16 | hypotheses | differ | per 1,000 |")
    print("| --- | --- | ---: | ---: | ---: |")
    worst = 0.0
    for subject in subjects:
        for what, differing, total in rows(subject, arguments.hypotheses):
            rate = 1000 * differing / total
            worst = max(worst, rate)
            print(f"| {subject.name} | {what} | {total:,} | {differing} | {rate:.2f} |", flush=True)
    return 0 if worst < 1 else 1


def demo() -> list[Subject]:
    """Return the demo's models with its clips."""
    return [
        Subject("demo Whisper", "asr", assets.model(), assets.target_train()),
        Subject(
            "demo classifier", "classification", assets.commands_model(), assets.commands_train()
        ),
    ]


def rows(subject: Subject, hypotheses: int) -> Iterator[tuple[str, int, int]]:
    """Yield what was changed, how many hypotheses differ, and how many there are."""
    registry = discover()
    adapter = load_adapter(registry, str(subject.model), subject.task, LoadOptions())
    items = open_dataset(registry, str(subject.clips), DatasetRequest("")).load()
    samples = sorted((i for i in items if isinstance(i, AudioSample)), key=lambda s: s.id)
    k = -(-hypotheses // len(samples))
    shuffled = [samples[i] for i in keyed_random.shuffled(len(samples), "order")]
    expected = draw(adapter, samples, k, BATCH)
    for what, order, size in (
        ("batches of 1", samples, 1),
        ("batches of 3", samples, 3),
        ("reverse order", samples[::-1], BATCH),
        ("shuffled", shuffled, BATCH),
    ):
        yield what, *_differences(expected, draw(adapter, order, k, size))
    with tempfile.TemporaryDirectory() as temporary:
        one, again, two = (Path(temporary, name) for name in ("one", "again", "two"))
        for folder, processes in ((one, 1), (again, 1), (two, 2)):
            train(subject, folder, k, processes)
        if different := compare(one, again):
            raise SystemExit(f"{subject.name}: two equal runs differ in {', '.join(different)}")
        yield "a repeat, both cycles", *_differences(rollouts(one), rollouts(again))
        for cycle in (1, 2):
            yield (
                f"two processes, cycle {cycle}",
                *_differences(rollouts(one, cycle), rollouts(two, cycle)),
            )


def draw(adapter: ModelAdapter, samples: Sequence[AudioSample], k: int, size: int) -> Drawn:
    """Draw k hypotheses of each sample through the engine."""
    sampler = Sampler(
        adapter=adapter,
        k=k,
        params=SamplingParams(seed=1, cycle=1),
        skips=SkipLog(),
        processes=Processes("cpu", "float32"),
        reporter=Reporter(quiet=True),
    )
    return {
        (clip.sample.id, hypothesis.index): hypothesis.content
        for batch in sampler.batches(chunks_of(samples, size), "sample")
        for clip, drawn in batch.sampled
        for hypothesis in drawn
    }


def train(subject: Subject, folder: Path, k: int, processes: int) -> None:
    """Run two cycles on the command line."""
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--standalone"]
    command = [
        *(sys.executable, *(launcher if processes > 1 else []), "-m", "audioforge", "train"),
        *("--model", str(subject.model), "--task", subject.task, "--device", "cpu"),
        *("--dataset", str(subject.clips), "--eval-dataset", str(subject.clips)),
        *("--cycles", "2", "--samples-per-prompt", str(k), "--batch-size", str(BATCH)),
        *("--steps-per-cycle", "10", "--learning-rate", "3e-4", "--reward-threshold", "0.3"),
        *("--normalizer", "whisper-basic", "--output", str(folder)),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)


def rollouts(folder: Path, cycle: int | None = None) -> Drawn:
    """Return what a run drew, in one cycle or in all."""
    found = {}
    for path in folder.glob("cycle-*" if cycle is None else f"cycle-{cycle:02d}"):
        for line in (line for file in path.glob("rollouts-*") for line in file.open()):
            row = json.loads(line)
            for index, hypothesis in enumerate(row["hypotheses"]):
                key = f"{path.name} {row['id']}"
                found[key, index] = hypothesis.get("text", hypothesis.get("label"))
    return found


def _differences(expected: Drawn, drawn: Drawn) -> tuple[int, int]:
    if expected.keys() != drawn.keys():
        raise SystemExit("not the same clips were sampled")
    return sum(drawn[key] != text for key, text in expected.items()), len(expected)


if __name__ == "__main__":
    raise SystemExit(main())
