"""`audioforge compare`: runs beside each other."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioforge.cli.local_path import LocalPath
from audioforge.cli.page_file import check_page
from audioforge.terminal.console import print_json, print_line, print_note, print_table
from audioforge.terminal.escapes import one_line
from audioforge.terminal.figures import measured, measured_interval, point_interval

if TYPE_CHECKING:
    from audioforge.comparison.comparison import ComparedSet, Comparison
    from audioforge.comparison.figures import Difference, Figure

EXAMPLE = """\b
  audioforge compare runs/raft runs/random
  audioforge compare runs/raft runs/random runs/reference --html compared.html
"""

WIDTH = 80

NO_BREAK = "\N{NO-BREAK SPACE}%"
"""Keeps a number and its sign on one line."""


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN RUN…", type=click.Path(path_type=Path)
)
@click.option(
    "--utterances",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many utterances on which they differ are printed; JSON has all, HTML the 5,000 of "
    "each pair that differ most.",
)
@click.option(
    "--html",
    type=LocalPath(dir_okay=False),
    help="Write a page with all of it, which any browser shows; it takes the place of an old one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def compare(runs: tuple[Path, ...], utterances: int, html: Path | None, as_json: bool) -> None:
    """Compare runs: settings, metrics, and the utterances on which they differ.

    RUN is a finished run's folder, the folder of runs of several seeds (the mean of these is
    compared), or what benchmark --output wrote. Exported models are compared on the utterances that
    all were measured on, in pairs, with 95 % intervals.
    """
    if len(runs) < 2:
        raise click.UsageError("name two runs or more")
    if html is not None:
        check_page("--html", html)
    from audioforge.comparison.comparison import compare as compare_folders

    comparison = compare_folders(runs)
    if html is not None:
        from audioforge.comparison.page import comparison_page
        from audioforge.files import atomic

        atomic.write_text(html, comparison_page(comparison, html.absolute().parent))
    if as_json:
        print_json(comparison.as_mapping())
    else:
        _print(comparison, utterances)
    if html is not None:
        print_note(f"page: {html}")


def _print(comparison: Comparison, most: int) -> None:
    from audioforge.comparison.wording import caveats, verdicts

    names = [entry.name for entry in comparison.entries]
    if comparison.settings:
        rows = [
            [name, *("" if value is None else value for value in values)]
            for name, values in comparison.settings.items()
        ]
        print_table(["settings that differ", *names], rows)
    else:
        print_line("No setting differs.")
    for one in comparison.sets:
        print_line()
        print_line(f"{one.name[:1].upper()}{one.name[1:]}: {len(one.ids):,} utterances", "bold")
        _print_figures(one)
        print_line()
        for sentence in verdicts(comparison, one):
            _print_sentence(sentence)
    print_line()
    for sentence in caveats(comparison):
        _print_sentence(sentence)
    _print_utterances(comparison, most)


def _print_figures(one: ComparedSet) -> None:
    from audioforge.comparison.wording import fewer_utterances, title

    decides = next(iter(one.figures[0].exported))
    rows = []
    for figures in one.figures:
        rows.append(
            [
                figures.name,
                *_cells(decides, figures.base.get(decides)),
                *_cells(decides, figures.exported[decides]),
                _gain(figures.gain),
            ]
        )
    heads = [title(decides), "base", "95 % ", "exported", "95 %", "change, points"]
    print_table(heads, rows, right=heads[1:])
    if fewer := fewer_utterances(one, decides):
        print_line(f"{title(decides)} is of {fewer}.")
    for name in list(one.figures[0].exported)[1:]:
        rows = [
            [f.name, *_cells(name, f.base.get(name)), *_cells(name, f.exported[name])]
            for f in one.figures
        ]
        print_line()
        print_table([title(name), *heads[1:5]], rows, right=heads[1:5])
        if fewer := fewer_utterances(one, name):
            print_line(f"{title(name)} is of {fewer}.")


def _gain(gain: Difference | None) -> str:
    """Return the bounds of a difference to the base; nothing where there is none."""
    return "" if gain is None or not gain.value else point_interval(*gain.interval)


def _cells(metric: str, figure: Figure | None) -> list[str]:
    if figure is None or figure.interval is None:
        return ["", ""]
    return [measured(metric, figure.value), measured_interval(metric, *figure.interval)]


def _print_utterances(comparison: Comparison, most: int) -> None:
    from audioforge.comparison.wording import counted, shown_models

    one = comparison.sets[0]
    found = one.utterances
    print_line()
    count = min(most, len(found))
    shown = f"; the {count} where they differ most:" if count else "."
    print_line(f"They differ on {len(found):,} of {len(one.ids):,} utterances{shown}", "bold")
    names = [entry.name for entry in comparison.entries]
    if count:
        _print_sentence(shown_models(comparison, one))
    for utterance in found[:most]:
        print_line()
        speaker = utterance.line.get("speaker")
        by = f" ({one_line(str(speaker))})" if speaker else ""
        print_line(f"{one_line(utterance.identity)}{by}")
        rows = [("right", str(utterance.line.get("text") or ""))]
        said = [*((("base", utterance.base),) if utterance.base else ())]
        said += zip(names, utterance.said, strict=True)
        rows += [(name, f"{one.text}  [{counted(one, comparison.metric)}]") for name, one in said]
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            _print_sentence(one_line(text), head=f"  {name:{width}}  ")


def _print_sentence(text: str, head: str = "") -> None:
    """Print text of which no word is broken, at 80 columns."""
    lines = textwrap.wrap(
        text.replace(" %", NO_BREAK),
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines or [head]:
        print_line(line.replace(NO_BREAK, " %"))
