"""`audioforge datasets convert`: any dataset as a manifest, with its sound if that is wanted."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from audioforge.cli.column_options import column_options
from audioforge.cli.completions import complete_dataset
from audioforge.cli.local_path import LocalPath
from audioforge.cli.plugin_option import plugin_option
from audioforge.dataset import DatasetRequest
from audioforge.errors import UsageError
from audioforge.files.addresses import is_address
from audioforge.files.state import state_of
from audioforge.plugin_reference import parse_plugin_reference
from audioforge.plugins import discover
from audioforge.terminal.console import print_json, print_line
from audioforge.terminal.escapes import one_line
from audioforge.terminal.reporter import Reporter

if TYPE_CHECKING:
    from audioforge.dataset_conversion import Conversion, Converted

SECONDS_PER_HOUR = 3600
WINDOW_SECONDS = 30.0
EXAMPLE = """\b
  audioforge datasets convert kaldi/data/train train.jsonl
  audioforge datasets convert shards/ train.jsonl --split train --flac
  audioforge datasets convert interviews/ parts.jsonl --split-silence
"""


@click.command(epilog=EXAMPLE)
@click.argument("dataset", metavar="IN", shell_complete=complete_dataset)
@click.argument("output", metavar="OUT", type=LocalPath())
@click.option("--split", help="Which part, in the dataset's own words.")
@column_options
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of the extracted archive of a named corpus.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Take the first N lines only.")
@click.option("--flac", is_flag=True, help="Write the sound too: 16 kHz FLAC in OUT's name-flac/.")
@click.option(
    "--split-silence",
    is_flag=True,
    help="Cut clips that are longer than --max-seconds where nobody speaks.",
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=1),
    help=f"The longest part of --split-silence. [default: {WINDOW_SECONDS:g}, Whisper's window]",
)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def convert(
    dataset: str,
    output: Path,
    data_dir: Path | None,
    limit: int | None,
    flac: bool,
    split_silence: bool,
    max_seconds: float | None,
    plugin_files: tuple[Path, ...],
    as_json: bool,
    **request: Any,
) -> None:
    """Write any dataset as a manifest.

    IN is a name, a path, or a hub id, as for `audioforge train --dataset`; OUT a new file that ends
    in .jsonl. Parts, channels, speakers, languages, labels and all other keys are kept. Killed at
    any time, the same command goes on where it was.
    """
    from audioforge.dataset_conversion import (  # decoding is heavy
        Conversion,
        check_output,
        only_writer,
    )
    from audioforge.dataset_conversion import convert as convert_items
    from audioforge.find_dataset import open_dataset

    if max_seconds is not None and not split_silence:
        raise click.UsageError("--max-seconds goes with --split-silence")
    asked = DatasetRequest(location=dataset, data_dir=data_dir, streaming=True, **request)
    settings = {k: v and str(v) for k, v in {**request, "data_dir": data_dir}.items()}
    conversion = Conversion(
        output,
        {"dataset": dataset, "limit": limit, **settings},
        flac=flac,
        max_seconds=(max_seconds or WINDOW_SECONDS) if split_silence else None,
    )
    state = _state(dataset, data_dir, conversion)
    conversion = evolve(conversion, made_of={**conversion.made_of, **state})
    with only_writer(conversion):
        check_output(conversion)
        items = open_dataset(discover(files=plugin_files), dataset, asked).load()
        counted = Reporter().count(islice(items, limit), "Converting", limit)
        converted = convert_items(counted, conversion)
    if as_json:
        print_json(_to_json(converted, conversion))
    else:
        _print(converted, conversion)


def _to_json(converted: Converted, conversion: Conversion) -> dict[str, Any]:
    kinds = dict(converted.problem_kinds.most_common())
    return {
        "dataset": conversion.made_of["dataset"],
        "output": str(conversion.output),
        "sound": str(conversion.sound) if conversion.flac else None,
        "samples": converted.samples,
        "hours": converted.seconds / SECONDS_PER_HOUR,
        "resumed": converted.resumed,
        "cut": converted.cut,
        "without_text": converted.without_text,
        "problems": {"n": sum(kinds.values()), "kinds": kinds},
    }


def _print(converted: Converted, conversion: Conversion) -> None:
    sound = f", sound in {conversion.sound}" if conversion.flac else ""
    hours = converted.seconds / SECONDS_PER_HOUR
    print_line(one_line(f"{conversion.output}: {converted.samples:,} clips, {hours:.2f} h{sound}"))
    if converted.cut:
        print_line(f"Cut where nobody speaks: {converted.cut:,}")
    if converted.without_text:
        print_line(
            f"Transcripts left out, which do not say what is in which part: "
            f"{converted.without_text:,}",
            style="yellow",
        )
    if kinds := converted.problem_kinds.most_common():
        counts = ", ".join(f"{n} {kind}" for kind, n in kinds)
        print_line(f"Left out: {sum(n for _, n in kinds)} ({counts})", style="yellow")
    for problem in converted.first_problems:
        print_line(one_line(f"  {problem.kind}: {problem}"))


def _state(dataset: str, data_dir: Path | None, conversion: Conversion) -> dict[str, Any]:
    """Return what tells one state of the data from another; nothing of what is no path.

    Raises:
        UsageError: If a folder cannot be read.
    """
    path = Path(dataset)
    if not (is_address(dataset) or os.path.lexists(path)):
        path = Path(parse_plugin_reference(dataset)[0])
    paths = [path] if data_dir is None else [path, data_dir]
    own = (conversion.output, conversion.begun, conversion.sound)
    try:
        return {"data": [state_of(path, without=own) for path in paths]}
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read: {error.strerror or error}") from error
