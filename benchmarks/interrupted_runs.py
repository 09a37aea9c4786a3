"""Runs that are killed and resumed until they are done, and compared with one that was left alone.

Each attempt is the command line in a process of its own: a fork of this one, which has imported
everything already, or torchrun with several workers. What is under way is read from the run folder.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import yaml
from attrs import frozen

from audioforge.cli import cli
from audioforge.run.folder import RunFolder

PHASES = ("start", "base", "sample", "update", "evaluate", "export")
POLL_SECONDS = 0.002
TIMES = {"seconds", "peak_memory"}
"""Keys of metrics and summary that no two runs share."""


class Kill(NamedTuple):
    """One kill: what was under way, and how long after the start or the resume."""

    phase: str
    seconds: float


class Attempt(Protocol):
    """A run under way."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def kill(self) -> None:
        """Kill it, or one of its workers, and wait until all of it is gone."""


@frozen
class Recipe:
    """What is run again and again.

    Attributes:
        settings: Settings of `audioforge train`.
        plugin: A single file that is given as `--plugin`; None for none.
        processes: Workers; more than one are started by torchrun.
    """

    settings: Mapping[str, Any]
    plugin: Path | None = None
    processes: int = 1

    def start(self, folder: Path) -> Attempt:
        """Start the run, or go on with it once it has begun."""
        if (folder / "config.yaml").is_file():
            arguments = ["train", "--resume", str(folder)]
        else:
            config = folder.with_suffix(".yaml")
            config.write_text(yaml.safe_dump(dict(self.settings)))
            arguments = ["train", "--config", str(config), "--output", str(folder)]
        if self.plugin is not None:
            arguments += ["--plugin", str(self.plugin)]
        if self.processes == 1:
            return _Fork(arguments, _log(folder))
        return _Torchrun(arguments, _log(folder), self.processes)


class _Fork:
    """The command line in a fork of this process."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_command, args=(arguments, log))
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


class _Torchrun:
    """A run of several workers."""

    def __init__(self, arguments: list[str], log: Path, processes: int) -> None:
        launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        command = [sys.executable, *launcher, "--standalone", "-m", "audioforge", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with log.open("a") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)

    def poll(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        workers = [int(pid) for pid in children.read_text().split()]
        if workers:
            os.kill(random.choice(workers), signal.SIGKILL)
        self._process.wait()


def _command(arguments: list[str], log: Path) -> None:
    with log.open("a") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    cli(arguments, prog_name="audioforge")


def _log(folder: Path) -> Path:
    return folder.with_suffix(".log")


def finish(
    recipe: Recipe, folder: Path, kill_when: Callable[[], bool] = lambda: False
) -> Kill | None:
    """Start a run or go on with it, until it ends or is killed; return the kill.

    Raises:
        SystemExit: If it fails by itself, with what it said.
    """
    started = time.monotonic()
    attempt = recipe.start(folder)
    with _killed_with_this(attempt):
        while attempt.poll() is None:
            if kill_when():
                attempt.kill()
                return Kill(phase(folder), time.monotonic() - started)
            time.sleep(POLL_SECONDS)
    if attempt.poll():
        said = _log(folder).read_text(errors="replace")[-2000:]
        raise SystemExit(f"{folder}: ended with exit code {attempt.poll()}:\n{said}")
    return None


@contextmanager
def _killed_with_this(attempt: Attempt) -> Iterator[None]:
    """Leave no run behind when this process is asked to stop."""
    try:
        yield
    except BaseException:
        attempt.kill()
        raise


def kill_at_random(
    recipe: Recipe, folder: Path, length: float, wanted: int, draw: random.Random
) -> list[Kill]:
    """Kill a run at instants after its start and each resume, and let it end.

    Args:
        recipe: What is run.
        folder: The run folder.
        length: Seconds from 0 over which the instants are drawn.
        wanted: At most so many kills, at least one; fewer when it ends before its instant comes.
        draw: Draws them.
    """
    kills: list[Kill] = []
    while True:
        at = time.monotonic() + draw.uniform(0, length) if len(kills) < wanted else math.inf
        kill = finish(recipe, folder, partial(_is_over, at))
        if kill is not None:
            kills.append(kill)
        elif kills:
            return kills
        else:  # it was done before the instant came
            shutil.rmtree(folder)


def _is_over(instant: float) -> bool:
    return time.monotonic() > instant


def phase(folder: Path) -> str:
    """Return what a run is doing, from what is in its folder."""
    run = RunFolder(folder)
    if not run.identity.is_file():
        return "export" if (folder / "summary.json").is_file() else "start"
    if not (folder / "cycle-00" / "metrics.json").is_file():
        return "base"
    done = len(list(folder.glob("cycle-*/metrics.json"))) - 1
    if done == _cycles(folder / "config.yaml"):
        return "export"
    try:
        progress = run.points.progress()
    except Exception:  # it is moved on while it is read
        return phase(folder)
    if progress is None or progress.cycle == done:
        return "sample"
    return "evaluate" if progress.finished else "update"


@cache
def _cycles(config: Path) -> int:
    """Return how many cycles a run has; kept, since it is asked for hundreds of times a second."""
    cycles: int = yaml.safe_load(config.read_text())["num_cycles"]
    return cycles


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
    told = ("environment.json", "report.html")  # of the machine, and the other files once more
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in told)


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
