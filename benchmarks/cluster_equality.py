"""One run in many places: one process, torchrun with two, Ray with 1, 2 and 4 workers on two nodes.

Every hypothesis, what was kept of each cycle, the loss of each step and the weights of the last
cycle are compared with those of the run in one process. Noise, batches and steps are the same
everywhere. With one process that updates everything must be equal to the bit. With two, gradients
are added up in another order: from the second cycle on the weights themselves differ by rounding,
and rounding can turn a draw. So two on Ray are compared with two under torchrun, too.

    python benchmarks/cluster_equality.py
    python benchmarks/cluster_equality.py --model CHECKPOINT --data MANIFEST --limit 64
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from attrs import frozen
from determinism import rollouts
from existing import existing
from safetensors.torch import load_file
from simulated_cluster import simulated_cluster
from soak import demo_settings

CYCLES = 2
NODES, CPUS = 2, 4
MOST_BY_ROUNDING = 1e-3
"""Share of the first cycle's hypotheses that it may turn, and part of the way that it may move the
weights."""


@frozen
class Place:
    """Where a run is done.

    Attributes:
        name: In the table.
        updating: Processes that update together.
        executor: As `--executor` has it; None for the engine's own.
    """

    name: str
    updating: int = 1
    executor: str | None = None


@frozen
class Difference:
    """How a run differs from another.

    Attributes:
        hypotheses: How many of both there are.
        differing: How many of them are different.
        first: Which share of the first cycle's are.
        kept: How many of either are learnt.
        kept_differing: How many of them by one run alone.
        loss: The largest difference of a step, in nats per token.
        weights: How far the last ones are apart, in parts of the way that they went.
    """

    hypotheses: int
    differing: int
    first: float
    kept: int
    kept_differing: int
    loss: float
    weights: float

    @classmethod
    def between(cls, folder: Path, other: Path, base: Path) -> Difference:
        """Compare two run folders; the base is the checkpoint that both started from."""
        differing, total, first = _hypotheses(folder, other)
        kept, kept_there = _kept(folder), _kept(other)
        return cls(
            hypotheses=total,
            differing=differing,
            first=first,
            kept=len(kept | kept_there),
            kept_differing=len(kept ^ kept_there),
            loss=_loss(folder, other),
            weights=_weights(folder, other, base),
        )

    @property
    def is_none(self) -> bool:
        """Whether all is the same to the bit, as it must be where as many update."""
        return not (self.differing or self.kept_differing or self.loss or self.weights)

    @property
    def is_rounding(self) -> bool:
        """Whether it is no more than gradients make that are added up in another order."""
        return max(self.first, self.weights) < MOST_BY_ROUNDING


def main() -> int:
    """Print the table, and return 1 if a run differs by more than it may."""
    arguments = _arguments()
    print("| where | seconds | hypotheses | differ | kept | differ | loss | weights | as |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    is_wrong = False
    with tempfile.TemporaryDirectory() as temporary, simulated_cluster(NODES, CPUS) as cluster:
        root = Path(arguments.output or temporary)
        root.mkdir(parents=True, exist_ok=True)
        settings = _settings(arguments)
        base, pattern = Path(settings["model_name"]), dict[int, Path]()
        for place in _places(cluster.address):
            folder = root / place.name.replace(" ", "-").replace(",", "")
            seconds = _train(place, settings, folder)
            like = pattern.setdefault(place.updating, folder)
            one = pattern[1]
            for other in dict.fromkeys((one, like)):
                if other != folder:
                    found = Difference.between(folder, other, base)
                    _print_row(place, seconds, found, other)
                    is_wrong |= not (found.is_none if other == like else found.is_rounding)
    return 1 if is_wrong else 0


def _places(address: str) -> Iterator[Place]:
    """Yield the run that the others are compared with first."""
    yield Place("one process")
    yield Place("torchrun 2", updating=2)
    for workers, updating in ((1, 1), (2, 1), (2, 2), (4, 2)):
        options = f"address={address},rollout_workers={workers},update_workers={updating}"
        yield Place(f"Ray {workers} sampling {updating} updating", updating, f"ray:{options}")


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = demo_settings() | {"num_cycles": CYCLES, "steps_per_cycle": arguments.steps}
    if arguments.model is not None:
        settings |= {
            "model_name": str(arguments.model),
            "dataset": str(arguments.data),
            "eval_dataset": str(arguments.heldout or arguments.data),
            "normalizer": "whisper-basic",
            "learning_rate": arguments.learning_rate,
            "reward_threshold": 0.3,
            "batch_size": arguments.batch_size,
        }
        del settings["test_dataset"]
    if arguments.limit:
        settings["limit"] = arguments.limit
    return settings


def _train(place: Place, settings: Mapping[str, Any], folder: Path) -> float:
    """Run the command line, unless that is done, and return the seconds that it took."""
    took = folder.with_suffix(".seconds")
    if took.is_file():
        return float(took.read_text())
    shutil.rmtree(folder, ignore_errors=True)
    own = {} if place.executor is None else {"executor": place.executor}
    config = folder.with_suffix(".yaml")
    config.write_text(yaml.safe_dump({**settings, **own}))
    processes = place.updating if place.executor is None else 1
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--standalone"]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "audioforge", "train"]
    command += ["--config", str(config), "--output", str(folder)]
    started = time.monotonic()
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{place.name}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
    seconds = time.monotonic() - started
    took.write_text(f"{seconds}")
    return seconds


def _print_row(place: Place, seconds: float, found: Difference, other: Path) -> None:
    """Print how a run differs from another."""
    cells = (
        place.name,
        f"{seconds:.0f}",
        f"{found.hypotheses:,}",
        str(found.differing),
        f"{found.kept:,}",
        str(found.kept_differing),
        f"{found.loss:.1e}",
        f"{found.weights:.1e}",
        other.name.replace("-", " "),
    )
    print(f"| {' | '.join(cells)} |", flush=True)


def _hypotheses(folder: Path, other: Path) -> tuple[int, int, float]:
    """Return how many differ, how many there are, and which share of the first cycle's differ."""
    counts = []
    for cycle in range(1, CYCLES + 1):
        drawn, expected = rollouts(folder, cycle), rollouts(other, cycle)
        if drawn.keys() != expected.keys():
            raise SystemExit(f"{folder.name}: not the same clips were sampled")
        counts.append((sum(drawn[key] != text for key, text in expected.items()), len(drawn)))
    return sum(d for d, _ in counts), sum(n for _, n in counts), counts[0][0] / counts[0][1]


def _kept(folder: Path) -> set[tuple[str, str, int]]:
    """Return what is learnt: cycle, clip, and which of its hypotheses."""
    found = set()
    for path in folder.glob("cycle-*/rollouts-*"):
        for row in map(json.loads, path.read_text().splitlines()):
            where = path.parent.name, row["id"]
            found |= {(*where, i) for i, h in enumerate(row["hypotheses"]) if h["kept"]}
    return found


def _loss(folder: Path, other: Path) -> float:
    """Return the largest difference of the loss of a step, in nats per token."""
    pairs = zip(_losses(folder), _losses(other), strict=True)
    return max((abs(ours - theirs) for ours, theirs in pairs), default=0.0)


def _losses(folder: Path) -> list[float]:
    """Return the loss of each step of all cycles."""
    files = sorted(folder.glob("cycle-*/steps.jsonl"))
    return [float(json.loads(line)["loss"]) for p in files for line in p.read_text().splitlines()]


def _weights(folder: Path, other: Path, base: Path) -> float:
    """Return how far the last weights are apart, in parts of the way that they went."""
    last = f"cycle-{CYCLES:02d}/checkpoint/model.safetensors"
    ours, theirs = load_file(folder / last), load_file(other / last)
    return _distance(ours, theirs) / _distance(load_file(base / "model.safetensors"), theirs)


def _distance(ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]) -> float:
    shared = ours.keys() & theirs.keys()
    squares = [(ours[name].double() - theirs[name].double()).square().sum() for name in shared]
    return float(torch.stack(squares).sum().sqrt())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One run, done in many places")
    parser.add_argument("--model", type=existing, help="otherwise the demo's")
    parser.add_argument("--data", type=existing, help="manifest to learn from")
    parser.add_argument("--heldout", type=existing, help="manifest to measure on")
    parser.add_argument("--limit", type=int, help="clips to learn from")
    parser.add_argument("--steps", type=int, default=10, help="of the optimiser, in each cycle")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument(
        "--output", help="folder that keeps the runs; what is done is not done again"
    )
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.data is None):
        parser.error("--model and --data are given together")
    return arguments


if __name__ == "__main__":
    raise SystemExit(main())
