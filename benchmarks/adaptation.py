r"""Does it learn? RAFT, its controls and other objectives on real speech, over several seeds.

Adapts a model on one part of a corpus and measures it on another, with each of the arms at the same
number of steps; with --retention once more with a retention set and interpolation. Prints a line of
every run, and a table of the arms: mean and spread over seeds.

    python benchmarks/adaptation.py --recipe whisper --model MODEL --adapt adapt.jsonl \
        --heldout heldout.jsonl --report test.jsonl --output runs/adaptation \
        --arms best random reference rloo 'mwer:transcripts=0.1@learning_rate=1e-3;warmup_steps=5'

An arm is a selection as `audioforge train --selection` takes it, and after an @, separated by ;,
settings that it has instead of the recipe's. Without --heldout, half of the clips to adapt on are
held out, whoever speaks, by a keyed shuffle. A run that is finished in --output is read again, one
that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import yaml

from audioforge import AudioRAFTConfig, AudioRAFTTrainer, keyed_random, open_run
from audioforge.terminal.figures import percent, point_interval
from audioforge.terminal.reporter import Reporter

COMMON: dict[str, Any] = {
    "num_cycles": 4,
    "lr_decay_per_cycle": 0.7,
    "steps_per_cycle": 40,
    "batch_size": 16,
    "temperature": 1.0,
}
RECIPES: dict[str, dict[str, Any]] = {
    "whisper": {
        "normalizer": "none",
        "samples_per_prompt": 4,
        "learning_rate": 5e-4,
        "reward_threshold": 1.0,
    },
    "ctc": {
        "normalizer": "whisper-basic",  # whose transcripts are in upper case
        "samples_per_prompt": 128,
        "learning_rate": 5e-4,
        "reward_threshold": 0.5,
    },
    "classification": {
        "task": "classification",
        "samples_per_prompt": 8,
        "learning_rate": 3e-4,
        "reward_threshold": 1.0,
    },
}
"""What nano models need; the defaults are for a pretrained Whisper."""


def main() -> None:
    """Run every arm and seed, and print what came out."""
    arguments = _arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.heldout is None:
        arguments.adapt, arguments.heldout = _halves(arguments.adapt, arguments.output)
    kept = arguments.output / "rows.jsonl"
    rows = list(map(json.loads, kept.read_text().splitlines())) if kept.is_file() else []
    done = {(row["run"], row["seed"]) for row in rows}
    for seed in arguments.seeds:
        for name, settings in _arms(arguments).items():
            if (name, seed) not in done:
                rows.append(_run(arguments, name, seed, settings))
                with kept.open("a") as lines:
                    lines.write(json.dumps(rows[-1]) + "\n")
                print(_line(rows[-1]), flush=True)
    print(_table([row for row in rows if row["seed"] in arguments.seeds]))


def _run(
    arguments: argparse.Namespace, name: str, seed: int, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return what came out of one run, which is begun or gone on with."""
    output = arguments.output / f"{name.replace(':', '_').replace('@', '_')}-{seed}"
    quiet, start = Reporter(quiet=True), time.process_time()
    if (output / "summary.json").is_file():
        return _row(name, seed, open_run(output).as_mapping())
    if (output / "config.yaml").is_file():
        trainer = AudioRAFTTrainer.resume(output, reporter=quiet)
        return _row(name, seed, trainer.train().as_mapping())
    config = AudioRAFTConfig.from_mapping(
        {
            "model_name": str(arguments.model),
            "dataset": str(arguments.adapt),
            "eval_dataset": str(arguments.heldout),
            "test_dataset": str(arguments.report) if arguments.report else None,
            "output_dir": output,
            "seed": seed,
            "device": arguments.device,
            **COMMON,
            **RECIPES[arguments.recipe],
            **settings,
        }
    )
    summary = AudioRAFTTrainer(config, reporter=quiet).train().as_mapping()
    return {**_row(name, seed, summary), "cpu_seconds": time.process_time() - start}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--recipe", choices=RECIPES, default="whisper")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapt", type=Path, required=True)
    parser.add_argument("--heldout", type=Path)
    parser.add_argument("--arms", nargs="+", default=["best", "random", "reference"])
    parser.add_argument("--retention", type=Path, help="must not get worse")
    parser.add_argument("--report", type=Path, help="measured at the end, as it comes out")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def _halves(manifest: Path, output: Path) -> tuple[Path, Path]:
    """Write two manifests, each with half of the lines of one."""
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["audio_filepath"] = str((manifest.parent / line["audio_filepath"]).resolve())
    order = keyed_random.shuffled(len(lines), "halves", str(manifest.name))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    paths = output / "adapt.jsonl", output / "heldout.jsonl"
    for path, half in zip(paths, halves, strict=True):
        text = "".join(json.dumps(lines[i]) + "\n" for i in sorted(half))
        path.write_text(text, encoding="utf-8")
    return paths


def _arms(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the settings of each arm by its name."""
    arms: dict[str, dict[str, Any]] = {}
    for arm in arguments.arms:
        selection, _, changed = arm.partition("@")
        pairs = (pair.split("=", 1) for pair in changed.split(";") if pair)
        arms[arm] = {"selection": selection, **{key: yaml.safe_load(value) for key, value in pairs}}
    if arguments.retention:
        arms["retention"] = {"retention_dataset": [str(arguments.retention)]}
    return arms


def _row(name: str, seed: int, summary: dict[str, Any]) -> dict[str, Any]:
    metric = summary["metric"]
    base, last = summary["base"][metric], summary["cycles"][-1]
    best = summary["best"]
    retention = next(
        (c for c in summary["candidates"] if c["interpolation"] == best["interpolation"]), None
    )
    return {
        "run": name,
        "seed": seed,
        "base": base,
        "last": last[metric],
        "last_difference_ci95": last["difference_ci95"],
        "exported": best[metric],
        "interpolation": best["interpolation"],
        "metric": metric,
        "relative_reduction": _reduction(base, best[metric], summary["higher_is_better"]),
        "last_relative_reduction": _reduction(base, last[metric], summary["higher_is_better"]),
        "retention": retention["retention"] if retention else {},
        "base_retention": summary["base"]["retention"],
        "test": summary["test"],
        "cpu_seconds": None,  # of a run that was interrupted nobody knows
    }


def _reduction(base: float, value: float, higher_is_better: bool) -> float:
    """Return which part of the base's errors is gone."""
    return (value - base) / (1 - base) if higher_is_better else 1 - value / base


def _line(row: dict[str, Any]) -> str:
    low, high = row["last_difference_ci95"]
    text = (
        f"{row['run']} seed {row['seed']}: base {percent(row['base'])}, last cycle "
        f"{percent(row['last'])} (difference {point_interval(low, high)} points), exported "
        f"{percent(row['exported'])} at {row['interpolation']:g}, "
        f"{percent(row['relative_reduction'], digits=0)} fewer errors, "
        f"{_seconds([row])} s of CPU"
    )
    for name, retained in row["retention"].items():
        low, high = retained["difference_ci95"]
        base = row["base_retention"][name][row["metric"]]
        value = retained[row["metric"]]
        difference = f"{point_interval(low, high)} points"
        text += f"; {Path(name).stem} {percent(base)} → {percent(value)} ({difference})"
    if row["test"]:
        base, best = (row["test"][model][row["metric"]] for model in ("base", "best"))
        text += f"; {Path(row['test']['dataset']).stem} {percent(base)} → {percent(best)}"
    return text


def _table(rows: list[dict[str, Any]]) -> str:
    """Return a Markdown table of the arms: held out after the last cycle, and unheard voices."""
    lines = [
        "",
        "| arm | held out, each seed | mean | spread | errors | report, exported | CPU s a run |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(row["run"] for row in rows):
        own = [row for row in rows if row["run"] == name]
        last = [row["last"] for row in own]
        reported = [row["test"]["best"][row["metric"]] for row in own if row["test"]]
        cells = [
            f"`{name}`",
            ", ".join(percent(value) for value in last),
            percent(fmean(last)),
            f"± {100 * stdev(last):.1f}" if len(last) > 1 else "–",
            percent(-fmean(row["last_relative_reduction"] for row in own), digits=0),
            percent(fmean(reported)) if reported else "–",
            _seconds(own),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _seconds(rows: list[dict[str, Any]]) -> str:
    known = [row["cpu_seconds"] for row in rows if row["cpu_seconds"] is not None]
    return f"{fmean(known):.0f}" if known else "–"


if __name__ == "__main__":
    main()
