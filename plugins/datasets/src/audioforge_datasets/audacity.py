r"""Label tracks of Audacity: lines of `start<TAB>end<TAB>text`, in seconds.

A line that starts with a backslash gives the frequencies of the label before it, and is left out. A
label without text is a clip whose text is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from audioforge.files.text_lines import read_lines
from audioforge.sample import Problem

_LABEL = re.compile(r"(\d+(?:[.,]\d+)?)\t(\d+(?:[.,]\d+)?)(?:\t(.*))?")
FREQUENCIES = "\\"


def is_label_track(path: Path, lines: Sequence[str]) -> bool:
    """Say whether a text file is a label track: every line is a label."""
    labels = [line for line in lines if not line.startswith(FREQUENCIES)]
    return path.suffix.lower() == ".txt" and bool(labels) and all(map(_LABEL.fullmatch, labels))


def label_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | Problem]]:
    """Yield the place and content of each label: offset, duration and text.

    Raises:
        DatasetError: If the file cannot be read or is not UTF-8.
    """
    for number, line in enumerate(read_lines(path), 1):
        label = _LABEL.fullmatch(line.rstrip("\r\n"))
        if label is None:
            continue
        where = f"{path}:{number}"
        start, end = (float(label[group].replace(",", ".")) for group in (1, 2))
        if end <= start:
            reason = f"the label at {start:g} s has no length; draw it over what is spoken"
            yield where, Problem(where, reason, "bad duration")
            continue
        text = (label[3] or "").strip() or None
        yield where, {"offset": start, "duration": round(end - start, 6), "text": text}
