"""The tracker `trackio`: a project of Trackio, on this machine unless a Space is named."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from tempfile import TemporaryFile

import numpy as np
from accelerate.tracking import GeneralTracker, TrackioTracker
from attrs import frozen

from audioforge.errors import PluginError
from audioforge.tracker import TrackedRun
from audioforge.trackers.accelerated import AcceleratedTracker, ShownOptions, name_of
from audioforge.trackers.sound import RATE_HZ, Sound
from audioforge.trackers.tables import Table
from audioforge.trackers.told import Told


@frozen(kw_only=True)
class TrackioOptions(ShownOptions):
    """Options of `trackio`.

    Attributes:
        project: Project of Trackio; on this machine it is below TRACKIO_DIR.
        space: Space of the Hugging Face hub that shows it, as owner/name; none unless given.
        utterances: Held-out utterances, and clips of which the hypotheses are shown.
        sound: How many of these utterances can be heard too; 0 copies no recording.
    """

    project: str = "audioforge"
    space: str | None = None


class Trackio(AcceleratedTracker):
    """A run of Trackio.

    Args:
        project: Project of Trackio.
        space: Space of the hub that shows it; None for this machine.
        utterances: See `ShownOptions`, as `sound`.
        sound: How many can be heard.
    """

    name = "trackio"

    def __init__(self, *, project: str, space: str | None, utterances: int, sound: int) -> None:
        """Import Trackio."""
        super().__init__(ShownOptions(utterances=utterances, sound=sound))
        self._project, self._space = project, space

    def start(self, run: TrackedRun) -> None:
        """Open the run: the same one where it was told of before."""
        if self._space is None:
            _check_store()
        with redirect_stdout(sys.stderr):  # Trackio prints what it does
            super().start(run)

    def finish(self) -> None:
        """Close the run."""
        from trackio.context_vars import current_run

        with redirect_stdout(sys.stderr):
            super().finish()
        if current_run.get() is self.tracker.tracker:  # it would be finished once more at exit
            current_run.set(None)

    def _where(self) -> str:
        return f"{self._space or ''}/{self._project}"

    def _wrapped(self, run: TrackedRun, told: Told) -> GeneralTracker:
        return TrackioTracker(
            self._project,
            # It finds a run by its name, which another run folder may have too.
            name=f"{name_of(run.folder)}-{told.identity}",
            space_id=self._space,
            resume="allow",
            embed=False,
        )

    def _show(self, table: Table, step: int) -> None:
        import trackio

        shown = trackio.Table(list(table.columns), [list(row) for row in table.rows])
        self.tracker.log(
            {table.name: shown, **{f"sound/{s.name}": _player(s) for s in table.new_sounds}},
            step=step,
        )


def _check_store() -> None:
    """Refuse a folder that takes nothing: Trackio would warn of each figure, and lose them all.

    Raises:
        PluginError: Saying which folder it is.
    """
    from trackio.utils import TRACKIO_DIR

    try:
        TRACKIO_DIR.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=TRACKIO_DIR):
            pass
    except OSError as error:
        raise PluginError(
            f"{TRACKIO_DIR} cannot be written to ({error.strerror}); set TRACKIO_DIR to a folder "
            f"that can"
        ) from error


def _player(sound: Sound) -> object:
    """Return a player; whole numbers, since floats are made as loud as can be."""
    import trackio

    samples = (sound.waveform * np.iinfo(np.int16).max).astype(np.int16)
    return trackio.Audio(samples, caption=sound.caption, sample_rate=RATE_HZ)
