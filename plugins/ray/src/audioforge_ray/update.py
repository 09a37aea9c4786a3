"""The update of a cycle, done by a group of workers that is started again when one is lost.

Ray Train places the workers on nodes, joins them as torchrun joins processes, and ends the group
when one of it fails. They run the same update as everywhere: each step learns from the same clips,
and gradients are added up over all processes. Where the update is lies in the run folder: Ray
Train is given no checkpoint, and what it writes is empty and removed afterwards.

One worker alone has nobody to be joined with: it is a task of Ray.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import ray
from ray.actor import ActorHandle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from audioforge.executor import WholeJob
from audioforge.inference.stop import Interrupted
from audioforge.run.events import Step
from audioforge_ray.attempt import Attempt
from audioforge_ray.mailbox import Letter, Mailbox
from audioforge_ray.options import RayOptions
from audioforge_ray.placement import worker_device
from audioforge_ray.relay import Retelling
from audioforge_ray.restarts import Restarts
from audioforge_ray.sending import put
from audioforge_ray.travel import Dispatch
from audioforge_ray.update_group import have_done, wanted_of
from audioforge_ray.update_worker import Part, where_it_is

SAID_AFTER_SECONDS = 10
"""Of waiting for the group."""
LOOK_SECONDS = 0.2
"""Between two looks into the mailbox."""


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
    group = _Group(job, dispatch, options)
    try:
        for _ in job.run.reporter.track(group.steps(), job.steps, job.what, unit="steps"):
            pass
    finally:
        group.close()
    job.recall()


class _Group:
    """The workers of an update, started again when one of them is lost.

    Args:
        job: The update.
        dispatch: Packs the run for the workers.
        options: How many workers, and what each of them takes up.
    """

    def __init__(self, job: WholeJob, dispatch: Dispatch, options: RayOptions) -> None:
        """Put what every worker needs where it can be fetched, once per node."""
        self._job, self._options = job, options
        self._brief, self._order = dispatch.pack(job.outline), put(job.order(), "what is learnt")
        self._device = worker_device(job.outline.settings["device"], options)
        self._mailbox = _mailbox()
        self._retelling = Retelling(job.run.events)

    def close(self) -> None:
        """Hear no more; workers that are left fail when they tell something."""
        ray.kill(self._mailbox)

    def steps(self) -> Iterator[Step]:
        """Have the update done; yield each step once it was told.

        Raises:
            AudioForgeError: See `run_update`.
        """
        run, restarts = self._job.run, Restarts(self._options.max_restarts)
        while True:
            attempt = Attempt()
            part = Part(
                mailbox=self._mailbox,
                brief=self._brief,
                order=self._order,
                device=self._device,
                point=where_it_is(run.folder.points),
            )
            end = _End(partial(have_done, part, self._options, attempt.has_begun))
            yield from self._follow(end, attempt)
            if attempt.stopped_by is not None:
                raise Interrupted(attempt.stopped_by)
            if end.error is None:
                return
            cause = attempt.cause(end.error, wanted_of(self._options))
            if attempt.is_final:
                raise cause
            if (number := run.stop.number) is not None:
                raise Interrupted(number) from cause  # whoever asks may end the workers, too
            if not restarts.again(self._retelling.steps):
                raise cause
            run.events.warn(
                f"{self._job.what}: {cause}. It goes on at the resume point with new workers: "
                f"{restarts.describe()}"
            )

    def _follow(self, end: _End, attempt: Attempt) -> Iterator[Step]:
        """Tell what happens until the group is gone."""
        run, waits_until = self._job.run, time.monotonic() + SAID_AFTER_SECONDS
        end.start()
        is_over = is_said = False
        while not is_over:
            is_over = not end.is_alive()  # before the last look
            letters: list[Letter] = ray.get(self._mailbox.take.remote())
            attempt.read(letters)
            yield from self._retelling.tell(letters)
            if not (attempt.has_begun() or is_said) and time.monotonic() > waits_until:
                is_said = True
                run.reporter.info(f"{self._job.what}: waiting for {wanted_of(self._options)}")
            if (number := run.stop.number) is not None:
                if not attempt.has_begun():
                    raise Interrupted(number)  # there may be no room for minutes, or for ever
                self._mailbox.ask_to_stop.remote(number)
            end.join(LOOK_SECONDS)


class _End(threading.Thread):
    """Waits for the end of a group beside the main thread, which hears signals.

    Args:
        wait: Comes back when the group is gone.

    Attributes:
        error: What it raised; None where every worker did its part.
    """

    def __init__(self, wait: Callable[[], None]) -> None:
        """Nothing is started yet."""
        super().__init__(name="update", daemon=True)
        self._wait = wait
        self.error: BaseException | None = None

    def run(self) -> None:
        """Wait."""
        try:
            self._wait()
        except BaseException as error:  # handed over to the main thread
            self.error = error


def _mailbox() -> ActorHandle[Mailbox]:
    """Have a mailbox beside this process: it is gone when that is."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    kind = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Mailbox)
    return cast("ActorHandle[Mailbox]", kind.options(scheduling_strategy=here).remote())
