"""`audioforge benchmark`: decode a dataset greedily and measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from audioforge import atomic
from audioforge.config import AudioRAFTConfig
from audioforge.console import print_json, print_line, print_table
from audioforge.model import TASKS

EXAMPLE = """\b
  audioforge benchmark --model openai/whisper-tiny --dataset heldout.jsonl --limit 100
"""


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.option(
    "--model", "model_name", required=True, help="Checkpoint: a hub id or a local folder."
)
@click.option("--dataset", required=True, help="A name, a path, or a hub id.")
@click.option("--task", type=click.Choice(TASKS), default="asr", show_default=True)
@click.option("--split", help="Split to read.")
@click.option("--text-column", help="Column or key that holds the transcript.")
@click.option("--data-dir", help="Folder of the corpus' extracted archive.")
@click.option("--streaming", is_flag=True, default=None, help="Stream a hub dataset.")
@click.option("--limit", help="Use at most this many samples.")
@click.option("--language", help="Spoken language; otherwise the sample's, or detected.")
@click.option("--normalizer", help="whisper-english, whisper-basic or none.")
@click.option("--on-error", help="skip or fail, at a clip that cannot be used.")
@click.option("--batch-size", help="Clips per forward pass.")
@click.option("--max-new-tokens", help="Longest output in tokens.")
@click.option("--adapter", help="Model adapter to use whatever config.json says.")
@click.option("--dtype", help="float32 or bfloat16.")
@click.option("--device", help="auto, cpu, cuda or mps.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for metrics.json, predictions.jsonl and skipped.jsonl.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def benchmark(output: Path | None, as_json: bool, **flags: Any) -> None:
    """Measure a model on a dataset: corpus metrics with a 95 % interval, and speed."""
    config = AudioRAFTConfig.from_mapping({k: v for k, v in flags.items() if v is not None})
    from audioforge.raft.benchmark import run_benchmark
    from audioforge.raft.run_folder import RunFolder

    if output is not None:
        RunFolder.create(output)  # now, not after an hour of decoding
    measured = run_benchmark(config)
    if not measured.is_main:
        return
    if output is not None:
        lines = (item.prediction for item in measured.evaluation.items)
        atomic.write_jsonl(output / "predictions.jsonl", lines)
        atomic.write_json(output / "metrics.json", measured.result)
        RunFolder(output).write_skipped({str(config.dataset): measured.skips})
    if as_json:
        print_json(measured.result)
        return
    (head, first), *rest = [(key, _shown(key, value)) for key, value in measured.result.items()]
    print_table([head, first], rest)
    if output is not None:
        print_line(f"predictions: {output / 'predictions.jsonl'}")


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "n/a"
    if key in ("wer", "cer"):
        return f"{100 * value:.2f} %"
    if key == "ci95":
        low, high = cast("list[float]", value)
        return f"{100 * low:.2f} to {100 * high:.2f} %"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
