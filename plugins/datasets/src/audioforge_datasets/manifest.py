"""Manifests as NeMo writes them: one JSON object a line.

Keys: `audio_filepath` (relative to the manifest's folder, or absolute), `text`, and where known
`duration` and `offset` in seconds, `speaker`, `lang` or `language`, `label`, `id`. Others are kept
as metadata. A manifest is read line by line, however long it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.sample import AudioSample, Problem

from .rows import RowReader, UnusableRowError
from .settings import refuse_settings
from .text_file import read_lines


class Manifest(Dataset):
    """One manifest."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the manifest."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each line that is not blank.

        Raises:
            DatasetError: If the file cannot be read, is not UTF-8 or holds nothing, or if no line
                has the key that the user names.
        """
        path = Path(self._request.location)
        because = "a manifest has one split; give the manifest of the split you want"
        refuse_settings(self._request, ["split"], because)
        refuse_settings(self._request, ["data_dir"], "paths start at the manifest's own folder")
        reader = RowReader(self._request, path.parent)
        yield from read_json_lines(path, reader)


def read_json_lines(path: Path, reader: RowReader) -> Iterator[AudioSample | Problem]:
    """Yield what a reader makes of a file of JSON lines.

    Raises:
        DatasetError: As `Manifest.load` does.
    """
    named = set(filter(None, (reader.request.text_column, reader.request.label_column)))
    keys: set[str] = set()
    rows = 0
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        rows += 1
        where = f"{path}:{number}"
        try:
            row = _parse(line)
        except UnusableRowError as error:
            yield Problem(where, str(error), error.kind)
            continue
        if not named <= keys:
            keys |= row.keys()
        yield reader.read(row, where, number)
    if not rows:
        raise DatasetError(f"{path}: the file is empty; a manifest has one JSON object a line")
    if missing := sorted(named - keys):
        raise DatasetError(
            f"{path}: no line has the key {missing[0]!r}. The keys are: {', '.join(sorted(keys))}"
        )


def _parse(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:  # its own line number counts within this one line
        reason = f"not JSON: {error.msg} at column {error.pos + 1}"
        raise UnusableRowError("bad JSON", reason) from error
    except (ValueError, RecursionError) as error:
        raise UnusableRowError("bad JSON", f"not JSON: {error}") from error
    if not isinstance(row, dict):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(type(row), "a number")
        raise UnusableRowError("not an object", f"expected a JSON object {{…}}, not {kind}")
    return row
