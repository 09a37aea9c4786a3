"""What a second worker brings, and what a batch costs by being done elsewhere.

The same clips are sampled and scored in this process, by one worker of a local Ray, and by more;
each worker has one thread. Of Ray's stages counts what the clock says from the first batch given to
the last one taken; workers have been started and hold the model by then, since the base is
evaluated first. The efficiency of n workers is the time of one over n times theirs. What a batch
costs is what one worker takes longer than no Ray at all, over the number of batches.

The machine must have nothing else to do, and as many cores as there are workers.

    python benchmarks/cluster_scaling.py
    python benchmarks/cluster_scaling.py --model CHECKPOINT --data MANIFEST --workers 1 2
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from existing import existing
from soak import demo_settings

STAGE = "cycle 1 sample"


def main() -> int:
    """Print the table."""
    arguments = _arguments()
    print("| where | seconds | clips a second | efficiency | cost of a batch, ms |")
    print("| --- | ---: | ---: | ---: | ---: |")
    here = one = 0.0
    for workers in (None, *arguments.workers):
        seconds, clips, batches = _median(arguments, workers)
        efficiency, cost = "", ""
        if workers is None:
            here = seconds
        if workers == 1:
            one, cost = seconds, f"{1000 * (seconds - here) / batches:.1f}"
        if workers is not None and one:
            efficiency = f"{one / (workers * seconds):.2f}"
        name = "no Ray" if workers is None else f"Ray, {workers} working"
        cells = (name, f"{seconds:.2f}", f"{clips / seconds:.1f}", efficiency, cost)
        print(f"| {' | '.join(cells)} |", flush=True)
    return 0


def _median(arguments: argparse.Namespace, workers: int | None) -> tuple[float, int, int]:
    """Return seconds, clips and batches of the stage: the median of several runs."""
    runs = [_stage(arguments, workers) for _ in range(arguments.repeats)]
    seconds = statistics.median(seconds for seconds, _ in runs)
    clips = runs[0][1]
    return seconds, clips, -(-clips // arguments.batch_size)


def _stage(arguments: argparse.Namespace, workers: int | None) -> tuple[float, int]:
    """Run one cycle, and return what its sampling took, and of how many clips."""
    executor = "processes" if workers is None else f"ray:rollout_workers={workers}"
    settings = demo_settings() | {
        "num_cycles": 1,
        "steps_per_cycle": 1,
        "reward_threshold": 0.0,
        "batch_size": arguments.batch_size,
        "executor": executor,
        "cache_gb": 0.0,
    }
    if arguments.model is not None:
        data = str(arguments.data)
        settings |= {"model_name": str(arguments.model), "dataset": data, "eval_dataset": data}
        settings |= {"normalizer": "whisper-basic", "learning_rate": 1e-6}
        del settings["test_dataset"]
    with tempfile.TemporaryDirectory() as temporary:
        config, folder = Path(temporary, "run.yaml"), Path(temporary, "run")
        config.write_text(yaml.safe_dump(settings))
        command = [sys.executable, "-m", "audioforge", "train", "--config", str(config)]
        done = subprocess.run(
            [*command, "--output", str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{executor}: {done.stderr[-3000:]}")
        rows = [x for path in folder.glob("cycle-01/rollouts-*") for x in path.open()]
        if workers is None:
            figures = json.loads((folder / "cycle-01/metrics.json").read_text())["seconds"]
            return figures["rollout"] + figures["verify"], len(rows)
        accounts = map(json.loads, (folder / "nodes.jsonl").read_text().splitlines())
        return max(a["elapsed"] for a in accounts if a["stage"] == STAGE), len(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What workers of a cluster bring and cost")
    parser.add_argument("--model", type=existing, help="otherwise the demo's")
    parser.add_argument("--data", type=existing, help="manifest of clips")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.data is None):
        parser.error("--model and --data are given together")
    return arguments


if __name__ == "__main__":
    raise SystemExit(main())
