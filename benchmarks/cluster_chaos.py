"""Runs on a Ray cluster that loses workers, nodes and its driver: all must end as if left alone.

A cluster of two nodes is simulated on this machine. A first run is left alone. Then, in every run,
things are killed with SIGKILL at instants drawn over its length: a worker that samples, a whole
node (another one joins later), a worker of the update, and the driver, which is then started again
with `--resume`, until it has had its kills; then it may end. Rollouts, predictions, metrics and
weights must be those of the first run, byte by byte but for times; with one process that updates,
the first run must be equal to one without Ray, too. The instants are keyed by seed and number.

What is done stands in `--results`; started again, the script goes on with what is missing.

    python benchmarks/cluster_chaos.py --runs 20 --results one.jsonl
    python benchmarks/cluster_chaos.py --runs 10 --update-workers 2 --results two.jsonl
    python benchmarks/cluster_chaos.py --runs 1 --each-kind --short
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import yaml
from attrs import define, field, frozen
from interrupted_runs import compare, phase
from simulated_cluster import SimulatedCluster, simulated_cluster
from soak import demo_settings, shortened

KINDS = ("rollout worker", "node", "update worker", "driver")
TITLES = {"rollout worker": ("ray::Worker",), "update worker": ("ray::work", "ray::RayTrainWorker")}
"""What Ray calls the processes of each kind: one that updates alone, or a group's."""
MOST_KILLS_OF_A_RUN = 3
NODES, CPUS = 2, 4
NODE_IS_AWAY_S = 3.0
POLL_S = 0.05
PATIENCE_S = 900
"""For one run on a busy machine, whatever it lost."""


@frozen
class Kill:
    """One kill.

    Attributes:
        kind: What was killed.
        phase: What the run was doing.
        seconds: How long after the start or the resume of the driver.
    """

    kind: str
    phase: str
    seconds: float


@define
class Outcome:
    """What became of one run.

    Attributes:
        number: Which one, from 1.
        seconds: What it took, with all its starts.
        kills: What was killed.
        differences: The files in which it differs from the run that was left alone.
    """

    number: int
    seconds: float
    kills: list[Kill] = field(factory=list)
    differences: list[str] = field(factory=list)


class Driver:
    """The command line, in a process of its own.

    Args:
        folder: The run folder; the run goes on where one has begun there.
        settings: What it is of.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Start it."""
        arguments = ["--resume", str(folder)]
        if not (folder / "config.yaml").is_file():
            config = folder.with_suffix(".yaml")
            config.write_text(yaml.safe_dump(settings))
            arguments = ["--config", str(config), "--output", str(folder)]
        command = [sys.executable, "-m", "audioforge", "train", *arguments]
        self.log = folder.with_suffix(".log")
        with self.log.open("a") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.started

    def runs(self) -> bool:
        """Whether it is under way.

        Raises:
            SystemExit: If it failed by itself, or takes too long.
        """
        code = self._process.poll()
        if code:
            raise SystemExit(f"{self.log}: exit code {code}\n{self.log.read_text()[-3000:]}")
        if self.seconds > PATIENCE_S:
            self.kill()
            raise SystemExit(f"{self.log}: not done after {PATIENCE_S} seconds")
        return code is None

    def kill(self) -> None:
        """Kill it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def main() -> int:
    """Do the runs, print the table, and return 1 if one ended otherwise."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(arguments.output or temporary)
        root.mkdir(parents=True, exist_ok=True)
        results = Path(arguments.results or root / "results.jsonl")
        done = {outcome.number: outcome for outcome in _read(results)}
        missing = [n for n in range(1, arguments.runs + 1) if n not in done]
        if missing:
            for outcome in _runs(arguments, root, missing):
                done[outcome.number] = outcome
                with results.open("a") as file:
                    file.write(f"{json.dumps(attrs.asdict(outcome))}\n")
    outcomes = [done[number] for number in sorted(done)]
    _print_table(outcomes)
    return 1 if any(outcome.differences for outcome in outcomes) else 0


def _runs(arguments: argparse.Namespace, root: Path, missing: list[int]) -> Iterator[Outcome]:
    """Do the runs on one cluster, whose nodes come and go."""
    settings = demo_settings() | (shortened(root) if arguments.short else {"num_cycles": 2})
    alone = _left_alone(root / "alone", settings)
    with simulated_cluster(NODES, CPUS) as cluster:
        workers = f"rollout_workers=2,update_workers={arguments.update_workers}"
        executor = f"ray:address={cluster.address},{workers}"
        settings |= {"executor": executor}
        whole = _left_alone(root / "whole", settings)
        if arguments.update_workers == 1:
            same = _differences(root / "alone", root / "whole")
            print(
                f"without Ray {alone:.0f} s, with it {whole:.0f} s: {same or 'equal'}", flush=True
            )
        for number in missing:
            yield _chaotic_run(arguments, cluster, root, settings, whole, number)


def _left_alone(folder: Path, settings: dict[str, Any]) -> float:
    """Do a run that loses nothing; return the seconds that it took."""
    shutil.rmtree(folder, ignore_errors=True)
    driver = Driver(folder, settings)
    while driver.runs():
        time.sleep(POLL_S)
    return driver.seconds


def _chaotic_run(
    arguments: argparse.Namespace,
    cluster: SimulatedCluster,
    root: Path,
    settings: dict[str, Any],
    length: float,
    number: int,
) -> Outcome:
    folder, draw = root / f"run-{number:03d}", random.Random(f"{arguments.seed} {number}")
    shutil.rmtree(folder, ignore_errors=True)
    count = draw.randint(1, MOST_KILLS_OF_A_RUN)
    first = KINDS[number % len(KINDS)]  # so that each kind comes as often
    kinds = [first, *draw.choices(KINDS, k=count - 1)]
    kills, started = [], time.monotonic()
    driver = Driver(folder, settings)
    for kind in list(KINDS) if arguments.each_kind else kinds:
        kill = _kill(kind, driver, cluster, draw.uniform(0, 0.8 * length), draw)
        if kill is not None:
            kills.append(kill)
        if kind == "driver" and kill is not None:
            driver = Driver(folder, settings)
    while driver.runs():
        time.sleep(POLL_S)
    outcome = Outcome(number, time.monotonic() - started, kills)
    outcome.differences = _differences(root / "whole", folder)
    told = ", ".join(f"{kill.kind} ({kill.phase}, {kill.seconds:.0f} s)" for kill in kills)
    print(f"run {number}: {told}: {outcome.differences or 'equal'}", flush=True)
    if not outcome.differences:
        shutil.rmtree(folder)
    return outcome


def _kill(
    kind: str, driver: Driver, cluster: SimulatedCluster, after: float, draw: random.Random
) -> Kill | None:
    """Kill something at an instant, or as soon as it is there; None where the run ends before.

    Args:
        kind: What.
        driver: The run's.
        cluster: What it works on.
        after: Seconds after the driver's start, for what is there all the time.
        draw: Chooses which.
    """
    folder = driver.log.with_suffix("")
    if kind == "update worker":  # they live for a small part of the run
        after = driver.seconds
    while driver.runs():
        time.sleep(POLL_S)
        if driver.seconds < after:
            continue
        doing, seconds = phase(folder), driver.seconds
        if kind == "driver":
            driver.kill()
        elif kind == "node":
            cluster.lose_node(draw)
            time.sleep(NODE_IS_AWAY_S)
            cluster.add_node()
        else:
            if kind == "update worker" and cluster.workers(TITLES[kind]):
                time.sleep(draw.uniform(0, 2))  # it begins by reading the model
            if not cluster.kill_worker(TITLES[kind], draw):
                continue
        return Kill(kind, doing, seconds)
    return None


def _differences(whole: Path, folder: Path) -> list[str]:
    """Return the files in which two runs differ that matter: not who did what in which time."""
    others = ("config.yaml", "nodes.jsonl")
    return [name for name in compare(whole, folder) if not name.endswith(others)]


def _read(results: Path) -> Iterator[Outcome]:
    if not results.is_file():
        return
    for row in map(json.loads, results.read_text().splitlines()):
        yield Outcome(**row | {"kills": [Kill(**kill) for kill in row["kills"]]})


def _print_table(outcomes: list[Outcome]) -> None:
    phases = ("start", "base", "sample", "update", "evaluate", "export")
    print(f"| killed | kills | {' | '.join(phases)} |")
    print(f"| --- | ---: |{' ---: |' * len(phases)}")
    for kind in KINDS:
        kills = Counter(k.phase for outcome in outcomes for k in outcome.kills if k.kind == kind)
        print(f"| {kind} | {kills.total()} | {' | '.join(str(kills[p]) for p in phases)} |")
    kills_in_all = sum(len(outcome.kills) for outcome in outcomes)
    equal = sum(not outcome.differences for outcome in outcomes)
    print(f"{kills_in_all} kills in {len(outcomes)} runs; {equal} results equal")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs on a cluster that loses what it has")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument("--update-workers", type=int, default=1)
    parser.add_argument("--each-kind", action="store_true", help="one kill of each kind in a run")
    parser.add_argument("--short", action="store_true", help="2 cycles of 6 steps on few clips")
    parser.add_argument("--output", help="folder that keeps what differed")
    parser.add_argument("--results", help="file of what is done; by default in that folder")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
