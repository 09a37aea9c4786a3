"""`audioforge runs`: what runs there are, and making room."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioforge.terminal.console import print_json, print_line, print_note, print_table
from audioforge.terminal.figures import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audioforge.past_runs.clean import Removal
    from audioforge.past_runs.found import PastRun

FOLDER = Path("runs")

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


class ListingGroup(click.Group):
    """A group whose command is `list` where none is named, so that a folder can follow at once."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before arguments that begin with no command."""
        if not args or not ({args[0]} & {*self.commands, *ctx.help_option_names}):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListingGroup, context_settings={"max_content_width": 100})
def runs() -> None:
    """List the runs below a folder, and make room.

    audioforge runs [FOLDER] is audioforge runs list [FOLDER].
    """


@runs.command(name="list")
@click.argument("folder", default=FOLDER, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_runs(folder: Path, as_json: bool) -> None:
    """List every run below FOLDER ("runs"): its state, result, size and age.

    running: a process holds it. failed: an error ended it. interrupted: it stopped otherwise; both
    go on by audioforge train --resume.
    """
    from audioforge.past_runs.found import find_runs

    found = find_runs(folder)
    if as_json:
        print_json([run.as_mapping() for run in found])
        return
    if not found:
        print_line(f"There is no run in {folder}.")
        return
    rows = [
        [
            _place(run, folder),
            run.state,
            Path(str(run.settings["model_name"])).name,
            str(run.settings.get("selection", "")),
            _result(run),
            size(run.bytes),
            age(time.time() - run.changed),
        ]
        for run in found
    ]
    heads = ["run", "state", "model", "selection", "base → best", "size", "age"]
    print_table(heads, rows, right=["size", "age"])
    for run in found:
        if run.error is not None:
            print_line()
            print_line(f"{_place(run, folder)} failed: {run.error}")


@runs.command()
@click.argument("folder", default=FOLDER, type=click.Path(path_type=Path))
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="DAYS",
    help="Only runs of which nothing was written for so many days.",
)
@click.option("--whole", is_flag=True, help="Whole runs, with their models and every result.")
@click.option("--yes", is_flag=True, help="Remove it; otherwise it is only listed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def clean(folder: Path, older_than: float, whole: bool, yes: bool, as_json: bool) -> None:
    """List what finished runs below FOLDER no longer need, and remove it with --yes.

    That is the weights of their cycles (the exported model in best/ stays, and so does every
    result), and what only a resume needed. --whole removes finished runs as a whole. Runs that are
    running, interrupted or failed stay as they are, and so do seeds of a group that is not
    finished, and what one of these goes on from or lies in; they are looked for below FOLDER, and
    up to three folders deep beside it. What cannot be removed is named; the exit status is then 1.
    """
    from audioforge.past_runs.clean import removable, remove_all
    from audioforge.past_runs.found import find_runs
    from audioforge.past_runs.kept import runs_beside

    found = removable(
        find_runs(folder), beside=runs_beside(folder), older_than=older_than, whole=whole
    )
    failed = remove_all(found) if yes else {}
    for removal, why in failed.items():
        print_note(f"{removal.path} was not removed: {why}")
    if not found and not as_json:
        print_line(f"There is nothing to remove in {folder}.")
        return
    _print_removals([r for r in found if r not in failed], removed=yes, as_json=as_json)
    if failed:
        click.get_current_context().exit(1)


def _print_removals(removals: Sequence[Removal], *, removed: bool, as_json: bool) -> None:
    total = sum(removal.bytes for removal in removals)
    if as_json:
        rows = [removal.as_mapping() for removal in removals]
        print_json({"removed": removed, "bytes": total, "removals": rows})
        return
    if removals:
        table = [[str(r.path), r.what, size(r.bytes)] for r in removals]
        print_table(["path", "what", "size"], table, right=["size"])
        print_line()
    print_line(f"{size(total)} {'removed' if removed else 'would be removed'}.")
    if not removed:
        print_note("Nothing was removed; --yes removes it.")


def _place(run: PastRun, folder: Path) -> str:
    """Return a run's path below the folder that was asked for."""
    return str(run.folder.relative_to(folder)) if run.folder != folder else str(folder)


def _result(run: PastRun) -> str:
    if run.metric is None or run.base is None:
        return ""
    base = f"{run.metric} {percent(run.base)}"
    if run.state != "finished":
        return f"{base} → {percent(run.best)} (cycle {run.cycle})" if run.cycle else base
    return f"{base} → {percent(run.best)}" if run.improved else f"{base}, not improved"


def size(count: int) -> str:
    """Return a number of bytes for people.

    >>> size(999), size(1_480_000), size(2_300_000_000)
    ('999 B', '1.5 MB', '2.3 GB')
    """
    units = {"GB": 1e9, "MB": 1e6, "kB": 1e3}
    unit = next((unit for unit, many in units.items() if count >= many), None)
    return f"{count} B" if unit is None else f"{count / units[unit]:.1f} {unit}"


def age(seconds: float) -> str:
    """Return how long ago something was, for people.

    >>> age(30), age(7_500), age(200_000)
    ('0 min', '2 h', '2 days')
    """
    if seconds >= 2 * DAY:
        return f"{seconds / DAY:.0f} days"
    return f"{seconds / HOUR:.0f} h" if seconds >= HOUR else f"{seconds / MINUTE:.0f} min"
