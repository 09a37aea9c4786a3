"""Kills of a small run of every task, whose sound comes as bytes: all must end as if left alone.

For each task a first run is left alone. Others get SIGKILL at instants drawn over its length, are
resumed, killed again up to four times, and then may end; everything in their folders but times must
be equal to the first's. `small_runs.py` has the tasks.

    python benchmarks/kills.py --kills 200 --jobs 2
    python benchmarks/kills.py --kills 5 --short
    python benchmarks/kills.py --kills 1 --short --tasks ctc
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

import torch
from attrs import define, field
from interrupted_runs import PHASES, Kill, Recipe, compare, finish, kill_at_random
from small_runs import NAMES, write_runs

MOST_KILLS_OF_A_RUN = 4


@define
class Task:
    """One task and what became of its runs.

    Attributes:
        name: Name of the task.
        recipe: What each run of the task does.
        quota: Kills that the task is to have.
        seconds: How long the run took that nothing interrupted.
        under_way: Kills that runs under way may still make.
        runs: How many were begun.
        kills: The kills that were made.
        differing: Runs that ended otherwise, with what differs.
    """

    name: str
    recipe: Recipe
    quota: int
    seconds: float
    under_way: int = 0
    runs: int = 0
    kills: list[Kill] = field(factory=list)
    differing: list[str] = field(factory=list)

    @property
    def missing(self) -> int:
        """Kills that no run is about to make."""
        return self.quota - len(self.kills) - self.under_way


def main() -> int:
    """Kill runs, print the table, and return 1 if one ended otherwise."""
    arguments = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(arguments.output or temporary)
        root.mkdir(parents=True, exist_ok=True)
        recipes = write_runs(root, short=arguments.short)
        recipes = {name: recipes[name] for name in arguments.tasks or recipes}
        tasks = _left_alone(recipes, root, arguments.kills)
        with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as pool:
            _kill_all(tasks, pool, root, arguments)
    _print_table(tasks)
    return 1 if any(task.differing for task in tasks) else 0


def _left_alone(recipes: Mapping[str, Recipe], root: Path, kills: int) -> list[Task]:
    """Do the run of each task that nothing interrupts, and share the kills out."""
    tasks = []
    for number, (name, recipe) in enumerate(recipes.items()):
        started = time.monotonic()
        finish(recipe, root / f"{name}-whole")
        seconds = time.monotonic() - started
        print(f"{name}: {seconds:.1f} s when left alone", flush=True)
        quota = kills // len(recipes) + (number < kills % len(recipes))
        tasks.append(Task(name, recipe, quota, seconds))
    return tasks


def _kill_all(
    tasks: list[Task], pool: ProcessPoolExecutor, root: Path, arguments: argparse.Namespace
) -> None:
    """Start runs until every task has had its kills."""
    running: dict[Future[tuple[list[Kill], list[str]]], tuple[Task, int]] = {}
    while running or any(task.missing for task in tasks):
        while len(running) < arguments.jobs and any(task.missing for task in tasks):
            task = max(tasks, key=lambda task: task.missing)
            task.runs += 1
            draw = random.Random(f"{arguments.seed} {task.name} {task.runs}")
            wanted = min(draw.randint(1, MOST_KILLS_OF_A_RUN), task.missing)
            task.under_way += wanted
            folder = root / f"{task.name}-{task.runs:03d}"
            future = pool.submit(_killed_run, task.recipe, folder, task.seconds, wanted, draw)
            running[future] = task, wanted
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            task, wanted = running.pop(future)
            task.under_way -= wanted
            kills, differences = future.result()
            task.kills += kills
            task.differing += differences


def _killed_run(
    recipe: Recipe, folder: Path, length: float, wanted: int, draw: random.Random
) -> tuple[list[Kill], list[str]]:
    """Return the kills of one run, and what of its result differs."""
    kills = kill_at_random(recipe, folder, length, wanted, draw)
    whole = folder.with_name(f"{folder.name.rpartition('-')[0]}-whole")
    differences = compare(whole, folder)
    told = ", ".join(f"{kill.phase} at {kill.seconds:.1f} s" for kill in kills)
    print(f"{folder.name}: killed in {told}: {differences or 'equal'}", flush=True)
    if not differences:
        shutil.rmtree(folder)
    return kills, [f"{folder.name}: {', '.join(differences)}"] if differences else []


def _print_table(tasks: list[Task]) -> None:
    print(f"| task | seconds | runs | kills | {' | '.join(PHASES)} | equal |")
    print(f"| --- | ---: | ---: | ---: |{' ---: |' * len(PHASES)} ---: |")
    for task in tasks:
        stages = Counter(kill.phase for kill in task.kills)
        counts = " | ".join(str(stages[phase]) for phase in PHASES)
        equal = task.runs - len(task.differing)
        print(
            f"| {task.name} | {task.seconds:.1f} | {task.runs} | {len(task.kills)} | {counts} | "
            f"{equal} |"
        )
    for task in tasks:
        for difference in task.differing:
            print(f"differs: {difference}")
    kills, runs = sum(len(task.kills) for task in tasks), sum(task.runs for task in tasks)
    differing = sum(len(task.differing) for task in tasks)
    print(f"{kills} kills in {runs} runs; {runs - differing} results equal")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill and resume a small run of every task")
    parser.add_argument("--kills", type=int, default=200, help="of all tasks together")
    parser.add_argument("--tasks", nargs="+", choices=NAMES, help="otherwise all of them")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument("--short", action="store_true", help="with the fewest clips")
    parser.add_argument("--output", help="new folder that keeps what differed")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
