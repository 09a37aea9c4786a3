"""The cluster that a run works on: one that is there, or one of this machine, gone with the run."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import ray
from attrs import frozen

from audioforge.errors import TrainingError, UsageError, describe
from audioforge.executor import Outline
from audioforge_ray.options import LOCAL, RayOptions

if TYPE_CHECKING:
    from audioforge_ray.worker import WorkerFacts


@frozen(kw_only=True)
class Node:
    """A machine of the cluster.

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


class Cluster:
    """A cluster that this process is connected to; `connect` makes one.

    Args:
        folder: Where a cluster of our own keeps its files; None of one that was there.
    """

    def __init__(self, folder: Path | None) -> None:
        """Nothing is asked of it yet."""
        self._folder = folder

    def nodes(self) -> list[Node]:
        """Return the nodes that are there now."""
        here = ray.get_runtime_context().get_node_id()
        return [
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

    def check(self, facts: Sequence[WorkerFacts], outline: Outline, folder: Path | None) -> None:
        """Refuse workers that cannot do the same as this process.

        Args:
            facts: What they are.
            outline: The run.
            folder: The run folder, or None.
        """

    def close(self) -> None:
        """Disconnect; end the cluster if `connect` started it."""
        ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def connect(options: RayOptions) -> Cluster:
    """Connect to the cluster that the options name.

    Raises:
        UsageError: If there is none.
        TrainingError: If one cannot be started.
    """
    before = signal.getsignal(signal.SIGTERM)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        if options.address != LOCAL:
            ray.init(address=options.address, log_to_driver=False, logging_level=logging.ERROR)
            return Cluster(None)
        folder = Path(tempfile.mkdtemp(prefix="af-ray-"))
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(folder),
        )
        return Cluster(folder)
    except ConnectionError as error:
        raise UsageError(f"address: {describe(error)}") from error
    except RuntimeError as error:
        raise TrainingError(f"no cluster could be started: {describe(error)}") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # which Ray has taken
