"""The tracker `tensorboard`: event files in the run folder, for `tensorboard --logdir runs`."""

from __future__ import annotations

import re
from typing import Any

from accelerate.tracking import GeneralTracker, TensorBoardTracker

from audioforge.tracker import TrackedRun
from audioforge.trackers.accelerated import AcceleratedTracker, ShownOptions
from audioforge.trackers.sound import RATE_HZ
from audioforge.trackers.tables import Table
from audioforge.trackers.told import Told

_MARKED = re.compile(r"[^\w\s.,;:'\"/()=+-]")
"""What Markdown or HTML may take for more than a letter."""


class TensorBoard(AcceleratedTracker):
    """Writes event files to `trackers/tensorboard/` of the run folder.

    Args:
        utterances: See `ShownOptions`, as `sound`.
        sound: How many can be heard.
    """

    name = "tensorboard"

    def __init__(self, *, utterances: int, sound: int) -> None:
        """Import TensorBoard."""
        super().__init__(ShownOptions(utterances=utterances, sound=sound))

    def _wrapped(self, run: TrackedRun, told: Told) -> GeneralTracker:
        return TensorBoardTracker("tensorboard", run.folder / "trackers")

    def _show(self, table: Table, step: int) -> None:
        writer = self.tracker.tracker
        writer.add_text(table.name, markdown(table), step)
        for sound in table.new_sounds:
            writer.add_audio(f"sound/{sound.name}", sound.waveform, step, RATE_HZ)
        writer.flush()


def markdown(table: Table) -> str:
    """Return a table in Markdown, in which text from outside is nothing but text."""
    lines = [
        table.columns,
        ["---"] * len(table.columns),
        *([_cell(v) for v in r] for r in table.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return _MARKED.sub(lambda match: f"&#{ord(match.group())};", text)
