"""Runs of the demo that are killed at random instants and resumed until they are done.

A first run is left alone. Every other one gets SIGKILL at an instant drawn over the length of the
first, and is resumed, and killed again, until it has had its kills; then it may end. Its rollouts,
metrics, predictions and weights must be those of the first, byte by byte but for times. What was
under way at each kill is read from the run folder and counted.

With `--processes 2` the run is started by torchrun, and one of its two workers is killed. With
`--each-phase` each run gets one kill in each phase instead, as soon as the phase is seen.

    python benchmarks/soak.py --runs 50 --jobs 2
    python benchmarks/soak.py --runs 10 --processes 2
    python benchmarks/soak.py --runs 1 --each-phase --short
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
import transformers  # noqa: F401  imported here, so that a fork need not
import yaml

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.raft.run_folder import RunFolder
from audioforge.reporter import Reporter
from audioforge_demo.tasks import DEMOS

PHASES = ("start", "base", "sample", "update", "evaluate", "export")
POLL_SECONDS = 0.002
TIMES = {"seconds"}
"""Keys of metrics and summary that no two runs share."""


def main() -> int:
    """Run the soak, print its tables, and return 1 if a result differed."""
    arguments = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(arguments.output or temporary)
        root.mkdir(parents=True, exist_ok=True)
        settings = _settings(arguments.short)
        started = time.monotonic()
        _finish(_start(settings, root / "whole", arguments.processes))
        length = time.monotonic() - started
        print(f"uninterrupted: {length:.1f} s, {arguments.processes} process(es)", flush=True)

        with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as pool:
            run = partial(_killed_run, arguments, settings, root, length)
            results = list(pool.map(run, range(1, arguments.runs + 1)))
    _print_table([kill for kills, _ in results for kill in kills])
    kills = sum(len(kills) for kills, _ in results)
    equal = sum(not differences for _, differences in results)
    print(f"{kills} kills in {len(results)} runs; {equal} results equal")
    return 0 if equal == len(results) else 1


def _print_table(kills: list[_Kill]) -> None:
    print("| under way at the kill | kills | seconds after the start or the resume |")
    print("| --- | ---: | --- |")
    for under_way in PHASES:
        instants = sorted(kill.seconds for kill in kills if kill.phase == under_way)
        print(f"| {under_way} | {len(instants)} | {', '.join(f'{s:.1f}' for s in instants)} |")


class _Kill(NamedTuple):
    """One kill: what was under way, and how long after the start or the resume."""

    phase: str
    seconds: float


def _killed_run(
    arguments: argparse.Namespace, settings: dict[str, Any], root: Path, length: float, number: int
) -> tuple[list[_Kill], list[str]]:
    """Return the kills of one run, and what of its result differs."""
    folder = root / f"killed-{number:03d}"
    draw = random.Random(arguments.seed * 1000 + number)
    if arguments.each_phase:
        kills = _kill_in_each_phase(settings, folder, arguments.processes)
    else:
        kills = _kill_at_random(settings, folder, arguments.processes, length, draw)
    differences = compare(root / "whole", folder)
    told = ", ".join(f"{kill.phase} at {kill.seconds:.1f} s" for kill in kills)
    print(f"run {number}: killed in {told}: {differences or 'equal'}", flush=True)
    if not differences:
        shutil.rmtree(folder)
    return kills, differences


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill and resume runs of the demo")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--processes", type=int, default=1, help="workers of each run")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument("--each-phase", action="store_true", help="one kill in each phase")
    parser.add_argument("--short", action="store_true", help="2 cycles of 6 steps on 48 clips")
    parser.add_argument("--output", help="folder that keeps what differed")
    return parser.parse_args()


def _settings(short: bool) -> dict[str, Any]:
    """Return the demo's recipe, with a test set and a point on the line, so that every stage is."""
    demo = DEMOS["asr"]
    settings = {
        "model_name": str(demo.model()),
        "dataset": demo.train,
        "eval_dataset": demo.heldout,
        "test_dataset": "demo:split=source",
        "interpolate": [0.5, 1.0],
        "device": "cpu",
        "save_every": 0.005,
        **demo.recipe,
    }
    return settings | ({"num_cycles": 2, "steps_per_cycle": 6, "limit": 48} if short else {})


class _Attempt(Protocol):
    """A run under way."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def kill(self) -> None:
        """Kill it, or one of its workers, and wait until all of it is gone."""


class _Fork:
    """A run in a fork of this process, which has imported everything already."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_train, args=(settings, folder))
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


class _Torchrun:
    """A run of several workers."""

    def __init__(self, settings: dict[str, Any], folder: Path, processes: int) -> None:
        config = folder.with_suffix(".yaml")
        config.write_text(yaml.safe_dump(settings))
        begun = (folder / "config.yaml").is_file()
        arguments = ["--resume", folder] if begun else ["--config", config, "--output", folder]
        launcher = ["-m", "torch.distributed.run", "--nproc-per-node", processes, "--standalone"]
        command = [sys.executable, *launcher, "-m", "audioforge", "train", *arguments]
        self._log = folder.with_suffix(".log").open("a")
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def poll(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        workers = [int(pid) for pid in children.read_text().split()]
        if workers:
            os.kill(random.choice(workers), signal.SIGKILL)
        self._process.wait()


def _train(settings: dict[str, Any], folder: Path) -> None:
    reporter = Reporter(quiet=True, warnings=False)
    if (folder / "config.yaml").is_file():
        AudioRAFTTrainer.resume(folder, reporter=reporter).train()
        return
    config = AudioRAFTConfig.from_mapping({**settings, "output_dir": folder})
    AudioRAFTTrainer(config, reporter=reporter).train()


def _start(settings: dict[str, Any], folder: Path, processes: int) -> _Attempt:
    if processes == 1:
        return _Fork(settings, folder)
    return _Torchrun(settings, folder, processes)


def _finish(attempt: _Attempt, kill_when: Callable[[], bool] = lambda: False) -> bool:
    """Let a run go on until it ends, or kill it; say whether it was killed.

    Raises:
        SystemExit: If it fails by itself.
    """
    while attempt.poll() is None:
        if kill_when():
            attempt.kill()
            return True
        time.sleep(POLL_SECONDS)
    if attempt.poll():
        raise SystemExit(f"a run ended with exit code {attempt.poll()}")
    return False


def _kill_at_random(
    settings: dict[str, Any], folder: Path, processes: int, length: float, draw: random.Random
) -> list[_Kill]:
    kills: list[_Kill] = []
    wanted = draw.randint(1, 3)
    while True:
        started, instant = time.monotonic(), draw.uniform(0, length)
        at = started + instant if len(kills) < wanted else math.inf
        attempt = _start(settings, folder, processes)
        if _finish(attempt, lambda at=at: time.monotonic() > at):
            kills.append(_Kill(phase(folder), time.monotonic() - started))
        elif kills:
            return kills
        else:  # it was done before the instant came
            shutil.rmtree(folder)


def _kill_in_each_phase(settings: dict[str, Any], folder: Path, processes: int) -> list[_Kill]:
    kills = []
    for wanted in PHASES[1:]:
        started = time.monotonic()
        attempt = _start(settings, folder, processes)
        if not _finish(attempt, lambda wanted=wanted: phase(folder) == wanted):
            raise SystemExit(f"the phase '{wanted}' was over before it was seen")
        kills.append(_Kill(phase(folder), time.monotonic() - started))
    _finish(_start(settings, folder, processes))
    return kills


def phase(folder: Path) -> str:
    """Return what a run is doing, from what is in its folder."""
    run = RunFolder(folder)
    if not run.identity.is_file():
        return "start"
    if not (folder / "cycle-00" / "metrics.json").is_file():
        return "base"
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    done = len(list(folder.glob("cycle-*/metrics.json"))) - 1
    if done == settings["num_cycles"]:
        return "export"
    try:
        progress = run.points.progress()
    except Exception:  # it is moved on while it is read
        return phase(folder)
    if progress is None or progress.cycle == done:
        return "sample"
    return "evaluate" if progress.finished else "update"


def compare(whole: Path, resumed: Path) -> list[str]:
    """Return the files in which two run folders differ, but for times and names of folders."""
    names = {_name(p, whole) for p in _files(whole)} ^ {_name(p, resumed) for p in _files(resumed)}
    differences = [f"only in one: {name}" for name in sorted(names)]
    for path in _files(whole):
        other = resumed / _name(path, whole)
        if other.is_file() and _content(path, whole) != _content(other, resumed):
            differences.append(_name(path, whole))
    return differences


def _files(folder: Path) -> Iterable[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "environment.json")


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _content(path: Path, folder: Path) -> Any:
    if path.suffix == ".jsonl":
        return sorted(path.read_text().splitlines())
    if path.name in ("metrics.json", "summary.json"):
        return _without_times(json.loads(path.read_text()))
    if path.name == "config.yaml":
        return path.read_text().replace(str(folder), "")
    return path.read_bytes()


def _without_times(value: Any) -> Any:
    if not isinstance(value, dict):
        return [_without_times(v) for v in value] if isinstance(value, list) else value
    return {k: _without_times(v) for k, v in value.items() if k not in TIMES}


if __name__ == "__main__":
    raise SystemExit(main())
