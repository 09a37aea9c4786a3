"""One worker on each node for a moment: what it is, and how fast it answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import ray
from attrs import frozen
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from audioforge.errors import TrainingError, describe
from audioforge.inference.processes import precision_for
from audioforge_ray.options import RayOptions
from audioforge_ray.placement import Node
from audioforge_ray.worker import Sought, Worker, WorkerFacts

PROBE_SECONDS = 180.0
"""For a node to start a process and import torch, while it has other things to do."""


@frozen(kw_only=True)
class Probed:
    """What a node said.

    Attributes:
        node: The node.
        facts: What a worker there is; None where it cannot tell.
        problem: Why it cannot; "" where it can.
        round_trip: Seconds from a question to its answer.
    """

    node: Node
    facts: WorkerFacts | None = None
    problem: str = ""
    round_trip: float = 0.0


def probe(
    nodes: Sequence[Node], device: str, options: RayOptions, sought: Sought | None = None
) -> Iterator[Probed]:
    """Start a worker on each node, all at once, and yield what each says, in the same order.

    Args:
        nodes: The nodes.
        device: What workers compute on; CPU on nodes that have no GPU for one.
        options: What each worker takes up: GPUs are waited for, CPUs are not.
        sought: Files that workers look for, or None.
    """
    actors = [_started(node, device, options) for node in nodes]
    until = time.monotonic() + PROBE_SECONDS
    try:
        asked = [actor.facts.remote(sought or Sought()) for actor in actors]
        for node, actor, answer in zip(nodes, actors, asked, strict=True):
            yield _heard(node, actor, answer, max(0.0, until - time.monotonic()))
    finally:
        for actor in actors:
            ray.kill(actor)


def settled_precision(nodes: Sequence[Node], device: str, dtype: str, options: RayOptions) -> str:
    """Return the precision that "auto" stands for: that of the GPUs that workers have.

    All compute alike, or a clip's hypotheses would depend on who samples it: with one GPU that
    does not compute bfloat16 it is float32 everywhere.

    Raises:
        TrainingError: If no GPU is there to ask.
    """
    if dtype != "auto" or device != "cuda":
        return precision_for(dtype, device)
    having = [node for node in nodes if node.gpus >= options.gpus_per_worker]
    probed = list(probe(having, device, options))
    said = [one.facts.dtype for one in probed if one.facts is not None]
    if not said:
        why = "; ".join(f"{one.node.host}: {one.problem}" for one in probed) or "no node has one"
        raise TrainingError(
            f"dtype: auto is what the GPUs of the workers compute fastest, and none could be asked "
            f"({why}). Free or add one, or write --dtype bfloat16 or --dtype float32."
        )
    return "bfloat16" if set(said) == {"bfloat16"} else "float32"


def _started(node: Node, device: str, options: RayOptions) -> Any:
    has_gpu = device == "cuda" and node.gpus >= options.gpus_per_worker
    gpus = options.gpus_per_worker if has_gpu else 0
    kind = cast("Any", ray.remote(num_cpus=0, num_gpus=gpus)(Worker))
    there = kind.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False))
    return there.remote("cpu" if device == "cuda" and not has_gpu else device, "auto", 1)


def _heard(node: Node, actor: Any, answer: Any, seconds: float) -> Probed:
    """Return what a node says, or why it says nothing."""
    try:
        said = ray.get(answer, timeout=seconds)
        started = time.perf_counter()
        ray.get(actor.__ray_ready__.remote(), timeout=PROBE_SECONDS)
        took = time.perf_counter() - started
    except TimeoutError:
        return Probed(
            node=node,
            problem=f"did not answer within {PROBE_SECONDS:g} s: it is busy, or its GPUs are taken",
        )
    except RayError as error:
        return Probed(node=node, problem=describe(error))
    if isinstance(said, WorkerFacts):
        return Probed(node=node, facts=said, round_trip=took)
    return Probed(node=node, problem=said.failure.text)
