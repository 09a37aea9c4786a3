"""`audioforge benchmark`: decode a dataset greedily and measure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audioforge.cli.language_table import print_by_language
from audioforge.cli.local_path import LocalPath
from audioforge.cli.output_options import loading, output_options
from audioforge.cli.plugin_option import plugin_option
from audioforge.cli.sections import CONTEXT, SectionedCommand
from audioforge.cli.setting_options import given_flags, setting_options
from audioforge.config import BenchmarkConfig
from audioforge.files import atomic
from audioforge.measuring.style import describe_style
from audioforge.plugins import discover
from audioforge.terminal.console import print_json, print_line, print_table
from audioforge.terminal.figures import measured as as_measured
from audioforge.terminal.figures import percent, percent_interval

if TYPE_CHECKING:
    from audioforge.terminal.reporter import Reporter

EXAMPLE = """\b
  audioforge benchmark --model openai/whisper-tiny --dataset heldout.jsonl --limit 100
"""


RIGHT = ["n", "precision", "recall", "F1"]
COUNTS = {"n", "measured"}
MOST_COLUMNS = 20
"""Classes up to which the confusion matrix fits a terminal; the JSON always has it."""


@click.command(cls=SectionedCommand, context_settings=CONTEXT, epilog=EXAMPLE)
@setting_options(BenchmarkConfig, required=("model_name", "dataset"))
@click.option(
    "--output",
    type=LocalPath(file_okay=False),
    help="Folder for metrics.json, predictions.jsonl and skipped.jsonl.",
)
@click.option(
    "--word-times",
    is_flag=True,
    help="Add the start and end of each word to predictions.jsonl (CTC models).",
)
@plugin_option
@output_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def benchmark(
    output: Path | None,
    word_times: bool,
    plugin_files: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
    reporter: Reporter,
    **flags: Any,
) -> None:
    """Measure a model on a dataset: corpus metrics with a 95 % interval, and speed."""
    config = BenchmarkConfig.from_mapping(given_flags(flags))
    reporter.info(loading(config.model_name, config.dataset))
    from audioforge.importing import importing

    with importing():
        from audioforge.run.benchmark import run_benchmark
    from audioforge.run.folder import RunFolder
    from audioforge.run.folder_claim import FolderClaim

    registry = discover(files=plugin_files)
    claim = None if output is None else FolderClaim(RunFolder(output), resumes=False)
    try:
        measured = run_benchmark(config, registry, reporter, claim=claim, word_times=word_times)
        if output is not None and measured.is_main:
            atomic.write_jsonl(output / "predictions.jsonl", measured.evaluation.predictions)
            atomic.write_json(output / "metrics.json", measured.result)
            RunFolder(output).write_skipped({str(config.dataset): measured.skips})
    finally:
        if claim is not None:
            claim.release()
    if not measured.is_main:
        return
    if as_json:
        print_json(measured.result)
        return
    if not quiet:
        _print_result(measured.result)
    print_line(measured.conclusion)
    if output is not None and not quiet:
        print_line(f"predictions: {output / 'predictions.jsonl'}")


def _print_result(result: dict[str, Any]) -> None:
    # which are told below
    tables = {"interval", "classes", "confusion", "languages", "by_language", "explanation"}
    tables.add("without_runaway")
    (head, first), *rest = [(k, _shown(k, v)) for k, v in result.items() if k not in tables]
    print_table([head, first], rest)
    metrics = {name for row in result.get("by_language", {}).values() for name in row}
    print_by_language([(name, name, result) for name in result if name in metrics - COUNTS])
    if "classes" not in result:
        return
    print_line()
    rows = [
        [row["label"], str(row["n"]), *(percent(row[m], 2) for m in ("precision", "recall", "f1"))]
        for row in result["classes"]
    ]
    print_table(["class", "n", "precision", "recall", "F1"], rows, right=RIGHT)
    confusion = result["confusion"]
    if len(confusion["labels"]) <= MOST_COLUMNS:
        print_line()
        rows = [
            [label, *map(str, counts)]
            for label, counts in zip(confusion["labels"], confusion["counts"], strict=True)
        ]
        print_table(["is ↓ called →", *confusion["labels"]], rows, right=confusion["labels"])


def _shown(key: str, value: Any) -> str:
    if key.endswith("ci95"):
        low, high = value
        return f"{percent_interval(low, high, digits=2)} %"
    if key == "counted":
        return ", ".join(f"{name} on {count:,}" for name, count in value.items())
    if key == "style":
        return describe_style(value)
    if key == "rtfx":
        return f"{value:,.1f}"
    return as_measured(key, value, 2) if value is None or isinstance(value, float) else str(value)
