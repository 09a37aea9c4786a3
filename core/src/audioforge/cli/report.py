"""`audioforge report`: the page of a run, made anew from its folder."""

from __future__ import annotations

from pathlib import Path

import click

from audioforge.cli.local_path import LocalPath
from audioforge.cli.page_file import check_page
from audioforge.errors import UsageError
from audioforge.terminal.console import print_json, print_line

EXAMPLE = """\b
  audioforge report runs/mine --open
  audioforge report runs/mine --with runs/control --with runs/other --output mine.html
"""


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--with",
    "others",
    multiple=True,
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Run folder to compare it with; repeat for several. Seeds and controls in the same folder "
    "are found by themselves.",
)
@click.option("--output", type=LocalPath(dir_okay=False), help="File; RUN/report.html.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def report(
    run: Path, others: tuple[Path, ...], output: Path | None, opens: bool, as_json: bool
) -> None:
    """Make the page of a run: did it help, where, why, what exactly, at what cost.

    RUN is a run folder, finished or not. A run writes the page by itself, after each cycle; this
    makes it anew from the folder's files, such as beside other runs. It is one HTML file that asks
    nothing of any network.
    """
    if output is not None:
        check_page("--output", output)
    from audioforge.report.write import write_report

    path = write_report(run, others, output)
    if as_json:
        print_json({"report": str(path), "bytes": path.stat().st_size})
    else:
        print_line(str(path))
    if opens:
        import webbrowser

        if not webbrowser.open(path.as_uri()):
            raise UsageError(f"no browser can be opened here: open {path} by yourself")
