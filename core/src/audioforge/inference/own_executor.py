"""The engine's own executor: one machine, or several under torchrun."""

from __future__ import annotations

from collections.abc import Iterator

from audioforge.executor import Batches, BatchJob, Executor, Result, WholeJob
from audioforge.inference.processes import Processes


class ProcessesExecutor(Executor):
    """This process, or those that torchrun started: whole batches are shared out among them."""

    def __init__(self) -> None:
        """Nothing is joined yet."""
        self._processes: Processes | None = None

    def join(self, device: str, dtype: str) -> None:
        """Join the group that the launcher set up, if there is one."""
        self._processes = Processes(device, dtype)

    @property
    def processes(self) -> Processes:
        """The processes of the run."""
        assert self._processes is not None, "join() comes first"
        return self._processes

    def share(self, job: BatchJob[Result], batches: Batches) -> Iterator[Result]:
        """Do every n-th batch here; the other processes do the others."""
        return job.do(self.processes.shard(batches))

    def together(self, job: WholeJob) -> None:
        """Do this process' part of the job."""
        job.do()
