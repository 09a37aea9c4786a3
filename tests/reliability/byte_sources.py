"""The same clips as a manifest and as sources that hand their sound over as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from .tone_run import read_lines, write_lines

SOUND = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
ROLES = ("train", "heldout", "other")


def write_manifests(inputs: Path, folder: Path, identity: str) -> None:
    """Write each role's clips as a manifest, with ids that the roles have in common.

    Args:
        inputs: Where `write_inputs` has written them.
        folder: Where to write.
        identity: An id, with `{}` for the number of the row, from 1.
    """
    folder.mkdir()
    for role in ROLES:
        lines = read_lines(inputs / f"{role}.jsonl")
        for number, line in enumerate(lines, 1):
            line["id"] = identity.format(number)
            line["audio_filepath"] = str(inputs / line["audio_filepath"])
        write_lines(folder / f"{role}.jsonl", lines)


def write_parquets(manifests: Path, folder: Path, *, with_ids: bool) -> None:
    """Write what manifests name as Parquet files that hold the sound and no path."""
    folder.mkdir()
    for role in ROLES:
        lines = read_lines(manifests / f"{role}.jsonl")
        sound = [{"bytes": Path(line["audio_filepath"]).read_bytes()} for line in lines]
        columns: dict[str, Any] = {
            "audio": pyarrow.array([{**s, "path": None} for s in sound], SOUND),
            "text": [line["text"] for line in lines],
        }
        if with_ids:
            columns["id"] = [line["id"] for line in lines]
        parquet.write_table(pyarrow.table(columns), folder / f"{role}.parquet")


def roles(folder: Path, suffix: str) -> dict[str, Any]:
    """Return the settings that name the datasets of a folder, one for each role."""
    return {
        "dataset": str(folder / f"train.{suffix}"),
        "eval_dataset": str(folder / f"heldout.{suffix}"),
        "retention_dataset": [str(folder / f"other.{suffix}")],
        "test_dataset": str(folder / f"other.{suffix}"),
    }


def said(run: Path) -> dict[str, Any]:
    """Return what the model of a run said of every clip, by file and id."""
    texts: dict[str, Any] = {}
    for path in sorted(run.rglob("*.jsonl")):
        for line in read_lines(path):
            key = f"{path.relative_to(run)} {line.get('id')}"
            if "hypotheses" in line:
                texts[key] = [(h["text"], h["reward"], h["kept"]) for h in line["hypotheses"]]
            elif "pred_text" in line:
                texts[key] = (line["pred_text"], line["text"])
    return texts


def weights(run: Path) -> dict[str, bytes]:
    """Return the weights that a run has written, by file."""
    found = sorted(run.rglob("*.safetensors"))
    return {str(path.relative_to(run)): path.read_bytes() for path in found}
