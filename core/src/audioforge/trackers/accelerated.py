"""What our trackers share: each wraps one of Accelerate's, and tells it of a run once."""

from __future__ import annotations

import importlib
import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from accelerate import PartialState
from accelerate.tracking import GeneralTracker
from attrs import field, frozen
from attrs.validators import ge

from audioforge.errors import PluginError, describe
from audioforge.sample import AudioSample
from audioforge.tracker import TrackedRun, Tracker
from audioforge.trackers.sound import Sound, decode
from audioforge.trackers.tables import HELD_OUT, Row, Table, chosen, held_out_rows, hypotheses_table
from audioforge.trackers.told import Told


@frozen(kw_only=True)
class ShownOptions:
    """How much of a cycle is shown.

    Attributes:
        utterances: Held-out utterances, and clips of which the hypotheses are shown.
        sound: How many of these utterances can be heard too; 0 keeps recordings where they are.
    """

    utterances: int = field(default=20, validator=ge(0))
    sound: int = field(default=20, validator=ge(0))


class AcceleratedTracker(Tracker):
    """A tracker of Accelerate's, told of one run: what it has heard it does not hear again.

    Args:
        shown: How much of a cycle is shown.

    Attributes:
        name: Its name, and that of the extra with its library.
        tracker: The wrapped one, from `start` on.

    Raises:
        PluginError: If its library cannot be imported.
    """

    name: ClassVar[str]
    tracker: GeneralTracker

    def __init__(self, shown: ShownOptions) -> None:
        """Import the library; nothing is opened before `start`."""
        self._shown = shown
        self._base: dict[str, Row] = {}
        self._step = 0
        try:
            importlib.import_module(self.name)
        except Exception as error:  # a broken library raises anything
            raise PluginError(
                f"the tracker '{self.name}' needs {self.name}, which cannot be imported: "
                f"{describe(error)}. Install it: python -m pip install 'audioforge[{self.name}]'."
            ) from error

    def start(self, run: TrackedRun) -> None:
        """Open the run: the same one where it was told of before."""
        PartialState()  # without which Accelerate logs nothing; a run has it already
        self._folder, self._held_out = run.folder, run.held_out
        self._path = run.folder / "trackers" / f"{self.name}.json"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._told = Told.read(self._path, self._where())
        self.tracker = self._wrapped(run, self._told)
        self.tracker.start()
        self._told.identity = self._identity(self._told.identity)
        if not self._told.began:
            self.tracker.store_init_configuration(plain_settings(run.settings))
            self._note(began=True)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Tell figures."""
        cycle = values.get("cycle")
        self._step = step
        if cycle is None:
            if step > self._told.step:
                self.tracker.log(dict(values), step=step)
                self._note(step=step)
        elif cycle > self._told.cycle:
            self.tracker.log(dict(values), step=step)
            self._note(cycle=int(cycle))

    def utterances(self, cycle: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Show a few outputs on the held-out set, and a few clips' hypotheses."""
        few = chosen(rows, self._shown.utterances)
        if cycle == 0:
            self._base = {str(row["id"]): row for row in few}
        if cycle <= self._told.shown or not few:
            return
        self._show(self._held_out_table(cycle, few), self._step)
        if cycle:
            hypotheses = hypotheses_table(self._folder, cycle, self._shown.utterances)
            if hypotheses is not None:
                self._show(hypotheses, self._step)
        self._note(shown=cycle)

    def finish(self) -> None:
        """Close the run."""
        self.tracker.finish()

    def _where(self) -> str:
        """Return what it writes to: a run there cannot go on elsewhere."""
        return ""

    @abstractmethod
    def _wrapped(self, run: TrackedRun, told: Told) -> GeneralTracker:
        """Return Accelerate's tracker, not started, which goes on with what was told of before."""

    def _identity(self, drawn: str) -> str:
        """Return by what name the run is opened again, now that it is open."""
        return drawn

    @abstractmethod
    def _show(self, table: Table, step: int) -> None:
        """Show a table, and what can be heard of it."""

    def _note(self, **heard: int | bool) -> None:
        """Write down what was heard."""
        for name, value in heard.items():
            setattr(self._told, name, value)
        self._told.write(self._path)

    def _held_out_table(self, cycle: int, few: list[Row]) -> Table:
        is_generated = any("pred_audio" in row for row in few)
        sounds = [
            self._sound(cycle, row) if number < self._shown.sound else None
            for number, row in enumerate(few)
        ]
        rows = held_out_rows(few, self._base)
        return Table("utterances", cycle, HELD_OUT, rows, sounds, is_generated)

    def _sound(self, cycle: int, row: Row) -> Sound | None:
        """Return what the model made of a prompt, or the clip that it heard."""
        identity, said = str(row["id"]), str(row.get("text") or "")
        if "pred_audio" in row:
            path = self._folder / f"cycle-{cycle:02d}" / str(row["pred_audio"])
            return decode(AudioSample(identity, audio=path), said)
        sample = self._held_out.get(identity)
        return None if sample is None else decode(sample, said)


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as every service can store them: numbers, truth values and text.

    >>> plain_settings({"seed": 0, "verifier": ["wer"], "language": None})
    {'seed': 0, 'verifier': '["wer"]', 'language': 'null'}
    """
    return {
        name: value
        if isinstance(value, bool | int | float | str)
        else json.dumps(value, ensure_ascii=False, default=str)
        for name, value in settings.items()
    }


def name_of(folder: Path) -> str:
    """Return what a run is called: its folder, and for one of several seeds also their folder's."""
    from audioforge.run.new_folder import GROUP_FILE

    in_group = (folder.parent / GROUP_FILE).is_file()
    return f"{folder.parent.name}/{folder.name}" if in_group else folder.name
