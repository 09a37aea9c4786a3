"""What each worker of an update does: the function that Ray Train calls in all of them."""

from __future__ import annotations

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
from audioforge.tasks import speech_task
from audioforge_ray.failure import Failure
from audioforge_ray.mailbox import Mailbox
from audioforge_ray.relay import Relay, RelayedStop
from audioforge_ray.travel import Brief


@frozen(kw_only=True)
class Part:
    """What a worker must know to do its part.

    Attributes:
        mailbox: Where to tell the run what happens.
        brief: The run, in the object store.
        order: The update, in the object store.
        device: What workers compute on.
    """

    mailbox: ActorHandle[Mailbox]
    brief: ObjectRef[Brief]
    order: ObjectRef[Order[WholeJob]]
    device: str

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
    node = cast("str", cast("Any", ray.util).get_node_ip_address())
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
    is_main = executor.processes.is_main
    place = brief.workplace(
        executor,
        listener=Relay(part.tell) if is_main else None,
        stop=RelayedStop(part.stop_number) if is_main else StopRequest(),
    )
    job = ray.get(part.order).at(place)
    job.recall()
    job.do()


def _without_verifiers(brief: Brief) -> Brief:
    """Leave out what scores: an update has no use for it, and it can be models of their own."""
    outline = brief.outline
    settings = {key: value for key, value in outline.settings.items() if key != "aggregator"}
    settings["verifier"] = list(speech_task(settings["task"]).metric_verifiers)
    return attrs.evolve(brief, outline=attrs.evolve(outline, settings=settings))
