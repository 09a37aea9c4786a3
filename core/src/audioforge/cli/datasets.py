"""`audioforge datasets`: what can be read, and what one dataset holds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audioforge.cli.column_options import column_options
from audioforge.cli.completions import FILES, complete_dataset
from audioforge.cli.convert import convert
from audioforge.cli.dataset_figures import print_dataset
from audioforge.cli.plugin_option import plugin_option
from audioforge.dataset import DatasetRequest
from audioforge.files.addresses import is_address
from audioforge.plugin_reference import parse_plugin_reference
from audioforge.plugins import Registry, dataset_specs, discover
from audioforge.specs import DatasetSpec
from audioforge.terminal.console import print_error, print_json, print_line, print_table
from audioforge.terminal.reporter import Reporter

if TYPE_CHECKING:
    from audioforge.dataset_report.fit import ModelFit

REMOTE_LIMIT = 100
"""Clips that `show` reads from elsewhere when `--limit` does not say: they are downloaded."""

SHOWN = 4
"""Patterns of a format that the listing names."""

DECODED = 1000
"""Clips that `show` decodes when `--decode` does not say: ten seconds or so of work."""


def _decode(_: click.Context, __: click.Parameter, value: str) -> int | None:
    if value == "all":
        return None
    if not (value.isascii() and value.isdigit()):
        raise click.BadParameter(f"{value!r} is neither a number of clips nor 'all'")
    return int(value)


@click.group(invoke_without_command=True)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def datasets(context: click.Context, plugin_files: tuple[Path, ...], as_json: bool) -> None:
    """List the datasets and formats that can be read, show one, or convert it."""
    if context.invoked_subcommand is not None:
        if plugin_files:
            raise click.UsageError(f"--plugin goes after {context.invoked_subcommand}")
        return
    registry = discover(files=plugin_files)
    listed = [_listing(spec, distribution) for spec, distribution in dataset_specs(registry)]
    if as_json:
        print_json(listed)
    elif not listed:
        print_line(f"No dataset plugin is installed.{registry.why_missing('datasets')}")
    else:
        _print_listing(listed)


datasets.add_command(convert)


def _listing(spec: DatasetSpec, distribution: str) -> dict[str, Any]:
    return {
        "name": spec.name,
        "kind": "corpus" if spec.is_corpus else "format",
        "tasks": list(spec.tasks),
        "size": spec.size,
        "licence": spec.licence,
        "summary": spec.summary,
        "reads": spec.reads + (["owner/name"] if spec.hub else []),
        "distribution": distribution,
    }


def _print_listing(listed: list[dict[str, Any]]) -> None:
    corpora = [d for d in listed if d["kind"] == "corpus"]
    formats = [d for d in listed if d["kind"] == "format"]
    print_table(
        ["name", "task", "size", "licence", "what it is"],
        [
            [d["name"], ", ".join(d["tasks"]), d["size"], d["licence"], d["summary"]]
            for d in corpora
        ],
    )
    print_line()
    print_table(
        ["format", "reads", "what it is"],
        [[d["name"], _some(d["reads"]), d["summary"]] for d in formats],
    )
    print_line()
    print_line("Look into one: audioforge datasets show NAME|PATH|owner/name")


def _some(patterns: list[str]) -> str:
    """Return what a format reads, of many the first; --json has all."""
    if len(patterns) <= SHOWN:
        return ", ".join(patterns)
    return f"{', '.join(patterns[: SHOWN - 1])}, {len(patterns) - SHOWN + 1} more"


@datasets.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option("--split", help="Which part, in the dataset's own words.")
@column_options
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of the extracted archive of a named corpus.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Look at the first N lines only. [default: all; from elsewhere: {REMOTE_LIMIT}]",
)
@click.option(
    "--model",
    metavar="MODEL",
    shell_complete=lambda *_: FILES,
    help="Checkpoint, as a folder or hub id: count what it cannot take.",
)
@click.option(
    "--decode",
    callback=_decode,
    default=str(DECODED),
    show_default=True,
    metavar="N|all",
    help="Decode so many clips in full, to find damage, silence and copies; of others the header.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if there is any problem.")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    dataset: str,
    data_dir: Path | None,
    limit: int | None,
    model: str | None,
    decode: int | None,
    strict: bool,
    plugin_files: tuple[Path, ...],
    as_json: bool,
    **request: Any,
) -> None:
    """Print what a dataset holds, and every problem found.

    DATASET is a name, a path, or a hub id, as for `audioforge train --dataset`. Exits with 1 under
    --strict if there is a problem, with 2 for a dataset that cannot be read.
    """
    # Decoding is heavy, and not for listing.
    from audioforge.dataset_report.report import DatasetReport
    from audioforge.find_dataset import open_dataset

    registry = discover(files=plugin_files)
    asked = DatasetRequest(location=dataset, data_dir=data_dir, streaming=True, **request)
    items = open_dataset(registry, dataset, asked).load()
    if limit is None and _is_remote(registry, dataset, data_dir):
        limit = REMOTE_LIMIT
    fit = None if model is None else _fit(registry, model)
    report = DatasetReport(decode, fit, strict)
    for item in Reporter().count(islice(items, limit), "Reading", limit):
        report.add(item)
    summary = {"dataset": dataset, "split": request["split"], "limit": limit, **report.to_json()}
    if as_json:
        print_json(summary)
    else:
        print_dataset(summary)
    if strict and (found := summary["problems"]["n"]):
        print_error(f"{found} problem{'s' * (found > 1)} found, and --strict allows none")
        click.get_current_context().exit(1)


def _fit(registry: Registry, model: str) -> ModelFit:
    from audioforge.dataset_report.fit import ModelFit
    from audioforge.find_adapter import read_limits

    return ModelFit(model, read_limits(registry, model))


def _is_remote(registry: Registry, dataset: str, data_dir: Path | None) -> bool:
    if is_address(dataset):
        return True
    if data_dir is not None or Path(dataset).exists():
        return False
    from audioforge.find_dataset import find_dataset

    location, settings = parse_plugin_reference(dataset)
    if "data_dir" in settings or Path(location).exists():
        return False
    return isinstance(find_dataset(registry, location).spec, DatasetSpec)
