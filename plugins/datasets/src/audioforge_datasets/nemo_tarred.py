"""Tarred datasets of NeMo: a manifest whose lines say in which `audio_N.tar` their sound is.

The manifest is `tarred_audio_manifest.json`, or lies in parts in `sharded_manifests/`. NeMo calls
the shards together `audio__OP_0..N_CL_.tar`; give their folder, or the manifest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from audioforge.dataset import Dataset, DatasetRequest
from audioforge.errors import DatasetError
from audioforge.files.json_lines import read_objects
from audioforge.sample import AudioSample, Problem

from .rows import RowReader
from .settings import location_of, refuse_settings
from .tars import members

MANIFEST, PARTS = "tarred_audio_manifest.json", "sharded_manifests/manifest_*.json"
Placed = tuple[int, str, dict[str, Any]]


class NemoTarred(Dataset):
    """One tarred dataset."""

    def __init__(self, request: DatasetRequest) -> None:
        """Take the request; its location is the folder or the manifest in it."""
        self._request = request

    def load(self) -> Iterator[AudioSample | Problem]:
        """Yield a sample or a problem for each line, shard by shard.

        Raises:
            DatasetError: If the manifest or a shard is missing or cannot be read.
        """
        place = location_of(self._request)
        because = "a tarred dataset has one split; give the folder of the split you want"
        refuse_settings(self._request, ["split", "data_dir"], because)
        folder = place if place.is_dir() else place.parent
        whole = folder / MANIFEST
        manifests = [whole] if whole.is_file() else sorted(folder.glob(PARTS), key=_number)
        reader = RowReader(self._request, None)
        for manifest in manifests:
            rows = read_objects(manifest)
            for shard, lines in groupby(rows, lambda line: _shard(line[2])):
                if shard is None:
                    yield from (_without_shard(where, row) for _, where, row in lines)
                    continue
                placed = [(n, where, row) for n, where, row in lines if isinstance(row, dict)]
                yield from _read_shard(folder / f"audio_{shard}.tar", placed, reader)


def _number(path: Path) -> int:
    digits = re.search(r"(\d+)\.json$", path.name)
    return int(digits[1]) if digits else 0


def _shard(row: dict[str, Any] | Problem) -> int | None:
    shard = None if isinstance(row, Problem) else row.get("shard_id")
    return shard if isinstance(shard, int) else None


def _without_shard(where: str, row: dict[str, Any] | Problem) -> Problem:
    if isinstance(row, Problem):
        return row
    return Problem(where, "it has no shard_id, the number of its tar file", "missing path")


def _member_of(row: dict[str, Any]) -> str:
    """Return the name of the file that holds a clip.

    Of several clips of one file, NeMo calls the second `a-sub1.wav`. Where a line still has an
    offset, they are parts of the whole file.
    """
    name = str(row.get("audio_filepath"))
    return name if row.get("offset") is None else re.sub(r"-sub\d+(?=\.[^.]+$)", "", name)


def _read_shard(
    path: Path, lines: list[Placed], reader: RowReader
) -> Iterator[AudioSample | Problem]:
    """Yield the samples of one shard, in the order of its members, then what it does not hold."""
    if not path.is_file():
        raise DatasetError(f"{path}: the manifest has clips in this shard, and it is not there")
    wanted: dict[str, list[Placed]] = defaultdict(list)
    for line in lines:
        wanted[_member_of(line[2])].append(line)
    for member in members(path):
        for number, where, row in wanted.pop(member.name.removeprefix("./"), ()):
            name = row.pop("audio_filepath")
            if member.content is None:
                yield Problem(where, f"{name} is larger than 1 GiB; cut it into clips", "too long")
                continue
            sound = {"bytes": member.content, "path": name}
            yield reader.read({**row, "audio_filepath": sound}, where, number)
    for missing in wanted.values():
        for _, where, row in missing:
            reason = f"{path.name} holds no file {row.get('audio_filepath')!r:.80}"
            yield Problem(where, reason, "missing audio")
