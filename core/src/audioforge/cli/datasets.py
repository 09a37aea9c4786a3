"""`audioforge datasets`: what can be read, and what one dataset holds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import click

from audioforge.cli.column_options import column_options
from audioforge.cli.completions import complete_dataset
from audioforge.cli.convert import convert
from audioforge.cli.plugin_option import plugin_option
from audioforge.dataset import DatasetRequest
from audioforge.files.addresses import is_address
from audioforge.measuring.style import describe_style
from audioforge.plugin_reference import parse_plugin_reference
from audioforge.plugins import Registry, dataset_specs, discover
from audioforge.specs import DatasetSpec
from audioforge.terminal.console import print_json, print_line, print_table
from audioforge.terminal.escapes import one_line
from audioforge.terminal.reporter import Reporter

REMOTE_LIMIT = 100
"""Clips that `show` reads from elsewhere when `--limit` does not say: they are downloaded."""


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
        [[d["name"], ", ".join(d["reads"]), d["summary"]] for d in formats],
    )
    print_line()
    print_line("Look into one: audioforge datasets show NAME|PATH|owner/name")


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
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    dataset: str,
    data_dir: Path | None,
    limit: int | None,
    plugin_files: tuple[Path, ...],
    as_json: bool,
    **request: Any,
) -> None:
    """Print what a dataset holds, and every problem found.

    DATASET is a name, a path, or a hub id, as for `audioforge train --dataset`. Every clip is
    decoded in full.
    """
    from audioforge.dataset_report import DatasetReport  # decoding is heavy, and not for listing
    from audioforge.find_dataset import open_dataset

    registry = discover(files=plugin_files)
    asked = DatasetRequest(location=dataset, data_dir=data_dir, streaming=True, **request)
    items = open_dataset(registry, dataset, asked).load()
    if limit is None and _is_remote(registry, dataset, data_dir):
        limit = REMOTE_LIMIT
    report = DatasetReport()
    for item in Reporter().count(islice(items, limit), "Decoding", limit):
        report.add(item)
    summary = {"dataset": dataset, "split": request["split"], "limit": limit, **report.to_json()}
    if as_json:
        print_json(summary)
    else:
        _print_report(summary)


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


def _print_report(report: dict[str, Any]) -> None:
    seen = f"the first {report['limit']} lines" if report["limit"] else "all lines"
    print_line(one_line(f"{report['dataset']}: {report['samples']} usable clips in {seen}"))
    if report["samples"]:
        _print_figures(report)
        _print_example(report["example"])
    _print_problems(report["problems"])


def _print_figures(report: dict[str, Any]) -> None:
    length = report["seconds"]
    print_line(f"  total          {report['hours']:.2f} h")
    print_line(
        f"  durations      {length['min']:.2f} s shortest, {length['median']:.2f} s median, "
        f"{length['max']:.2f} s longest"
    )
    rates = ", ".join(f"{rate} Hz ({n})" for rate, n in report["sampling_rates"].items())
    print_line(f"  rates          {rates}")
    print_line(f"  speakers       {report['speakers'] or 'not stated'}")
    if report["languages"]:
        print_line(f"  languages      {_counts(report['languages'])}")
    if report["labels"]:
        print_line(f"  labels         {len(report['labels'])}: {_counts(report['labels'])}")
    print_line(f"  transcripts    {report['with_reference']} of {report['samples']}")
    if report["with_reference"]:
        print_line(f"  style          {describe_style(report['style'])}")


def _counts(counts: dict[str, int], most: int = 8) -> str:
    """Return the most frequent names with their counts."""
    shown = [f"{name} ({n})" for name, n in list(counts.items())[:most]]
    return one_line(", ".join(shown)) + (", …" if len(counts) > most else "")


def _print_example(example: dict[str, Any]) -> None:
    print_line("A sample:")
    for key, value in example.items():
        if value not in (None, []):
            text = ", ".join(value) if isinstance(value, list) else str(value)
            print_line(one_line(f"  {key:<15}{text}"))


def _print_problems(problems: dict[str, Any]) -> None:
    if not problems["n"]:
        print_line("No problems found.")
        return
    kinds = ", ".join(f"{n} {kind}" for kind, n in problems["kinds"].items())
    print_line(f"Problems: {problems['n']} ({kinds})", style="yellow")
    for problem in problems["first"]:
        print_line(one_line(f"  {problem['kind']}: {problem['where']}: {problem['reason']}"))
    if problems["n"] > len(problems["first"]):
        print_line(f"  … and {problems['n'] - len(problems['first'])} more")
