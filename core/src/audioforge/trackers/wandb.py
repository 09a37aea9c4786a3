"""The tracker `wandb`: a run of Weights & Biases; WANDB_MODE=offline keeps it on this machine."""

from __future__ import annotations

import os

from accelerate.tracking import GeneralTracker, WandBTracker
from attrs import frozen

from audioforge.tracker import TrackedRun
from audioforge.trackers.accelerated import AcceleratedTracker, ShownOptions, name_of
from audioforge.trackers.sound import RATE_HZ, Sound
from audioforge.trackers.tables import Table
from audioforge.trackers.told import Told


@frozen(kw_only=True)
class WandbOptions(ShownOptions):
    """Options of `wandb`.

    Attributes:
        project: Project of Weights & Biases.
        entity: Whose project; that of the account unless given.
        utterances: Held-out utterances, and clips of which the hypotheses are shown.
        sound: How many of these utterances can be heard too; 0 uploads no recording.
    """

    project: str = "audioforge"
    entity: str | None = None


class Wandb(AcceleratedTracker):
    """A run of Weights & Biases.

    Args:
        project: Project of Weights & Biases.
        entity: Whose project; None for the account's own.
        utterances: See `ShownOptions`, as `sound`.
        sound: How many can be heard.
    """

    name = "wandb"

    def __init__(self, *, project: str, entity: str | None, utterances: int, sound: int) -> None:
        """Import wandb."""
        super().__init__(ShownOptions(utterances=utterances, sound=sound))
        self._project, self._entity = project, entity

    def _where(self) -> str:
        return f"{self._entity or ''}/{self._project}"

    def _wrapped(self, run: TrackedRun, told: Told) -> GeneralTracker:
        import wandb

        return WandBTracker(
            self._project,
            entity=self._entity,
            name=name_of(run.folder),
            id=told.identity,
            resume="allow",
            dir=os.environ.get("WANDB_DIR", str(run.folder / "trackers")),
            # It would replace the streams that progress and JSON are written to.
            settings=wandb.Settings(console="off"),
        )

    def _show(self, table: Table, step: int) -> None:
        columns, rows = list(table.columns), [list(row) for row in table.rows]
        if any(table.sounds):
            columns.append("sound")
            for row, sound in zip(rows, table.sounds, strict=True):
                row.append(None if sound is None else _player(sound))
        self.tracker.log_table(table.name, columns, rows, step=step)


def _player(sound: Sound) -> object:
    import wandb

    return wandb.Audio(sound.waveform, RATE_HZ, sound.caption)
