"""Names that say which split a folder or a file is, and never what it holds."""

from __future__ import annotations

import re

SPLITS = {
    *("train", "training", "test", "testing", "validation", "valid", "val", "dev"),
    *("eval", "evaluation", "heldout"),
}


def is_split(name: str) -> bool:
    """Say whether a name is that of a split, or starts with one as a word of its own.

    >>> [is_split(name) for name in ("train", "Test", "dev-clean", "trainers")]
    [True, True, True, False]
    """
    return re.split(r"[^a-z]", name.lower(), maxsplit=1)[0] in SPLITS


def split_in(name: str) -> str | None:
    """Return the word of a file's name that is a split, if one is.

    >>> split_in("digits-train-000001.tar"), split_in("shard-000001.tar")
    ('train', None)
    """
    words = re.split(r"[^a-z]+", name.lower())
    return next((word for word in words if word in SPLITS), None)
