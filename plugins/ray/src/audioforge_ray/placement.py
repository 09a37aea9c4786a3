"""What the options ask of nodes: which device workers compute on, and whether there is room.

No Ray here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from attrs import frozen

from audioforge.errors import ConfigError
from audioforge_ray.options import RayOptions


@frozen(kw_only=True)
class Node:
    """A machine of the cluster; of one machine there may be several, started for tests.

    Attributes:
        id: Ray's id.
        host: Its name.
        address: Its address.
        cpus: CPU cores that it offers.
        gpus: GPUs that it offers.
        is_driver: Whether the run's loop is there.
    """

    id: str
    host: str
    address: str
    cpus: float
    gpus: float
    is_driver: bool

    @property
    def offers(self) -> str:
        """What it offers, in words."""
        gpus = f", {self.gpus:g} GPUs" if self.gpus else ""
        return f"{self.cpus:g} CPUs{gpus}"

    def carries(self, cpus: float, gpus: float) -> int:
        """Return how many workers have room on it that take up so much; one, if that is nothing.

        >>> node = Node(id="a", host="a", address="", cpus=8, gpus=2, is_driver=True)
        >>> node.carries(3, 0), node.carries(1, 0.5), node.carries(0, 0)
        (2, 4, 1)
        """
        needs = ((self.cpus, cpus), (self.gpus, gpus))
        room = [int(there / needed + 1e-9) for there, needed in needs if needed]
        return min(room, default=1)


def worker_device(device: str, options: RayOptions) -> str:
    """Return the device that workers are told.

    Ray hides no GPU from a worker that takes up none: without this, all would crowd onto the first.

    Args:
        device: The setting.
        options: What each worker takes up.

    Raises:
        ConfigError: If workers have not got such a device.
    """
    if options.gpus_per_worker:
        if device in ("cpu", "mps"):
            raise ConfigError(
                [
                    f"executor: ray.gpus_per_worker: {options.gpus_per_worker:g} and device: "
                    f"{device} exclude each other: leave one of the two out"
                ]
            )
        return "cuda"
    if device == "cuda":
        raise ConfigError(
            [
                "device: cuda needs workers that take up GPUs: write ray:gpus_per_worker=1, or a "
                "part of one, such as 0.5"
            ]
        )
    return "cpu" if device == "auto" else device


def launch_problem(environment: Mapping[str, str]) -> str | None:
    """Return why this process cannot be a driver: it is one of several; None where it is not.

    Workers would take its place among the others for theirs.

    >>> launch_problem({"WORLD_SIZE": "1"})
    """
    size = environment.get("WORLD_SIZE") or "1"
    if size == "1" and "TORCHELASTIC_RUN_ID" not in environment:
        return None
    return (
        f"a launcher such as torchrun has started this process (WORLD_SIZE={size}), and Ray has "
        f"processes of its own. Start audioforge by itself, with update_workers={size}, or leave "
        f"the executor out."
    )


def cpus_asked(options: RayOptions, there: int) -> int:
    """Return the CPU cores that a cluster of this machine offers: all, and what workers ask for.

    They are what Ray counts by, and nothing is locked to them: more workers than cores are slower.

    >>> cpus_asked(RayOptions(rollout_workers=4), there=2)
    4
    """
    rollouts = (options.rollout_workers or 1) * options.cpus_per_worker + options.verifier_workers
    updates = options.update_workers * options.cpus_per_worker
    return max(there, math.ceil(rollouts), math.ceil(updates))


def room_problem(nodes: Sequence[Node], options: RayOptions) -> str | None:
    """Return why no worker has room on any of the nodes; None where one has."""
    cpus, gpus_each = options.cpus_per_worker, options.gpus_per_worker
    if any(node.carries(cpus, gpus_each) for node in nodes):
        return None
    gpus = f" and {gpus_each:g} GPUs" if gpus_each else ""
    offered = "; ".join(f"{node.host}: {node.offers}" for node in nodes) or "there is no node"
    return (
        f"no node has {cpus:g} CPUs{gpus} for a worker ({offered}). Lower "
        f"cpus_per_worker or gpus_per_worker, or start larger nodes."
    )


def unused_gpus(nodes: Sequence[Node], device: str, options: RayOptions) -> str | None:
    """Return the advice to use the GPUs of the nodes; None where there are none, or they are."""
    gpus = sum(node.gpus for node in nodes)
    if not gpus or options.gpus_per_worker or device != "auto":
        return None
    return (
        f"the cluster has {gpus:g} GPUs, of which no worker takes up any: write "
        f"ray:gpus_per_worker=1 to use them, or --device cpu to leave it so."
    )
