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
import multiprocessing
import random
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from interrupted_runs import PHASES, Kill, Recipe, compare, finish, kill_at_random, phase

import audioforge_whisper.adapter  # noqa: F401  imported here, so that a fork need not
from audioforge_demo import assets
from audioforge_demo.tasks import DEMOS


def main() -> int:
    """Run the soak, print its tables, and return 1 if a result differed."""
    arguments = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(arguments.output or temporary)
        root.mkdir(parents=True, exist_ok=True)
        settings = demo_settings() | (shortened(root) if arguments.short else {})
        recipe = Recipe(settings, processes=arguments.processes)
        started = time.monotonic()
        finish(recipe, root / "whole")
        length = time.monotonic() - started
        print(f"uninterrupted: {length:.1f} s, {arguments.processes} process(es)", flush=True)

        with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as pool:
            run = partial(_killed_run, arguments, recipe, root, length)
            results = list(pool.map(run, range(1, arguments.runs + 1)))
    _print_table([kill for kills, _ in results for kill in kills])
    kills = sum(len(kills) for kills, _ in results)
    equal = sum(not differences for _, differences in results)
    print(f"{kills} kills in {len(results)} runs; {equal} results equal")
    return 0 if equal == len(results) else 1


def _print_table(kills: list[Kill]) -> None:
    print("| under way at the kill | kills | seconds after the start or the resume |")
    print("| --- | ---: | --- |")
    for under_way in PHASES:
        instants = sorted(kill.seconds for kill in kills if kill.phase == under_way)
        print(f"| {under_way} | {len(instants)} | {', '.join(f'{s:.1f}' for s in instants)} |")


def _killed_run(
    arguments: argparse.Namespace, recipe: Recipe, root: Path, length: float, number: int
) -> tuple[list[Kill], list[str]]:
    """Return the kills of one run, and what of its result differs."""
    folder = root / f"killed-{number:03d}"
    draw = random.Random(arguments.seed * 1000 + number)
    if arguments.each_phase:
        kills = _kill_in_each_phase(recipe, folder)
    else:
        kills = kill_at_random(recipe, folder, length, draw.randint(1, 3), draw)
    differences = compare(root / "whole", folder)
    told = ", ".join(f"{kill.phase} at {kill.seconds:.1f} s" for kill in kills)
    print(f"run {number}: killed in {told}: {differences or 'equal'}", flush=True)
    if not differences:
        shutil.rmtree(folder)
    return kills, differences


def _kill_in_each_phase(recipe: Recipe, folder: Path) -> list[Kill]:
    kills = []
    for wanted in PHASES[1:]:
        kill = finish(recipe, folder, partial(_is_in_phase, folder, wanted))
        if kill is None:
            raise SystemExit(f"the phase '{wanted}' was over before it was seen")
        kills.append(kill)
    finish(recipe, folder)
    return kills


def _is_in_phase(folder: Path, wanted: str) -> bool:
    return phase(folder) == wanted


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill and resume runs of the demo")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--processes", type=int, default=1, help="workers of each run")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument("--each-phase", action="store_true", help="one kill in each phase")
    parser.add_argument("--short", action="store_true", help="2 cycles of 6 steps on few clips")
    parser.add_argument("--output", help="folder that keeps what differed")
    return parser.parse_args()


def demo_settings() -> dict[str, Any]:
    """Return the demo's recipe, with a test set and a point on the line, so that every stage is."""
    demo = DEMOS["asr"]
    return {
        "model_name": str(demo.model()),
        "dataset": demo.train,
        "eval_dataset": demo.heldout,
        "test_dataset": "demo:split=source",
        "interpolate": [0.5, 1.0],
        "device": "cpu",
        "save_every": 0.005,
        **demo.recipe,
    }


def shortened(root: Path) -> dict[str, Any]:
    """Return what makes the recipe short; 20 clips are as few as an export may be chosen on."""
    few: dict[str, Any] = {"num_cycles": 2, "steps_per_cycle": 6, "limit": 48}
    parts = {"eval_dataset": assets.target_heldout(), "test_dataset": assets.source_heldout()}
    for name, manifest in parts.items():
        lines = [json.loads(line) for line in manifest.read_text().splitlines()[:20]]
        for line in lines:
            line["audio_filepath"] = str(manifest.parent / line["audio_filepath"])
        few[name] = str(root / f"{name}.jsonl")
        Path(few[name]).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return few


if __name__ == "__main__":
    raise SystemExit(main())
