"""The tracker `mlflow`: a run of MLflow, in a database of the run folder unless one is named."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from accelerate.tracking import GeneralTracker, MLflowTracker
from attrs import frozen

from audioforge.tracker import TrackedRun
from audioforge.trackers.accelerated import AcceleratedTracker, ShownOptions, name_of
from audioforge.trackers.tables import Table
from audioforge.trackers.told import Told


@frozen(kw_only=True)
class MlflowOptions(ShownOptions):
    """Options of `mlflow`.

    Attributes:
        experiment: Experiment of MLflow.
        uri: Server or store, as MLFLOW_TRACKING_URI has it; a database in the run folder unless
            either is given.
        utterances: Held-out utterances, and clips of which the hypotheses are shown.
        sound: How many of these utterances can be heard too; 0 copies no recording.
    """

    experiment: str = "audioforge"
    uri: str | None = None


class Mlflow(AcceleratedTracker):
    """A run of MLflow.

    Args:
        experiment: Experiment of MLflow.
        uri: Server or store; None for that of the environment, or a database in the run folder.
        utterances: See `ShownOptions`, as `sound`.
        sound: How many can be heard.
    """

    name = "mlflow"

    def __init__(self, *, experiment: str, uri: str | None, utterances: int, sound: int) -> None:
        """Import MLflow."""
        super().__init__(ShownOptions(utterances=utterances, sound=sound))
        self._experiment, self._uri = experiment, uri

    def start(self, run: TrackedRun) -> None:
        """Open the run: the same one where it was told of before."""
        import mlflow

        self._before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
        own = f"sqlite:///{run.folder / 'trackers' / 'mlflow.db'}"
        self._store = self._uri or self._before or own
        with self._open_store():
            super().start(run)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Tell figures."""
        with self._open_store():
            super().metrics(step, values)

    def utterances(self, cycle: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Show a few outputs on the held-out set, and a few clips' hypotheses."""
        with self._open_store():
            super().utterances(cycle, rows)

    def finish(self) -> None:
        """Close the run."""
        with self._open_store():
            super().finish()

    @contextmanager
    def _open_store(self) -> Iterator[None]:
        """Let MLflow write to the store of this run; it has one for the whole process."""
        import mlflow

        environment = {name: value for name, value in os.environ.items() if "MLFLOW" in name}
        mlflow.set_tracking_uri(self._store)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(cast("str", self._before))  # None is none, as at first
            os.environ.update(environment)

    def _where(self) -> str:
        return f"{self._uri or self._before or ''} {self._experiment}".strip()

    def _wrapped(self, run: TrackedRun, told: Told) -> GeneralTracker:
        import mlflow

        active = mlflow.active_run()
        if active is not None and active.info.run_id == told.identity:
            mlflow.end_run()  # told of in this process, and never finished
        is_own = self._uri is None and self._before is None
        artifacts = (run.folder / "trackers/mlflow").as_uri() if is_own else None
        return MLflowTracker(
            self._experiment,
            logging_dir=artifacts,
            run_id=told.identity if told.began else None,
            run_name=name_of(run.folder),
        )

    def _identity(self, drawn: str) -> str:
        return str(self.tracker.tracker.info.run_id)

    def _show(self, table: Table, step: int) -> None:
        import mlflow

        columns = {name: [row[n] for row in table.rows] for n, name in enumerate(table.columns)}
        mlflow.log_table(columns, f"{table.name}/cycle-{table.cycle:02d}.json")
        folder = f"sound/cycle-{table.cycle:02d}" if table.is_generated else "sound"
        with tempfile.TemporaryDirectory() as temporary:
            for sound in table.new_sounds:
                path = Path(temporary) / f"{file_name(sound.name)}.wav"
                sound.write(path)
                self.tracker.log_artifact(str(path), folder)


def file_name(identity: str) -> str:
    """Return a name for a file, by which the id can still be told.

    >>> file_name("audio/../a b.flac")
    'audio-a-b-flac-0416043d'
    """
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", identity).strip("-")[-60:]
    return f"{readable}-{digest[:8]}"
