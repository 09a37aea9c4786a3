"""What `audioforge doctor --executor ray:…` finds: the cluster, its nodes, whether they agree."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from audioforge.errors import AudioForgeError
from audioforge.executor import Check
from audioforge_ray.agreement import told_versions, version_differences, versions_here
from audioforge_ray.cluster import Cluster, connect
from audioforge_ray.options import LOCAL, RayOptions
from audioforge_ray.placement import room_problem, unused_gpus, worker_device
from audioforge_ray.probing import Probed, probe
from audioforge_ray.worker import Sought

TOLD = ("audioforge", "torch", "transformers", "ray", "python")
"""Versions that are told of each node; all are compared."""
SLOW_SECONDS = 0.5
"""From a question to its answer: far above what a network takes, and a batch takes seconds."""


def examine(options: RayOptions, folder: Path | None) -> Iterator[Check]:
    """Connect to the cluster, or start one of this machine, and look at each node.

    Args:
        options: Which cluster, and what workers take up.
        folder: Where runs are to write, which every node must see; None to leave that out.
    """
    started = time.perf_counter()
    try:
        device = worker_device("auto", options)
        cluster = connect(options)
    except AudioForgeError as error:
        yield Check("cluster", "broken", str(error))
        return
    try:
        yield from _cluster_checks(cluster, options, time.perf_counter() - started)
        yield from _node_checks(cluster, device, options, folder)
    finally:
        cluster.close()


def _cluster_checks(cluster: Cluster, options: RayOptions, seconds: float) -> Iterator[Check]:
    """Yield what is true of the cluster as a whole."""
    nodes = cluster.nodes()
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    how = "started, for this machine alone," if options.address == LOCAL else "joined"
    count = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    detail = f"{cluster.address}: {count}, {cpus:g} CPUs, {gpus:g} GPUs; {how} in {seconds:.1f} s"
    yield Check("cluster", "ok", detail)
    warning = cluster.warning()
    if warning is None:
        alone = options.address == LOCAL
        yield Check("cluster: open", "ok", "reached from this machine alone" if alone else "no")
    else:
        what, _, mend = warning.partition(". ")
        yield Check("cluster: open", "warning", what, mend)
    if (problem := room_problem(nodes, options)) is not None:
        is_final = options.address == LOCAL  # to others more nodes may come
        yield Check("cluster: workers", "broken" if is_final else "warning", problem)
    if (advice := unused_gpus(nodes, "auto", options)) is not None:
        yield Check("cluster: workers", "warning", advice)


def _node_checks(
    cluster: Cluster, device: str, options: RayOptions, folder: Path | None
) -> Iterator[Check]:
    """Yield what is true of each node."""
    marker, own = None, versions_here()
    if folder is not None:
        try:
            marker = cluster.mark(folder)
        except OSError as error:
            mend = "Name a folder that is there and can be written to."
            yield Check("folder", "broken", f"{folder}: {error.strerror}", mend)
    probed = list(probe(cluster.nodes(), device, options, Sought(marker=marker)))
    for one in probed:
        yield _node_check(one, own)
    if marker is not None:
        yield _folder_check(marker.parent, probed)


def _node_check(one: Probed, own: dict[str, str | None]) -> Check:
    """Return what is true of a node."""
    name = f"node {one.node.host}"
    if one.facts is None:
        mend = "Start it anew, take it out of the cluster, or leave it out by what workers take up."
        return Check(name, "broken", one.problem, mend)
    differences = version_differences(own, [one.facts])
    if differences:
        mend = "Install the same versions there; constraints.txt says which."
        return Check(name, "broken", "; ".join(differences), mend)
    parts = [
        f"{one.node.address}{' (this machine)' if one.node.is_driver else ''}, {one.node.offers}",
        f"computes on {one.facts.device} in {one.facts.dtype}",
        f"answers in {one.round_trip * 1000:.0f} ms",
        ", ".join(told_versions(one.facts.versions, TOLD)),
    ]
    if one.round_trip > SLOW_SECONDS:
        return Check(name, "warning", "; ".join(parts), "Its network is slow, or it is overloaded.")
    return Check(name, "ok", "; ".join(parts))


def _folder_check(folder: Path, probed: Sequence[Probed]) -> Check:
    """Return whether every node that answered sees a folder."""
    blind = [one.node.host for one in probed if one.facts is not None and not one.facts.sees]
    if not blind:
        return Check("folder", "ok", f"{folder}: every node sees it")
    mend = "Mount it at the same place on every node, or name another."
    return Check("folder", "broken", f"{folder}: {', '.join(blind)} does not see it", mend)
