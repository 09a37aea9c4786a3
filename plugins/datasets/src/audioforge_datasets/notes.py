"""What a user is told of how data are read: once, however often that is."""

from __future__ import annotations

import os
from functools import cache

from audioforge.terminal.console import print_note
from audioforge.terminal.escapes import one_line


@cache
def say(sentence: str) -> None:
    """Say something once, by the first of several processes."""
    if sentence and os.environ.get("RANK", "0") == "0":
        print_note(one_line(sentence))
