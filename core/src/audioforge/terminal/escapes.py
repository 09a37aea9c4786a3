"""Text from outside, made safe to show: it cannot move the cursor or pass for another line."""

from __future__ import annotations

import json
import re

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but newline and tab
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the reading order
    "\u2028\u2029"  # ends of lines
    "\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible
    "\ud800-\udfff"  # halves of a surrogate pair
    "]"
)
"""What can move the cursor, or make a line look like another one. Joiners of letters (U+200C and
U+200D), without which Persian and emoji look wrong, are left."""


def escape_controls(text: str) -> str:
    r"""Return text whose control characters are spelt out; newlines and tabs stay.

    >>> escape_controls("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _UNSAFE.sub(lambda match: repr(match.group())[1:-1], text)


def one_line(text: str) -> str:
    r"""Return text for one line: like `escape_controls`, and newlines and tabs are spelt out too.

    >>> one_line("a\nb")
    'a\\nb'
    """
    return escape_controls(text).replace("\n", "\\n").replace("\t", "\\t")


def escape_json(text: str) -> str:
    r"""Return JSON whose control characters are spelt as JSON spells them: it says the same.

    >>> escape_json('"a\x9bb"')
    '"a\\u009bb"'
    """
    return _UNSAFE.sub(lambda match: json.dumps(match.group())[1:-1], text)
