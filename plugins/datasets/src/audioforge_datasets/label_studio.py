"""Exports of Label Studio (JSON): a row for each transcribed region of a task, or for the task.

A region has start and end and a text of its own; a text without a region is that of the whole
recording, and so is a choice, which is a class label. Sound that was uploaded is looked for beside
the export, by its name there and by the one that it had before (`1a2b3c4d-a.wav` was `a.wav`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from audioforge.sample import Problem

from . import columns
from .roots import Root

Row = Mapping[str, Any]

UPLOADED, LOCAL = "/data/upload/", "/data/local-files/"
_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")


def is_task(value: Row) -> bool:
    """Say whether an object is a task with what people said of it."""
    return isinstance(value.get("data"), dict) and isinstance(value.get("annotations"), list)


def task_rows(task: Row, where: str, root: Root) -> Iterator[Row | Problem]:
    """Yield a row for each region of a task, or the problem that makes it unusable."""
    try:
        yield from _task_rows(task, where, root)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        yield Problem(where, f"no task as Label Studio exports it: {error!r:.80}", "bad task")


def _task_rows(task: Row, where: str, root: Root) -> Iterator[Row | Problem]:
    data = task["data"]
    column = columns.first_present(columns.AUDIO, data)
    if column is None:
        keys = ", ".join(map(str, data)) or "none"
        yield Problem(where, f"its data name no sound file; the keys are: {keys}", "missing path")
        return
    other = {key: value for key, value in data.items() if key != column}
    named = other | {"audio_filepath": sound_path(data[column], root), "task": task.get("id")}
    given = [a for a in task["annotations"] if not a.get("was_cancelled")]
    best = [a for a in given if a.get("ground_truth")] or given
    if len({str(_told(a)) for a in best}) > 1:
        reason = (
            f"{len(best)} people annotated it, and not alike; mark the one that is right as ground "
            f"truth, and export again"
        )
        yield Problem(where, reason, "two texts")
        return
    for told in _told(best[0]) if best else [{}]:
        yield {**named, **told}


def _told(annotation: Row) -> list[Row]:
    """Return what an annotation says: of each region in its order, or of the whole recording."""
    whole: dict[str, Any] = {}
    regions: dict[str, dict[str, Any]] = {}
    for result in annotation["result"]:
        value = result["value"]
        has_times = value.get("start") is not None and value.get("end") is not None
        row = regions.setdefault(result["id"], _times(value)) if has_times else whole
        if result["type"] == "textarea":
            text = value["text"]
            row["text"] = text if isinstance(text, str) else " ".join(text)
        elif result["type"] in ("choices", "labels"):
            row["label"] = value[result["type"]]
    if not any("text" in row for row in regions.values()) and "text" in whole:
        return [whole]  # the regions say something else, such as who speaks
    ordered = sorted(regions.values(), key=lambda row: (row["offset"], row["duration"]))
    return [whole | row for row in ordered] or [whole]


def _times(value: Row) -> dict[str, Any]:
    start, end = float(value["start"]), float(value["end"])
    return {"offset": start, "duration": round(end - start, 6)}


def sound_path(address: str, root: Root) -> str:
    """Return where the sound of a task is, as a row names it: a path, or an address of the web."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    if path.startswith(LOCAL):
        return root.place(parse_qs(parts.query)["d"][0])
    if not path.startswith(UPLOADED):
        return address if parts.netloc else root.place(address)
    name = PurePosixPath(path).name
    names = (path.removeprefix(UPLOADED), name, _PREFIX.sub("", name))
    return next(filter(None, map(root.find, names)), name)
