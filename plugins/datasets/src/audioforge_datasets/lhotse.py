"""Folders of Lhotse: `cuts.jsonl.gz`, or recordings with their supervisions.

The files are read as they are, line by line, without Lhotse's library. A folder with several of
them, such as `librispeech_cuts_train-clean-100.jsonl.gz`, has as many splits, called as what
follows after the kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.json_lines import read_objects
from audioforge.sample import AudioSample, Problem

from .json_rows import read_rows
from .lhotse_cuts import UnreadableCutError, recording_row, supervision_row
from .roots import Root
from .rows import RowReader
from .settings import DEFAULT_SPLIT, choose_split, refuse_settings

_NAME = re.compile(
    r"(?P<before>.*?)(?P<kind>cuts|supervisions|recordings)[_.-]*(?P<split>.*?)\.jsonl(\.gz|\.zst)?"
)


class Lhotse(Dataset):
    """One split of one folder, or one file of cuts or supervisions."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the folder or a file in it."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each supervision, and each cut without any.

        Raises:
            DatasetError: If a file cannot be read, the recordings are missing, or there is no such
                split.
        """
        place = Path(self._request.location)
        refuse_settings(self._request, ["data_dir"], "give the folder itself")
        if place.is_file():
            because = "a file has one split; give the file of the split you want, or the folder"
            refuse_settings(self._request, ["split"], because)
            path = place
        else:
            files = _by_split(place)
            path = files[choose_split(self._request.split, files, str(place))]
        name = _NAME.fullmatch(path.name)
        reader = RowReader(self._request, path.parent)
        is_list = name is not None and name["kind"] != "cuts"
        for number, where, row in _joined(path) if is_list else read_rows(path):
            yield row if isinstance(row, Problem) else reader.read(row, where, number)


def _by_split(folder: Path) -> dict[str, Path]:
    """Return the file of each split: cuts before supervisions before recordings alone."""
    files: dict[str, Path] = {}
    for kind in ("cuts", "supervisions", "recordings"):
        for path in sorted(folder.glob(f"*{kind}*.jsonl*")):
            name = _NAME.fullmatch(path.name)
            if name is not None and name["kind"] == kind:
                files.setdefault(name["split"] or DEFAULT_SPLIT, path)
    return files


def _joined(path: Path) -> Iterator[tuple[int, str, Mapping[str, Any] | Problem]]:
    """Yield supervisions with their recordings; recordings alone where there are no supervisions.

    Raises:
        DatasetError: If the other file is missing.
    """
    recordings = path.with_name(path.name.replace("supervisions", "recordings"))
    supervisions = path.with_name(path.name.replace("recordings", "supervisions"))
    if not recordings.is_file():
        raise DatasetError(f"{path}: needs {recordings.name} beside it, which says where sound is")
    root = Root(path.parent)
    if not supervisions.is_file():
        for number, where, row in read_objects(recordings):
            yield number, where, row if isinstance(row, Problem) else _alone(row, where, root)
        return
    rows = (row for _, _, row in read_objects(recordings))
    known = {row["id"]: row for row in rows if not isinstance(row, Problem) and "id" in row}
    for number, where, row in read_objects(supervisions):
        yield number, where, row if isinstance(row, Problem) else _spoken(row, known, where, root)


def _alone(recording: Mapping[str, Any], where: str, root: Root) -> Mapping[str, Any] | Problem:
    try:
        return {"id": recording["id"], **recording_row(recording, None, root)}
    except UnreadableCutError as error:
        return Problem(where, str(error), "unreadable cut")
    except (KeyError, TypeError, AttributeError) as error:
        return Problem(where, f"no recording as Lhotse writes it: {error!r:.80}", "unreadable cut")


def _spoken(
    supervision: Mapping[str, Any], known: Mapping[str, Any], where: str, root: Root
) -> Mapping[str, Any] | Problem:
    try:
        recording = known.get(supervision["recording_id"])
        if recording is None:
            reason = f"no recording is called {supervision['recording_id']!r:.60}"
            return Problem(where, reason, "missing audio")
        return {
            **recording_row(recording, supervision.get("channel"), root),
            **supervision_row(supervision),
            "id": supervision["id"],
            "offset": supervision["start"],
            "duration": supervision["duration"],
        }
    except UnreadableCutError as error:
        return Problem(where, str(error), "unreadable cut")
    except (KeyError, TypeError, AttributeError) as error:
        return Problem(
            where, f"no supervision as Lhotse writes it: {error!r:.80}", "unreadable cut"
        )
