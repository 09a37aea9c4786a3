"""What each worker of an update does: the function that Ray Train calls in all of them."""

from __future__ import annotations

import errno
import socket
from typing import Any, cast

import attrs
import ray
import ray.train
from attrs import frozen
from ray import ObjectRef
from ray.actor import ActorHandle

from audioforge.errors import TrainingError
from audioforge.executor import Order, WholeJob
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.inference.stop import Interrupted, StopRequest
from audioforge.run.resume_points import ResumePoints
from audioforge.run.run import Run
from audioforge.tasks import speech_task
from audioforge_ray.agreement import require_same
from audioforge_ray.failure import Failure
from audioforge_ray.mailbox import Mailbox
from audioforge_ray.relay import Relay, RelayedStop
from audioforge_ray.travel import Brief
from audioforge_ray.worker import Sought, WorkerFacts

Point = tuple[int, int, bool]
"""How far a run is: the cycle, the steps of its update, and whether that is over."""


@frozen(kw_only=True)
class Part:
    """What a worker must know to do its part.

    Attributes:
        mailbox: Where to tell the run what happens.
        brief: The run, in the object store.
        order: The update, in the object store.
        device: What workers compute on.
        point: Where the run sees the update to be; see `where_it_is`.
    """

    mailbox: ActorHandle[Mailbox]
    brief: ObjectRef[Brief]
    order: ObjectRef[Order[WholeJob]]
    device: str
    point: Point

    def tell(self, what: str, particulars: dict[str, Any]) -> None:
        """Put a letter into the mailbox; it is there when this comes back."""
        ray.get(self.mailbox.put.remote(what, particulars))

    def stop_number(self) -> int | None:
        """Return the signal that asks to stop; None while nobody does."""
        return cast("int | None", ray.get(self.mailbox.stop_number.remote()))


def work(part: Part, rank: int) -> None:
    """Do a worker's part of an update.

    Args:
        part: What it must know.
        rank: Its number in the group.

    Raises:
        TrainingError: If it fails, for the group to end; the mailbox has why.
    """
    node = socket.gethostname()
    part.tell("arrived", {"rank": rank, "node": node})
    try:
        _do(part)
    except Interrupted as stopped:
        part.tell("interrupted", {"number": stopped.number})
    except BaseException as error:
        part.tell("failed", attrs.asdict(Failure.of(error, node, rank)))
        raise TrainingError("the mailbox has why") from None


def work_in_group(config: dict[str, Any]) -> None:
    """Do a worker's part among those that Ray Train has joined; see `work`.

    Args:
        config: The part, under "part": Ray Train hands over nothing but a mapping.
    """
    work(config["part"], ray.train.get_context().get_world_rank())


def _do(part: Part) -> None:
    brief = _without_verifiers(ray.get(part.brief))
    settings, executor = brief.outline.settings, ProcessesExecutor()
    executor.join(part.device, settings["dtype"])
    facts = WorkerFacts.here(executor.processes, Sought(needed=brief.needed))
    require_same(brief.versions, [facts])
    is_main = executor.processes.is_main
    place = brief.workplace(
        executor,
        listener=Relay(part.tell) if is_main else None,
        stop=RelayedStop(part.stop_number) if is_main else StopRequest(),
    )
    job = ray.get(part.order).at(place)
    _check_folder(job.run, part.point)
    job.recall()
    job.do()


def where_it_is(points: ResumePoints) -> Point:
    """Return where a resume point is, to be compared: the earlier is the smaller.

    Raises:
        TrainingError: If it is damaged.
    """
    there = points.progress()
    return (0, 0, False) if there is None else (there.cycle, there.steps, there.finished)


def _check_folder(run: Run, point: Point) -> None:
    """Check that this worker sees the run folder as the others do, and as the run does.

    Raises:
        TrainingError: If it does not see it at all.
        OSError: If it sees another resume point; that may be a file system that lags behind.
    """
    root = run.folder.root
    if not run.folder.has_begun:
        raise TrainingError(
            f"{root}: {socket.gethostname()} does not see the run folder, which all nodes must "
            f"share. Give an --output-dir on a shared file system"
        )
    seen = run.processes.gather([where_it_is(run.folder.points)])
    if len(set(seen)) > 1 or min(seen) < point:
        raise OSError(errno.ESTALE, "the nodes see different resume points", str(root))


def _without_verifiers(brief: Brief) -> Brief:
    """Leave out what scores: an update has no use for it, and it can be models of their own."""
    outline = brief.outline
    settings = {key: value for key, value in outline.settings.items() if key != "aggregator"}
    settings["verifier"] = list(speech_task(settings["task"]).metric_verifiers)
    return attrs.evolve(brief, outline=attrs.evolve(outline, settings=settings))
