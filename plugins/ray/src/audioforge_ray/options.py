"""The options of the executor; imports nothing heavy."""

from __future__ import annotations

import re

import attrs
from attrs import field, frozen, validators

LOCAL = "local"
"""The address that stands for a cluster of this machine alone, which the run starts and ends."""
AUTO = "auto"
"""The address that stands for the cluster that this machine is a node of."""

_HOST_AND_PORT = re.compile(r"[^\s:/,]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}")


def _is_address(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value in (LOCAL, AUTO) or _HOST_AND_PORT.fullmatch(value):
        return
    raise ValueError(
        f"{value!r} is no address: write {LOCAL}, {AUTO} or HOST:PORT, such as 10.0.0.5:6379",
        attribute,
    )


@frozen(kw_only=True)
class RayOptions:
    """Which cluster, and how its nodes are shared out: `ray:address=auto,rollout_workers=8`.

    Attributes:
        address: "local": a cluster of this machine, on loopback, gone with the run. "auto": the one
            that this machine is a node of. "HOST:PORT": the one whose head is there.
        rollout_workers: Processes that sample, score and measure. None: as many as the cluster's
            CPUs or GPUs carry.
        update_workers: Processes that update together.
        cpus_per_worker: CPU cores that each of them takes up.
        gpus_per_worker: GPUs that each of them takes up; a part of one, such as 0.5, shares it.
        verifier_workers: Processes that score what the others sampled, with CPUs alone. 0: each
            rollout worker scores what it samples.
        max_restarts: How often one batch may end its worker, and the update may break off without
            having got any further, before the run stops.
    """

    address: str = field(default=LOCAL, validator=_is_address)
    rollout_workers: int | None = field(
        default=None, validator=validators.optional(validators.ge(1))
    )
    update_workers: int = field(default=1, validator=validators.ge(1))
    cpus_per_worker: float = field(default=1.0, validator=validators.ge(0))
    gpus_per_worker: float = field(default=0.0, validator=validators.ge(0))
    verifier_workers: int = field(default=0, validator=validators.ge(0))
    max_restarts: int = field(default=3, validator=validators.ge(0))
