"""Cuts, recordings and supervisions of Lhotse, read as rows without its library.

A cut is a clip for each of its supervisions, at the time that the supervision has, as
`trim_to_supervisions` makes them; without any it is one clip of which nothing is known.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from audioforge.sample import Problem

from .roots import Root

Row = Mapping[str, Any]

KEPT_TRANSFORMS = ("Resample",)
"""Changes of a recording that leave what is heard as it is."""


class UnreadableCutError(Exception):
    """A cut or recording whose sound cannot be had."""


def is_cut(value: Row) -> bool:
    """Say whether an object is a cut."""
    return isinstance(value.get("type"), str) and value["type"].endswith("Cut") and "id" in value


def cut_rows(cut: Row, where: str, root: Root) -> Iterator[Row | Problem]:
    """Yield a row for each supervision of a cut, or the problem that makes it unusable."""
    try:
        yield from _cut_rows(cut, root)
    except UnreadableCutError as error:
        yield Problem(where, str(error), "unreadable cut")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield Problem(where, f"no cut as Lhotse writes it: {error!r:.80}", "unreadable cut")


def _cut_rows(cut: Row, root: Root) -> Iterator[Row]:
    if cut["type"] not in ("MonoCut", "MultiCut", "DataCut"):
        raise UnreadableCutError(
            f"a {cut['type']} is a mix or a pause, made when it is read: save its sound with "
            f"lhotse (cuts.save_audios), and give the cuts that it returns"
        )
    if not cut.get("recording"):
        raise UnreadableCutError("it holds features and no sound; give cuts with recordings")
    start, length = float(cut.get("start", 0.0)), float(cut["duration"])
    supervisions = cut.get("supervisions") or []
    for number, supervision in enumerate(supervisions or [{}]):
        named = str(cut["id"]) if len(supervisions) < 2 else f"{cut['id']}-{number}"
        first = max(0.0, float(supervision.get("start", 0.0)))
        last = min(length, float(supervision.get("start", 0.0)) + _length(supervision, length))
        yield {
            **(cut.get("custom") or {}),
            **recording_row(cut["recording"], supervision.get("channel", cut.get("channel")), root),
            **supervision_row(supervision),
            "id": named,
            "offset": round(start + first, 6),
            "duration": round(last - first, 6),
        }


def _length(supervision: Row, otherwise: float) -> float:
    return float(supervision.get("duration", otherwise))


def supervision_row(supervision: Row) -> Row:
    """Return what a supervision says of a clip, but for where it is."""
    kept = ("text", "speaker", "language", "gender")
    found = {key: supervision[key] for key in kept if supervision.get(key) is not None}
    return {**(supervision.get("custom") or {}), **found}


def recording_row(recording: Row, channel: Any, root: Root) -> Row:
    """Return where the sound of a recording is.

    Args:
        recording: The recording.
        channel: Number of the channel, from 0, or several of them, or None for all.
        root: Where relative paths start.

    Raises:
        UnreadableCutError: If the sound is not in one file, is changed when it is read, or is the
            output of a command, which is never run.
    """
    transforms = [t.get("name", t) for t in recording.get("transforms") or []]
    if changing := [name for name in transforms if name not in KEPT_TRANSFORMS]:
        raise UnreadableCutError(
            f"its recording is changed when it is read ({changing[0]}): save it with lhotse "
            f"(cuts.save_audios), and give the cuts that it returns"
        )
    channels = channel if isinstance(channel, list) else [channel]
    sources = [s for s in recording["sources"] if channel is None or {*channels} & {*s["channels"]}]
    if len(sources) != 1:
        raise UnreadableCutError(
            f"its sound is in {len(sources)} files; write the channels to one file"
        )
    [source] = sources
    wanted = {*channels} & {*source["channels"]}
    if 1 < len(wanted) < len(source["channels"]):
        raise UnreadableCutError(
            f"it has {len(wanted)} of the {len(source['channels'])} channels of its file; write "
            f"those to a file of their own"
        )
    row: dict[str, Any] = {"recording_id": recording["id"], "audio_filepath": _audio(source, root)}
    if len(wanted) == 1 and len(source["channels"]) > 1:
        row["channel"] = source["channels"].index(*wanted)
    return row


def _audio(source: Row, root: Root) -> Any:
    kind, place = source["type"], source["source"]
    if kind == "url":
        return place
    if kind == "memory":
        try:
            return {"bytes": base64.b64decode(place, validate=True), "path": None}
        except binascii.Error as error:
            raise UnreadableCutError(f"its sound in memory is damaged: {error}") from error
    if kind != "file":
        raise UnreadableCutError(
            f"its sound is the output of a {kind} ({place!r:.60}), and AudioForge runs none: write "
            f"it to a file, and name that"
        )
    return root.place(place)
