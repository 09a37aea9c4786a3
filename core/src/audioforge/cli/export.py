"""`audioforge export`: a checkpoint in the form of another engine, by a plugin's exporter."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from audioforge.cli.local_path import LocalPath
from audioforge.cli.plugin_option import plugin_option
from audioforge.plugins import discover
from audioforge.terminal.console import print_json, print_line

EXAMPLE = """\b
  audioforge export runs/mine --format NAME --output runs/mine/exported
  audioforge export openai/whisper-tiny --format NAME:key=value --output tiny
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
@click.option("--output", required=True, type=LocalPath(), help="Folder to make; must be new.")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(
    source: str, exporter: str, output: Path, plugin_files: tuple[Path, ...], as_json: bool
) -> None:
    """Write a checkpoint for another engine.

    RUN is the folder of a finished run, whose exported model in best/ is taken; CHECKPOINT a folder
    in Hugging Face layout, or a hub id. Exporters are plugins: what is written, and what the engine
    needs, is in `audioforge plugins info NAME`.
    """
    from audioforge.run.export_checkpoint import export_checkpoint

    exported = export_checkpoint(discover(files=plugin_files), source, exporter, output)
    if as_json:
        paths = {"checkpoint": str(exported.checkpoint), "output": str(exported.output)}
        print_json(attrs.asdict(exported) | paths)
        return
    count = "1 file" if exported.files == 1 else f"{exported.files:,} files"
    print_line(
        f"{exported.output}: {count}, {exported.bytes / MB:,.1f} MB, written by "
        f"{exported.exporter} from {exported.checkpoint}"
    )
