"""The cluster that a run works on: one that is there, or one of this machine, gone with the run."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import ray
from ray._private import ray_constants, services

from audioforge.errors import AudioForgeError, TrainingError, UsageError, describe
from audioforge_ray.address import found_at, refusal
from audioforge_ray.agreement import (
    is_loopback,
    open_address,
    require_folder_seen,
    require_same,
    versions_here,
)
from audioforge_ray.node_folder import NodeFolder
from audioforge_ray.options import AUTO, LOCAL, RayOptions
from audioforge_ray.placement import Node, cpus_asked
from audioforge_ray.worker import WorkerFacts

STARTS = 3
"""Of a cluster of this machine."""
MARKER = ".seen-by-all-nodes-"
"""Beginning of the names of files that workers look for."""
START_SECONDS = 120.0
"""For a cluster of this machine; half a minute is not enough where there is much to do."""


class Cluster:
    """A cluster that this process is connected to; `connect` makes one.

    Args:
        folder: Where a cluster of our own keeps its files; None of one that was there.
        connected: Whether this connection is ours to close.
    """

    def __init__(self, folder: NodeFolder | None, *, connected: bool) -> None:
        """Nothing is asked of it yet."""
        self._folder, self._connected = folder, connected
        self._versions: dict[str, str | None] | None = None
        self._markers: list[Path] = []

    @property
    def address(self) -> str:
        """Where its head is, as HOST:PORT."""
        return str(ray.get_runtime_context().gcs_address)

    def nodes(self) -> list[Node]:
        """Return the nodes that are there now, the driver's first."""
        here = ray.get_runtime_context().get_node_id()
        nodes = [
            Node(
                id=node["NodeID"],
                host=node["NodeManagerHostname"],
                address=node["NodeManagerAddress"],
                cpus=node["Resources"].get("CPU", 0.0),
                gpus=node["Resources"].get("GPU", 0.0),
                is_driver=node["NodeID"] == here,
            )
            for node in ray.nodes()  # type: ignore[no-untyped-call]
            if node["Alive"]
        ]
        return sorted(nodes, key=lambda node: (not node.is_driver, node.host, node.id))

    def warning(self) -> str | None:
        """Return that others may reach the cluster and run code there; None where they cannot."""
        addresses = [node.address for node in self.nodes()]
        token = os.environ.get("RAY_AUTH_MODE", "").lower() == "token"  # Ray sets it itself too
        return open_address(addresses, asks_for_token=token)

    def mark(self, folder: Path) -> Path:
        """Write a file that workers look for: whether they see the folder is known by it.

        Args:
            folder: The run folder, which is there.

        Returns:
            The file, gone when the cluster is closed.

        Raises:
            OSError: If it cannot be written.
        """
        marker = folder.absolute() / f"{MARKER}{secrets.token_hex(8)}"
        marker.touch()
        self._markers.append(marker)
        return marker

    @staticmethod
    def sweep(folder: Path) -> None:
        """Remove such files that a run left which was killed.

        Args:
            folder: The run folder, which no other run writes to.
        """
        for marker in folder.glob(f"{MARKER}*"):
            marker.unlink(missing_ok=True)

    def check(self, facts: Sequence[WorkerFacts], folder: Path | None) -> None:
        """Refuse workers that cannot do the same as this process.

        Args:
            facts: What they are.
            folder: The run folder, which they were asked to see; None where they were not.

        Raises:
            UsageError: Naming nodes, and what is wrong there.
            ConfigError: If files that settings name are not there, or others.
        """
        self._versions = self._versions or versions_here()
        require_same(self._versions, facts)
        if folder is not None:
            require_folder_seen(folder, facts)

    def close(self) -> None:
        """Disconnect; end the cluster if `connect` started it."""
        for marker in self._markers:
            with suppress(OSError):
                marker.unlink(missing_ok=True)
        if self._connected:
            ray.shutdown()
        if self._folder is not None:
            self._folder.close()


def connect(options: RayOptions) -> Cluster:
    """Connect to the cluster that the options name, or start one of this machine.

    Raises:
        UsageError: If there is none at the address, or it lets nobody in.
        TrainingError: If one cannot be started here.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if ray.is_initialized():
        return _connected_already(options)
    return _start(options) if options.address == LOCAL else _join(options.address)


def _connected_already(options: RayOptions) -> Cluster:
    """Return the cluster that the program has connected to by itself."""
    there = str(ray.get_runtime_context().gcs_address)
    if options.address in (AUTO, there):
        return Cluster(None, connected=False)
    raise UsageError(
        f"executor: ray.address: {options.address}, but this program is connected to a cluster at "
        f"{there} already. Write ray:address=auto to work on that one, or call ray.shutdown() "
        f"before."
    )


def _start(options: RayOptions) -> Cluster:
    """Start a cluster of this machine, which nobody else reaches and which ends with this process.

    The system ends its processes when this one ends, however that is: on Linux the kernel does.
    """
    folder = NodeFolder(f"ray-{secrets.token_hex(4)}")
    cluster = Cluster(folder, connected=True)
    try:
        _start_patiently(folder.path, cpus_asked(options, _cpus()))
        if not all(is_loopback(node.address) for node in cluster.nodes()):
            raise TrainingError(
                f"a cluster of this machine would be open to others: Ray {ray.__version__} does "
                f"not keep to 127.0.0.1. Install the Ray that constraints.txt names."
            )
    except BaseException as error:
        cluster.close()
        if isinstance(error, AudioForgeError) or not isinstance(error, Exception):
            raise
        raise TrainingError(
            f"no Ray cluster can be started on this machine: {describe(error)}. It may have too "
            f"much to do, /dev/shm or the disk of {folder.path.parent} may be full, or TMPDIR too "
            f"long a name."
        ) from error
    return cluster


def _start_patiently(folder: Path, cpus: int) -> None:
    """Start Ray in a folder; again, where its processes did not find each other in time."""
    for left in reversed(range(STARTS)):
        try:
            # Its only switch for 127.0.0.1; and how long it waits for itself nobody may choose.
            with (
                _set(ray_constants, ENABLE_RAY_CLUSTER=False),
                _set(services, get_node=_patiently(services.get_node, folder)),
            ):
                _init(
                    address="local", num_cpus=cpus, include_dashboard=False, _temp_dir=str(folder)
                )
            return
        except BaseException as error:
            _end_processes(folder)
            if not (isinstance(error, Exception) and left):
                raise


def _patiently(get_node: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """Return a function that waits for this machine's node, as long as its process lives."""

    def get_node_in_time(*arguments: Any, **keywords: Any) -> Any:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return get_node(*arguments, **keywords)
            except RuntimeError as error:
                if not any(process.name() == "raylet" for process in _processes(folder)):
                    raise ConnectionError("its process has ended while it started") from error
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    return get_node_in_time


def _end_processes(folder: Path) -> None:
    """End what a start that failed has left: Ray forgets it."""
    ray.shutdown()
    for process in _processes(folder):
        with suppress(psutil.Error):
            process.kill()


def _processes(folder: Path) -> list[psutil.Process]:
    """Return those processes of Ray that this one has started and that live."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # a zombie has no arguments
            if any(str(folder) in argument for argument in process.cmdline()):
                found.append(process)
    return found


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _join(address: str) -> Cluster:
    """Connect to a cluster that is there."""
    found = found_at(address)
    here_alone = is_loopback(found.rpartition(":")[0])
    try:
        with _set(
            ray_constants, NUM_REDIS_GET_RETRIES=1, ENABLE_RAY_CLUSTER=not here_alone
        ):  # 41 s each
            _init(address=found)
    except Exception as error:
        ray.shutdown()
        raise UsageError(refusal(found, error)) from error
    return Cluster(None, connected=True)


def _init(**arguments: Any) -> None:
    """Call `ray.init`, quietly, and give back the signal that it takes."""
    before = signal.getsignal(signal.SIGTERM)
    logging.getLogger("ray").setLevel(logging.ERROR)  # it says that there is a token
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **arguments)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _set(module: ModuleType, **values: Any) -> Iterator[None]:
    """Have parts of Ray be others for a while: it has no other way to set them."""
    before = {name: getattr(module, name) for name in values}
    try:
        for name, value in values.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
