"""Lines folded between words to the width of a terminal."""

from __future__ import annotations

import textwrap


def folded(text: str, width: int, indent: int | None = None) -> list[str]:
    """Return text in lines that break no word; one that is longer than a line stays whole.

    >>> folded("  a path is one word: /home/me/runs/mine", 20)
    ['  a path is one', '  word:', '  /home/me/runs/mine']

    Args:
        text: Lines of words.
        width: Of the terminal, in columns.
        indent: Blanks before what goes on; None for as many as the line begins with.
    """
    lines = []
    for line in text.split("\n"):
        blanks = len(line) - len(line.lstrip(" ")) if indent is None else indent
        wrapper = textwrap.TextWrapper(
            width=width,
            subsequent_indent=" " * min(blanks, width // 2),
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += wrapper.wrap(line) or [""]
    return lines
