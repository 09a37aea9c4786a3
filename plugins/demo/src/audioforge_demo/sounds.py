"""What a voice said before and after, as files to listen to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

TEXTS = 10
"""The first held-out texts, whatever became of them."""


def write_sounds(run: Path, last: int) -> Path:
    """Put what the base and a trained cycle say of the first held-out texts side by side.

    Args:
        run: Folder of a finished run of text to speech.
        last: The cycle.

    Returns:
        The folder of FLAC files, in the run folder.
    """
    folder = run / "sounds"
    folder.mkdir(exist_ok=True)
    for number, (when, cycle) in enumerate((("before", 0), ("after", last)), start=1):
        beside = run / f"cycle-{cycle:02d}"
        lines = (beside / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        for said in map(json.loads, sorted(lines)[:TEXTS]):
            name = f"{said['text'].replace(' ', '-')}-{number}-{when}.flac"
            shutil.copyfile(beside / said["pred_audio"], folder / name)
    return folder
