r"""Which reward teaches what? The same model, data and steps with several rewards.

    python benchmarks/rewards.py --model MODEL --adapt adapt.jsonl --heldout heldout.jsonl \
        --reward wer --reward consensus --output runs/rewards

A reward is one or more verifiers with blanks between them, such as
"wer hotwords:terms=terms.txt,weight=0.5". With --measure a verifier is recorded in every run, so
that its corpus metrics can be compared; --without-transcripts takes the texts away from the clips
to adapt on, for the rewards that need none.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from adaptation import COMMON, RECIPES

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.terminal.figures import percent, point_interval
from audioforge.terminal.reporter import Reporter


def main() -> None:
    """Run every reward with every seed, and print what came out."""
    arguments = _arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for reward in arguments.reward:
        for seed in arguments.seeds:
            summary = _train(arguments, reward, seed)
            rows.append({"reward": reward, "seed": seed, "summary": summary})
            print(_line(reward, seed, summary, arguments.metrics), flush=True)
    (arguments.output / "table.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--recipe", choices=RECIPES, default="whisper")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapt", type=Path, required=True)
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument("--reward", action="append", required=True)
    parser.add_argument("--measure", action="append", default=[])
    parser.add_argument("--metrics", nargs="+", default=["wer"], help="corpus metrics to print")
    parser.add_argument("--aggregator", default="weighted_mean")
    parser.add_argument("--k", type=int, help="hypotheses per clip; otherwise the recipe's")
    parser.add_argument("--threshold", type=float, help="of the reward; otherwise the recipe's")
    parser.add_argument("--without-transcripts", action="store_true")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


def _train(arguments: argparse.Namespace, reward: str, seed: int) -> dict[str, Any]:
    settings = {**COMMON, **RECIPES[arguments.recipe]}
    if arguments.k:
        settings["samples_per_prompt"] = arguments.k
    if arguments.threshold is not None:
        settings["reward_threshold"] = arguments.threshold
    adapt = arguments.adapt
    if arguments.without_transcripts and "wer" not in reward and "hotwords" not in reward:
        adapt = _without_transcripts(arguments.adapt, arguments.output)
    name = "".join(c if c.isalnum() else "-" for c in reward)[:40]
    recorded = [f"{m}{',' if ':' in m else ':'}weight=0" for m in arguments.measure]
    config = AudioRAFTConfig(
        model_name=str(arguments.model),
        dataset=str(adapt),
        eval_dataset=str(arguments.heldout),
        verifier=(*reward.split(), *(m for m in recorded if m.split(":")[0] not in reward)),
        aggregator=arguments.aggregator,
        output_dir=arguments.output / f"{name}-{seed}",
        seed=seed,
        **settings,
    )
    return AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train().as_mapping()


def _without_transcripts(manifest: Path, output: Path) -> Path:
    """Write the manifest again, with absolute paths and no text."""
    path = output / "without-transcripts.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for line in manifest.read_text(encoding="utf-8").splitlines():
            audio = manifest.parent / json.loads(line)["audio_filepath"]
            file.write(json.dumps({"audio_filepath": str(audio.resolve())}) + "\n")
    return path


def _line(reward: str, seed: int, summary: dict[str, Any], metrics: list[str]) -> str:
    last = summary["cycles"][-1]
    values = "; ".join(f"{m} {percent(summary['base'][m])} → {percent(last[m])}" for m in metrics)
    low, high = last["difference_ci95"]
    return (
        f"{reward} · seed {seed}: {values} (difference of {summary['metric']} "
        f"{point_interval(low, high)} points), kept {[c['kept'] for c in summary['cycles']]}"
    )


if __name__ == "__main__":
    main()
