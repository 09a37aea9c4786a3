"""A Ray cluster of several nodes on this machine, whose nodes and workers can be taken away.

Each node has processes of its own, as on machines apart; all listen on loopback alone. The head
carries no work: on it are the cluster's books and the drivers.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

LOOPBACK = "127.0.0.1"
STORE_BYTES = 150 * 2**20
STARTS = 5
"""Of a node: Ray gives it 30 seconds, which may not do on a busy machine."""


class SimulatedCluster:
    """A head, and nodes that can be lost.

    Args:
        cluster: Ray's own, with its head.
        cpus: Cores that each node says it has.
    """

    def __init__(self, cluster: Cluster, cpus: int) -> None:
        """Take over a head; `add_node` brings the rest."""
        self._cluster, self._cpus = cluster, cpus

    @property
    def address(self) -> str:
        """Where drivers find it, as host:port."""
        return str(self._cluster.address)

    def add_node(self, **environment: str) -> None:
        """Start a node, and wait until it is there.

        Args:
            **environment: Variables that its workers have beside those of this process.
        """
        cluster, settings = self._cluster, {"env_vars": environment, **_COMMON}
        _patiently(lambda: cluster.add_node(num_cpus=self._cpus, **settings))

    def lose_node(self, draw: random.Random) -> None:
        """Kill every process of a node at once, as when its machine loses its power."""
        node = draw.choice(sorted(self._cluster.worker_nodes, key=lambda node: node.unique_id))
        for worker in _children(node):
            with suppress(psutil.Error):
                worker.kill()
        self._cluster.remove_node(node, allow_graceful=False)

    def workers(self, titles: Sequence[str]) -> list[int]:
        """Return the processes of the nodes whose title begins so, as pids."""
        nodes = list(self._cluster.worker_nodes)
        return sorted(
            c.pid for node in nodes for c in _children(node) if _title(c).startswith(tuple(titles))
        )

    def kill_worker(self, titles: Sequence[str], draw: random.Random) -> bool:
        """Kill one of the processes whose title begins so; say whether there was one."""
        workers = self.workers(titles)
        if workers:
            with suppress(ProcessLookupError):
                os.kill(draw.choice(workers), signal.SIGKILL)
        return bool(workers)


@contextmanager
def simulated_cluster(nodes: int, cpus: int) -> Iterator[SimulatedCluster]:
    """Start a cluster, and end it with all its processes.

    Args:
        nodes: Nodes beside the head.
        cpus: Cores that each of them says it has, whatever there are.
    """
    with tempfile.TemporaryDirectory(prefix="ray-", dir=_short_folder()) as folder:
        os.environ |= {
            "RAY_TMPDIR": folder,  # what tells `address=auto` where a cluster is lies elsewhere
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else an address of loopback is ignored
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
        }
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, **_COMMON}
        cluster: Any = Cluster()
        try:
            _patiently(lambda: cluster.add_node(**head))
            simulated = SimulatedCluster(cluster, cpus)
            for _ in range(nodes):
                simulated.add_node()
            yield simulated
        finally:
            cluster.shutdown()


def _patiently(start: Callable[[], object]) -> None:
    """Start something of Ray; again where it was not up in the time that Ray leaves it."""
    for attempt in reversed(range(STARTS)):
        before = set(psutil.Process().children())
        try:
            start()
            return
        except Exception as error:
            for left in set(psutil.Process().children()) - before:
                left.kill()
            if "timed out" not in str(error) or not attempt:
                raise


_COMMON: dict[str, Any] = {
    "node_ip_address": LOOPBACK,
    "include_dashboard": False,
    "object_store_memory": STORE_BYTES,
}


def _short_folder() -> Path:
    """Return where sockets can be: their paths may have 107 letters."""
    return Path("/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir())  # noqa: S108


def _children(node: Any) -> list[psutil.Process]:
    """Return the workers of a node: its raylet starts them."""
    found: list[psutil.Process] = []
    for raylet in node.all_processes.get("raylet", []):
        with suppress(psutil.Error):
            found += psutil.Process(raylet.process.pid).children()
    return found


def _title(process: psutil.Process) -> str:
    """Return what the process calls itself: Ray writes there what it is."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
