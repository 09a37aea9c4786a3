"""`audioforge export`: a checkpoint in the form of another engine, by a plugin's exporter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from audioforge.cli.local_path import LocalPath
from audioforge.cli.output_options import loading, output_options
from audioforge.cli.plugin_option import plugin_option
from audioforge.plugins import discover
from audioforge.terminal.console import print_json, print_line
from audioforge.terminal.figures import percent, point_interval

if TYPE_CHECKING:
    from audioforge.run.measure_export import Measured
    from audioforge.terminal.reporter import Reporter

EXAMPLE = """\b
  audioforge export runs/mine --format ctranslate2 --quantize int8
  audioforge export openai/whisper-tiny --format onnx --dataset clips.jsonl --output tiny
"""
MB = 10**6


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument("source", metavar="RUN|CHECKPOINT")
@click.option(
    "--format",
    "exporter",
    required=True,
    metavar="NAME",
    help="Exporter as name:key=value; `audioforge plugins list` names those that are installed.",
)
@click.option(
    "--quantize", metavar="TYPE", help="Smaller weights, such as int8: the exporter's option."
)
@click.option(
    "--output",
    type=LocalPath(),
    help="Folder to make; must be new. Otherwise SOURCE-NAME in the working folder.",
)
@click.option("--dataset", help="Measure on this data; otherwise on what the run held out.")
@click.option("--limit", type=click.IntRange(min=1), help="Measure on at most this many clips.")
@click.option("--language", help="With --dataset: spoken language of all of it (en, pl, …).")
@click.option("--text-column", help="With --dataset: column or key that holds the transcript.")
@plugin_option
@output_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(
    source: str,
    exporter: str,
    quantize: str | None,
    output: Path | None,
    plugin_files: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
    reporter: Reporter,
    **measuring: Any,
) -> None:
    """Write a checkpoint for another engine.

    RUN is the folder of a finished run, whose exported model in best/ is taken; CHECKPOINT a folder
    in Hugging Face layout, or a hub id. Exporters are plugins: what is written, and what the engine
    needs, is in `audioforge plugins info NAME`. Where the exporter can run its engine, it
    transcribes the held-out clips, and so does the checkpoint, both greedily: what that makes of
    the metric is printed, and kept in measured.json in the folder.
    """
    of_dataset = {name: measuring[name] for name in ("language", "text_column") if measuring[name]}
    if of_dataset and not measuring["dataset"]:
        named = " and ".join(f"--{name.replace('_', '-')}" for name in of_dataset)
        raise click.UsageError(f"{named}: of --dataset, which is not given")
    if quantize is not None:
        exporter += f"{',' if ':' in exporter else ':'}quantize={quantize}"
    reporter.info(loading(source))
    from audioforge.run.export_checkpoint import export_checkpoint
    from audioforge.run.measure_export import MeasureOn

    wanted = MeasureOn(dataset=measuring["dataset"], limit=measuring["limit"], settings=of_dataset)
    output = output or _default_output(source, exporter)
    registry = discover(files=plugin_files)
    exported = export_checkpoint(registry, source, exporter, output, wanted, reporter)
    if as_json:
        paths = {"checkpoint": str(exported.checkpoint), "output": str(exported.output)}
        print_json(attrs.asdict(exported) | paths)
        return
    count = "1 file" if exported.files == 1 else f"{exported.files:,} files"
    print_line(
        f"{exported.output}: {count}, {exported.bytes / MB:,.1f} MB, written by "
        f"{exported.exporter} from {exported.checkpoint}"
    )
    if exported.measured is not None:
        print_line(_told(exported.measured))
    elif exported.why_not is not None:
        reporter.warn(f"the export was not measured: {exported.why_not}")


def _default_output(source: str, exporter: str) -> Path:
    """Return a name in the working folder, such as `mine-onnx-int8`."""
    name, _, settings = exporter.partition(":")
    parts = [Path(source).resolve().name, name.rpartition("/")[2]]
    parts += [setting.partition("=")[2] for setting in settings.split(",") if setting]
    return Path("-".join(parts))


def _told(measured: Measured) -> str:
    """Return what was measured, in words."""
    if None in (measured.checkpoint, measured.export):
        change = ""
    else:
        points = point_interval(*measured.difference_ci95)
        change = f" (difference, 95 %: {points} points)"
    return (
        f"{measured.metric}: checkpoint {percent(measured.checkpoint, 2)}, export "
        f"{percent(measured.export, 2)}{change}; {measured.different:,} of {measured.clips:,} "
        f"clips of {measured.dataset} have another text"
    )
