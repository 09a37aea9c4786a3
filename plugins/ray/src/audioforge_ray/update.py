"""The update of a cycle, done by a group of workers that Ray Train starts and watches.

The workers are joined as torchrun joins processes, and run the same update: each step learns from
the same clips, and gradients are added up in the order of rank. Of Ray Train comes the group:
placed on nodes, joined, ended when one of it fails. Where the update is lies in the run folder, as
everywhere: Ray Train is given no checkpoint, and what it writes is empty and removed afterwards.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import ray
from ray.actor import ActorHandle
from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig, WorkerGroupError
from ray.train.torch import TorchConfig, TorchTrainer

from audioforge.errors import AudioForgeError, TrainingError, describe
from audioforge.executor import Order, WholeJob
from audioforge.inference.processes import PATIENCE
from audioforge.inference.stop import Interrupted
from audioforge.run.events import Step
from audioforge_ray.failure import Failure
from audioforge_ray.mailbox import Letter, Mailbox
from audioforge_ray.options import RayOptions
from audioforge_ray.relay import Retelling
from audioforge_ray.restarts import Restarts
from audioforge_ray.travel import Dispatch
from audioforge_ray.update_worker import Part, work

PATIENCE_SECONDS = 300
"""For nodes that the group needs and that are not there: they come and go."""
SAID_AFTER_SECONDS = 10
"""Of waiting for the group."""
LOOK_SECONDS = 0.2
"""Between two looks into the mailbox."""
SETTINGS = {
    # Ray Train looks after the group so often, and an update ends only when it has looked.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": str(PATIENCE_SECONDS),
    "RAY_TRAIN_METRICS_ENABLED": "0",
    # One actor less: a node that is taken away is noticed when it is gone.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # The worker goes to the folder that paths are relative to.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
"""How Ray Train is set, unless the user has set it otherwise: it knows environment variables
alone."""


def run_update(job: WholeJob, dispatch: Dispatch, options: RayOptions) -> None:
    """Have a group of workers do the update of a cycle.

    What takes up the CPUs and GPUs of the cluster must have let go of them before.

    Args:
        job: The update. Its events are told while the group works, and afterwards the model and
            the progress are as if it had been done here.
        dispatch: Packs the run for the workers.
        options: How many workers, and what each of them takes up.

    Raises:
        AudioForgeError: What a worker raised, as the same class with the same text.
        TrainingError: If workers were lost again and again and the update got no further, or there
            is no room for them.
        Interrupted: If the run was asked to stop; the resume point has what was finished.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    mailbox = cast("ActorHandle[Mailbox]", ray.remote(num_cpus=0)(Mailbox).remote())
    try:
        steps = _Group(job, dispatch, options, mailbox).steps()
        for _ in job.run.reporter.track(steps, job.steps, job.what, unit="steps"):
            pass
    finally:
        ray.kill(mailbox)
    job.recall()


class _Group:
    """The workers of an update, started again when one of them is lost.

    Args:
        job: The update.
        dispatch: Packs the run for the workers.
        options: How many workers, and what each of them takes up.
        mailbox: Where workers tell what happens.
    """

    def __init__(
        self,
        job: WholeJob,
        dispatch: Dispatch,
        options: RayOptions,
        mailbox: ActorHandle[Mailbox],
    ) -> None:
        """Put what every worker needs where it can be fetched, once per node."""
        self._job, self._options, self._mailbox = job, options, mailbox
        brief, order = dispatch.pack(job.outline), _put(job.order())
        self._part = Part(mailbox=mailbox, brief=brief, order=order)
        self._retelling = Retelling(job.run.events)
        self._asked = False

    def steps(self) -> Iterator[Step]:
        """Have the update done; yield each step once it was told.

        Raises:
            AudioForgeError: See `run_update`.
        """
        restarts = Restarts(self._options.max_restarts)
        while True:
            attempt = _Attempt()
            with tempfile.TemporaryDirectory(prefix="audioforge-") as storage:
                fit = _Fit(self._trainer(storage))
                fit.start()
                yield from self._follow(fit, attempt)
            if attempt.stopped_by is not None:
                raise Interrupted(attempt.stopped_by)
            if fit.error is None:
                return
            cause = attempt.cause(fit.error, self._options)
            if attempt.is_final or not restarts.again(self._retelling.steps):
                raise cause
            self._job.run.events.warn(
                f"{self._job.what}: {cause}; its workers are started again, and go on where the "
                f"resume point is ({restarts.describe()})"
            )

    def _follow(self, fit: _Fit, attempt: _Attempt) -> Iterator[Step]:
        """Tell what happens until the group is gone."""
        started, waits = time.monotonic(), False
        is_over = False
        while not is_over:
            is_over = not fit.is_alive()  # before the last look
            letters: list[Letter] = ray.get(self._mailbox.take.remote())
            attempt.read(letters)
            yield from self._retelling.tell(letters)
            if not (attempt.arrived or waits) and time.monotonic() - started > SAID_AFTER_SECONDS:
                waits = True
                self._job.run.reporter.info(f"{self._job.what}: waiting for {_room(self._options)}")
            number = self._job.run.stop.number
            if number is not None and not self._asked:
                self._asked = True
                self._mailbox.ask_to_stop.remote(number)
            fit.join(LOOK_SECONDS)

    def _trainer(self, storage: str) -> TorchTrainer:
        options = self._options
        return _Trainer(
            work,
            train_loop_config={"part": self._part},
            # A death is noticed at once; the main worker may save for long.
            torch_config=TorchConfig(timeout_s=round(PATIENCE.total_seconds())),
            scaling_config=ScalingConfig(
                num_workers=options.update_workers,
                use_gpu=options.gpus_per_worker > 0,
                resources_per_worker=resources_of(options),
            ),
            # Ray's types are those of Ray Train's first version.
            run_config=RunConfig(  # type: ignore[call-arg]
                name="update",
                storage_path=storage,
                # Only restarts without progress count, which Ray Train cannot tell.
                failure_config=FailureConfig(  # type: ignore[call-arg]
                    max_failures=0, controller_failure_limit=0
                ),
                logging_config=LoggingConfig(log_level="CRITICAL"),
            ),
        )


class _Trainer(TorchTrainer):
    """Without the actor that removes what a killed run has taken of the cluster.

    Ray does that itself, and where it has no dashboard, that actor does nothing but fail aloud.
    """

    def _create_default_callbacks(self) -> list[Any]:
        created = cast("list[Any]", cast("Any", super())._create_default_callbacks())
        return [c for c in created if type(c).__name__ != "PlacementGroupCleanerCallback"]


class _Fit(threading.Thread):
    """Waits for Ray Train beside the main thread, which hears signals.

    Args:
        trainer: What is waited for.

    Attributes:
        error: What it ended with; None where every worker did its part.
    """

    def __init__(self, trainer: TorchTrainer) -> None:
        """Nothing is started yet."""
        super().__init__(name="ray-train", daemon=True)
        self._trainer = trainer
        self.error: BaseException | None = None

    def run(self) -> None:
        """Start the group, and wait for its end."""
        try:
            self._trainer.fit()
        except BaseException as error:  # handed over to the main thread
            self.error = error


class _Attempt:
    """What is known of one group of workers.

    Attributes:
        arrived: Nodes of the workers that were there, by rank.
        failures: What failed in workers.
        stopped_by: The signal that they stopped by, or None.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.arrived: dict[int, str] = {}
        self.failures: list[Failure] = []
        self.stopped_by: int | None = None

    def read(self, letters: list[Letter]) -> None:
        """Note what the workers told."""
        for what, particulars in letters:
            if what == "arrived":
                self.arrived[particulars["rank"]] = particulars["node"]
            elif what == "failed":
                self.failures.append(Failure(**particulars))
            elif what == "interrupted":
                self.stopped_by = particulars["number"]

    @property
    def is_final(self) -> bool:
        """Whether the work itself failed, and would fail again."""
        return any(failure.is_final for failure in self.failures)

    def cause(self, error: BaseException, options: RayOptions) -> AudioForgeError | OSError:
        """Return the error that says why the group ended.

        Args:
            error: What Ray Train says.
            options: What the group was to be.
        """
        # That another is lost follows from what failed there.
        told = sorted(self.failures, key=lambda failure: (not failure.is_final, failure.is_lost))
        if told and not told[0].is_lost:
            return told[0].error()
        if isinstance(error, WorkerGroupError):
            lost = set(self.arrived) - {failure.rank for failure in self.failures}
            nodes = ", ".join(f"{rank} on {self.arrived[rank]}" for rank in sorted(lost))
            return TrainingError(f"worker {nodes} was lost: it was killed, or its node is gone")
        if not self.arrived:
            return TrainingError(
                f"the cluster had no room for {_room(options)} within {PATIENCE_SECONDS} s "
                f"({describe(error)}). Lower them, or add nodes, and go on."
            )
        return TrainingError(f"Ray Train failed: {describe(error)}")


def resources_of(options: RayOptions) -> dict[str, float]:
    """Return what each worker of an update takes up, by Ray's name of it.

    A GPU is for one worker: NCCL joins no two that share one.
    """
    wanted = {"CPU": options.cpus_per_worker, "GPU": float(math.ceil(options.gpus_per_worker))}
    return {name: amount for name, amount in wanted.items() if amount} or {"CPU": 0.01}


def _room(options: RayOptions) -> str:
    each = " and ".join(f"{amount:g} {name}" for name, amount in resources_of(options).items())
    count = options.update_workers
    return f"{count} update worker{'s' if count > 1 else ''} of {each} each"


def _put(order: Order[WholeJob]) -> ray.ObjectRef[Order[WholeJob]]:
    try:
        return ray.put(order)
    except TypeError as error:  # as Ray puts it
        raise TrainingError(
            f"what is learnt cannot be sent to the workers: {describe(error)}. A selection's loss "
            f"must hold plain values; mend its plugin, or train with another --executor."
        ) from error
