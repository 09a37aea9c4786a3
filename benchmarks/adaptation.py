r"""Does it learn? RAFT against its controls on real speech, over several seeds.

Adapts a model on one part of a corpus and measures it on another, with the selections `best`,
`random` and `reference` at the same number of steps, and once more with a retention set and
interpolation. Prints a table of every run, and the means over seeds.

    python benchmarks/adaptation.py --recipe whisper --model MODEL --adapt adapt.jsonl \
        --heldout heldout.jsonl --retention test.jsonl --report validation.jsonl \
        --output runs/adaptation

Without --heldout, half of the clips to adapt on are held out, whoever speaks, by a keyed shuffle.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from audioforge import AudioRAFTConfig, AudioRAFTTrainer, keyed_random
from audioforge.terminal.figures import percent, point_interval
from audioforge.terminal.reporter import Reporter

COMMON: dict[str, Any] = {
    "num_cycles": 4,
    "lr_decay_per_cycle": 0.7,
    "steps_per_cycle": 40,
    "batch_size": 16,
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
    """Run every selection and seed, and print what came out."""
    arguments = _arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.heldout is None:
        arguments.adapt, arguments.heldout = _halves(arguments.adapt, arguments.output)
    rows = []
    for seed in arguments.seeds:
        for name, settings in _runs(arguments).items():
            output = arguments.output / f"{name}-{seed}"
            start = time.perf_counter()
            config = AudioRAFTConfig(
                model_name=str(arguments.model),
                dataset=str(arguments.adapt),
                eval_dataset=str(arguments.heldout),
                output_dir=output,
                seed=seed,
                device=arguments.device,
                **COMMON,
                **RECIPES[arguments.recipe],
                **settings,
            )
            summary = AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train()
            seconds = time.perf_counter() - start
            rows.append(_row(name, seed, summary.as_mapping(), seconds))
            print(_line(rows[-1]), flush=True)
    print(_means(rows))
    (arguments.output / "table.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--recipe", choices=RECIPES, default="whisper")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapt", type=Path, required=True)
    parser.add_argument("--heldout", type=Path)
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


def _runs(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    runs: dict[str, dict[str, Any]] = {
        selection: {"selection": selection} for selection in ("best", "random", "reference")
    }
    if arguments.retention:
        runs["retention"] = {"retention_dataset": (str(arguments.retention),)}
        if arguments.report:
            runs["retention"]["test_dataset"] = str(arguments.report)
    return runs


def _row(name: str, seed: int, summary: dict[str, Any], seconds: float) -> dict[str, Any]:
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
        "seconds": seconds,
    }


def _reduction(base: float, value: float, higher_is_better: bool) -> float:
    """Return which part of the base's errors is gone."""
    return (value - base) / (1 - base) if higher_is_better else 1 - value / base


def _line(row: dict[str, Any]) -> str:
    low, high = row["last_difference_ci95"]
    text = (
        f"{row['run']:10} seed {row['seed']}: base {percent(row['base'])}, last cycle "
        f"{percent(row['last'])} (difference {point_interval(low, high)} points), exported "
        f"{percent(row['exported'])} at {row['interpolation']:g}, "
        f"{percent(row['relative_reduction'], digits=0)} fewer errors, "
        f"{row['seconds']:.0f} s"
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


def _means(rows: list[dict[str, Any]]) -> str:
    lines = ["", "means over seeds:"]
    for name in dict.fromkeys(row["run"] for row in rows):
        own = [row for row in rows if row["run"] == name]
        last = sum(row["last"] for row in own) / len(own)
        reduction = percent(sum(r["last_relative_reduction"] for r in own) / len(own), digits=0)
        lines.append(f"{name:10} last cycle {percent(last)}, relative reduction {reduction}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
