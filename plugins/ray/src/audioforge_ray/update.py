"""The update of a cycle, done by a group of workers that Ray Train starts and watches.

The workers are joined as torchrun joins processes, and run the same update: each step learns from
the same clips, and gradients are added up in the order of rank. Of Ray Train comes the group:
placed on nodes, joined, ended when one of it fails. Where the update is lies in the run folder, as
everywhere: Ray Train is given no checkpoint, and what it writes is empty and removed afterwards.

One worker alone has nobody to be joined with: it is a task of Ray, which is there in half the time.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import ray
from ray.actor import ActorHandle
from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from audioforge.errors import AudioForgeError, TrainingError, describe
from audioforge.executor import Order, WholeJob
from audioforge.inference.processes import PATIENCE
from audioforge.inference.stop import Interrupted
from audioforge.run.events import Step
from audioforge_ray.failure import Failure
from audioforge_ray.mailbox import Letter, Mailbox
from audioforge_ray.options import RayOptions
from audioforge_ray.placement import worker_device
from audioforge_ray.relay import Retelling
from audioforge_ray.restarts import Restarts
from audioforge_ray.travel import Dispatch
from audioforge_ray.update_worker import Part, work, work_in_group

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
        device = worker_device(job.outline.settings["device"], options)
        self._part = Part(mailbox=mailbox, brief=brief, order=order, device=device)
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
            waits = _Waits(partial(self._have_it_done, attempt))
            waits.start()
            yield from self._follow(waits, attempt)
            if attempt.stopped_by is not None:
                raise Interrupted(attempt.stopped_by)
            if waits.error is None:
                return
            cause = attempt.cause(waits.error, self._options)
            if (number := self._job.run.stop.number) and not attempt.is_final:
                raise Interrupted(number) from cause  # whoever asks may end the workers, too
            if attempt.is_final or not restarts.again(self._retelling.steps):
                raise cause
            self._job.run.events.warn(
                f"{self._job.what}: {cause}. It goes on at the resume point with new workers: "
                f"{restarts.describe()}"
            )

    def _follow(self, waits: _Waits, attempt: _Attempt) -> Iterator[Step]:
        """Tell what happens until the group is gone."""
        started, is_said, is_over = time.monotonic(), False, False
        while not is_over:
            is_over = not waits.is_alive()  # before the last look
            letters: list[Letter] = ray.get(self._mailbox.take.remote())
            attempt.read(letters)
            yield from self._retelling.tell(letters)
            took = time.monotonic() - started
            if took > SAID_AFTER_SECONDS and not (attempt.arrived or is_said):
                is_said = True
                self._job.run.reporter.info(f"{self._job.what}: waiting for {_room(self._options)}")
            number = self._job.run.stop.number
            if number is not None and not self._asked:
                self._asked = True
                self._mailbox.ask_to_stop.remote(number)
            waits.join(LOOK_SECONDS)

    def _have_it_done(self, attempt: _Attempt) -> None:
        """Start the workers, and wait for their end."""
        if self._options.update_workers == 1:
            self._by_one(attempt)
            return
        with tempfile.TemporaryDirectory(prefix="audioforge-") as storage:
            self._trainer(storage).fit()

    def _by_one(self, attempt: _Attempt) -> None:
        wanted = resources_of(self._options)
        task = ray.remote(
            num_cpus=wanted.get("CPU", 0), num_gpus=wanted.get("GPU", 0), max_retries=0, max_calls=1
        )(work)
        done: ray.ObjectRef[Any] = task.remote(self._part, 0)
        ended, _ = ray.wait([done], timeout=PATIENCE_SECONDS)
        if not (ended or attempt.arrived):
            ray.cancel(done)
        ray.get(done)

    def _trainer(self, storage: str) -> TorchTrainer:
        options = self._options
        return _Trainer(
            work_in_group,
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


class _Waits(threading.Thread):
    """Waits beside the main thread, which hears signals.

    Args:
        target: Comes back when the group is gone.

    Attributes:
        error: What it raised; None where every worker did its part.
    """

    def __init__(self, target: Callable[[], None]) -> None:
        """Nothing is started yet."""
        super().__init__(name="update", daemon=True)
        self._have_it_done = target
        self.error: BaseException | None = None

    def run(self) -> None:
        """Wait."""
        try:
            self._have_it_done()
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
            error: What Ray says.
            options: What the group was to be.
        """
        told = sorted(self.failures, key=lambda failure: not failure.is_final)
        for failure in told:
            if not failure.is_lost:  # which another's failure caused
                return failure.error()
        if not self.arrived:
            return TrainingError(
                f"{_room(options)} could not start: there was no room for {PATIENCE_SECONDS} s, or "
                f"{describe(error)}. Ask for less in --executor, or add nodes, and go on"
            )
        lost = sorted(set(self.arrived) - {failure.rank for failure in self.failures})
        who = ", ".join(f"{rank} on {self.arrived[rank]}" for rank in lost) or "none that says why"
        return TrainingError(f"lost of the update's workers: {who} (killed, or the node is gone)")


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
