"""`audioforge report`: the page of a run, made anew from its folder."""

from __future__ import annotations

from pathlib import Path

import click

from audioforge.errors import UsageError
from audioforge.terminal.console import print_json, print_line

PAGES = {".html", ".htm"}
"""How the name of a page ends."""

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
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="File; RUN/report.html."
)
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
        _check_output(output)
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


def _check_output(path: Path) -> None:
    """Refuse what would write over something else than a page, or has no folder.

    Raises:
        UsageError: Saying which.
    """
    if path.suffix not in PAGES:
        raise UsageError(f"--output {path}: a page's name ends in .html; name another file")
    if not path.absolute().parent.is_dir():
        raise UsageError(
            f"--output {path}: there is no folder {path.parent}; make it, or name another file"
        )
