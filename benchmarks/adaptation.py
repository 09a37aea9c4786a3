"""Does it learn? RAFT against its controls on real speech, over several seeds.

Adapts a model on one part of a corpus and measures it on another, with the selections `best`,
`random` and `reference` at the same number of steps, and once more with a retention set and
interpolation. Prints a table of every run, and the means over seeds.

    python benchmarks/adaptation.py --model MODEL --adapt adapt.jsonl --heldout heldout.jsonl \
        --retention test.jsonl --report validation.jsonl --output runs/adaptation
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.reporter import Reporter

RECIPE = {
    "normalizer": "none",
    "num_cycles": 4,
    "samples_per_prompt": 4,
    "learning_rate": 5e-4,
    "lr_decay_per_cycle": 0.7,
    "reward_threshold": 1.0,
    "steps_per_cycle": 40,
    "batch_size": 16,
}
"""What a nano model needs; the defaults are for a pretrained Whisper."""


def main() -> None:
    """Run every selection and seed, and print what came out."""
    arguments = _arguments()
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
                **RECIPE,
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
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapt", type=Path, required=True)
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument("--retention", type=Path, help="must not get worse")
    parser.add_argument("--report", type=Path, help="measured at the end, as it comes out")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


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
        "relative_reduction": 1 - best[metric] / base,
        "retention": retention["retention"] if retention else {},
        "base_retention": summary["base"]["retention"],
        "test": summary["test"],
        "seconds": seconds,
    }


def _line(row: dict[str, Any]) -> str:
    low, high = row["last_difference_ci95"]
    text = (
        f"{row['run']:10} seed {row['seed']}: base {row['base']:.1%}, last cycle {row['last']:.1%} "
        f"(difference {low:+.1%} to {high:+.1%}), exported {row['exported']:.1%} at "
        f"{row['interpolation']:g}, {row['relative_reduction']:.0%} less, {row['seconds']:.0f} s"
    )
    for name, retained in row["retention"].items():
        low, high = retained["difference_ci95"]
        base = row["base_retention"][name]["wer"]
        text += (
            f"; {Path(name).stem} {base:.1%} → {retained['wer']:.1%} ({low:+.1%} to {high:+.1%})"
        )
    if row["test"]:
        base, best = row["test"]["base"]["wer"], row["test"]["best"]["wer"]
        text += f"; {Path(row['test']['dataset']).stem} {base:.1%} → {best:.1%}"
    return text


def _means(rows: list[dict[str, Any]]) -> str:
    lines = ["", "means over seeds:"]
    for name in dict.fromkeys(row["run"] for row in rows):
        own = [row for row in rows if row["run"] == name]
        last = sum(row["last"] for row in own) / len(own)
        reduction = sum(1 - row["last"] / row["base"] for row in own) / len(own)
        lines.append(f"{name:10} last cycle {last:.1%}, relative reduction {reduction:.0%}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
