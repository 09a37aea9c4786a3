"""An executor that a run can rely on: what anybody's executor does wrong is named."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audioforge.errors import AudioForgeError, PluginError, describe
from audioforge.executor import Batches, BatchJob, Check, Executor, Result, WholeJob
from audioforge.inference.processes import Processes


class GuardedExecutor(Executor):
    """Has another executor do the work, and tells its faults from those of the work.

    Args:
        name: What the executor was asked for by.
        executor: The executor.
    """

    def __init__(self, name: str, executor: Executor) -> None:
        """Nothing is joined yet."""
        self._name, self._executor = name, executor

    def join(self, device: str, dtype: str) -> None:
        """Join the processes.

        Raises:
            PluginError: If the executor cannot, for a reason that it does not explain itself.
        """
        with self._naming("join"):
            self._executor.join(device, dtype)
            processes = self._executor.processes
            if not isinstance(processes, Processes):
                raise TypeError(f"processes is {type(processes).__name__}, not Processes")

    @property
    def processes(self) -> Processes:
        """The processes of the run."""
        return self._executor.processes

    def share(self, job: BatchJob[Result], batches: Batches) -> Iterator[Result]:
        """Have batches done.

        Raises:
            PluginError: If the executor fails; what the job raises here is raised as it is.
        """
        with self._naming("share", job):
            yield from self._executor.share(job, batches)

    def together(self, job: WholeJob) -> None:
        """Have a job done by all processes.

        Raises:
            PluginError: If the executor fails; what the job raises here is raised as it is.
        """
        with self._naming("together", job):
            self._executor.together(job)

    def close(self) -> None:
        """Let go of what `join` took.

        Raises:
            PluginError: If the executor cannot.
        """
        with self._naming("close"):
            self._executor.close()

    def examine(self, folder: Path | None) -> Iterator[Check]:
        """Look at whoever would do the work.

        Raises:
            PluginError: If the executor fails.
        """
        with self._naming("examine"):
            yield from self._executor.examine(folder)

    @contextmanager
    def _naming(self, what: str, job: BatchJob[Result] | WholeJob | None = None) -> Iterator[None]:
        """Name the executor in an error that only it can have made."""
        try:
            yield
        except (AudioForgeError, OSError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # foreign code, which may even call sys.exit
            if job is not None and _comes_from(job, error):
                raise
            raise PluginError(
                f"the executor '{self._name}' failed at {what}: {describe(error)}. Mend it, or "
                f"go on with another --executor."
            ) from error


def _comes_from(job: BatchJob[Result] | WholeJob, error: BaseException) -> bool:
    """Return whether the error was raised while this process did the job itself."""
    own = type(job).do.__code__
    return any(frame.f_code is own for frame, _ in traceback.walk_tb(error.__traceback__))
