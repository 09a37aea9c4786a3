"""What sections are made of: key figures, tables, charts with their numbers, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audioforge.report.markup import Content, Markup, data_script, joined, page_json, tag

Option = Mapping[str, Any]
"""What ECharts draws, as its documentation describes it; colours and fonts come from the page."""


def tiles(figures: Mapping[str, tuple[Content, Content]]) -> Markup:
    """Return key figures side by side, each a value and a note below it."""
    return tag(
        "dl",
        *(
            tag("div", tag("dt", name), tag("dd", value, tag("small", note)))
            for name, (value, note) in figures.items()
        ),
        class_="tiles",
    )


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[Content]], words: int = 1
) -> Markup:
    """Return a table, which scrolls by itself where it is too wide.

    Args:
        caption: What it is of, for those who cannot see where it stands.
        heads: Heads of the columns; the first column names the row.
        rows: Its cells.
        words: How many columns, from the first, hold words; the others hold numbers.
    """
    side = ["words" if index < words else "number" for index in range(len(heads))]
    head = (tag("th", text, scope="col", class_=s) for text, s in zip(heads, side, strict=True))
    body = (
        tag(
            "tr",
            tag("th", row[0], scope="row", class_="words"),
            *(tag("td", cell, class_=s) for cell, s in zip(row[1:], side[1:], strict=True)),
        )
        for row in rows
    )
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *head)),
        tag("tbody", *body),
    )
    return tag("div", made, class_="scroll", role="region", aria_label=caption, tabindex="0")


def chart(title: str, told: str, option: Option, numbers: Markup) -> Markup:
    """Return a figure that the page's script draws, with what it shows in words and numbers.

    Args:
        title: What it shows.
        told: What is to be seen in it, in a sentence, also for who cannot see it.
        option: What is drawn; see `charts`.
        numbers: A table of the same.
    """
    drawn = tag(
        "div",
        class_="chart",
        role="img",
        aria_label=f"{title}. {told}",
        data_chart=page_json(option),
    )
    return tag(
        "figure",
        tag("figcaption", tag("strong", title), " ", told),
        drawn,
        details("The numbers", numbers),
    )


def side_by_side(*figures: Content) -> Markup:
    """Return figures in columns, where there is room for them."""
    return tag("div", *figures, class_="columns")


def details(summary: str, *content: Content) -> Markup:
    """Return content that is shown when its summary is pressed."""
    return tag("details", tag("summary", summary), *content)


def notes(sentences: Sequence[Content], kind: str = "note") -> Markup:
    """Return sentences as a list; nothing where there is none.

    Args:
        sentences: The sentences.
        kind: "note" or "warning".
    """
    if not sentences:
        return Markup("")
    return tag("ul", *(tag("li", sentence) for sentence in sentences), class_=kind)


def paragraph(*content: Content, kind: str | None = None) -> Markup:
    """Return a paragraph."""
    return tag("p", joined(*content), class_=kind)


def utterances(sets: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the table of utterances, to sort, search and filter; the page's script makes it.

    Args:
        sets: Each with `name`, `note` (a sentence above it), `unit` ("errors" or another word for
            what is counted of an output), `outputs` (a name for each column) and `rows`. A row has
            `id`, `reference`, `outputs` (each null, or `text`, `errors` as [substitutions,
            deletions, insertions], `right`, `reward`, `sound`, `badges`), `change` (what is gained,
            above 0 where it is better), and may have `speaker`, `language`, `seconds`, `metadata`,
            `sound` (a data: or file: URI, or a path beside the page), and `steps`, what a cycle
            said: a `name` and an output, or a `name` and `hypotheses`, each an output with
            `reward`, `scores`, `logprob` and `kept`.
    """
    return joined(
        tag("div", tag("p", "This table needs JavaScript."), id="utterances"),
        *(data_script(f"utterances-{number}", one["rows"]) for number, one in enumerate(sets)),
        data_script(
            "utterances-sets",
            [
                {"count": len(one["rows"])} | {k: v for k, v in one.items() if k != "rows"}
                for one in sets
            ],
        ),
    )
