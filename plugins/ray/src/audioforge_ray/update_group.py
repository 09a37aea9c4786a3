"""Starting the workers of an update and waiting for their end: by Ray Train, or one as a task."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from typing import Any, cast

import ray
from ray.exceptions import GetTimeoutError
from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from audioforge.inference.processes import PATIENCE
from audioforge_ray.options import RayOptions
from audioforge_ray.update_worker import Part, work, work_in_group

PATIENCE_SECONDS = 300
"""For nodes that the group needs and that are not there: they come and go."""


def wanted_of(options: RayOptions) -> str:
    """Return what a group asks of the cluster, in words."""
    each = " and ".join(f"{amount:g} {name}" for name, amount in resources_of(options).items())
    count = options.update_workers
    return f"{count} update worker{'s' if count > 1 else ''} of {each} each"


def resources_of(options: RayOptions) -> dict[str, float]:
    """Return what each worker of an update takes up, by Ray's name of it.

    A GPU is for one worker: NCCL joins no two that share one.
    """
    wanted = {"CPU": options.cpus_per_worker, "GPU": float(math.ceil(options.gpus_per_worker))}
    return {name: amount for name, amount in wanted.items() if amount} or {"CPU": 0.01}


def have_done(part: Part, options: RayOptions, has_begun: Callable[[], bool]) -> None:
    """Start the workers of an update, and wait for their end.

    Args:
        part: What each of them must know.
        options: How many, and what each of them takes up.
        has_begun: Whether a worker is there.

    Raises:
        Exception: Ray's, if a worker failed, was lost, or found no room.
    """
    if options.update_workers == 1:
        _by_one(part, options, has_begun)
        return
    _set_ray_train()
    with tempfile.TemporaryDirectory(prefix="audioforge-") as storage:
        _trainer(part, options, storage).fit()


def _by_one(part: Part, options: RayOptions, has_begun: Callable[[], bool]) -> None:
    """Have one worker do the update: it has nobody to be joined with."""
    wanted = resources_of(options)
    cpus, gpus = wanted.get("CPU", 0), wanted.get("GPU", 0)
    done = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(work).remote(part, 0)
    ended, _ = ray.wait([done], timeout=PATIENCE_SECONDS)
    if not (ended or has_begun()):
        ray.cancel(done)
        raise GetTimeoutError(f"no room for {PATIENCE_SECONDS} s")
    ray.get(done)


def _set_ray_train() -> None:
    """Set what Ray Train takes from environment variables alone, unless the user has."""
    settings = {
        # It looks after the group so often, and an update ends only when it has looked.
        "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
        "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": str(PATIENCE_SECONDS),
        # An actor less: a node that is taken away is noticed when it is gone.
        "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
        "RAY_TRAIN_METRICS_ENABLED": "0",
        # The worker goes to the folder that paths are relative to.
        "RAY_CHDIR_TO_TRIAL_DIR": "0",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _trainer(part: Part, options: RayOptions, storage: str) -> TorchTrainer:
    return _Trainer(
        work_in_group,
        train_loop_config={"part": part},
        # A death is noticed at once; the main worker may save for long.
        torch_config=TorchConfig(timeout_s=round(PATIENCE.total_seconds())),
        scaling_config=ScalingConfig(
            num_workers=options.update_workers,
            use_gpu=options.gpus_per_worker > 0,
            resources_per_worker=resources_of(options),
        ),
        # Ray's types are those of Ray Train's first version.
        run_config=RunConfig(  # type: ignore[call-arg]
            name="update",
            storage_path=storage,
            # Only restarts without progress count, which Ray Train cannot tell.
            failure_config=FailureConfig(  # type: ignore[call-arg]
                max_failures=0, controller_failure_limit=0
            ),
            logging_config=LoggingConfig(log_level="CRITICAL"),
        ),
    )


class _Trainer(TorchTrainer):
    """Without the actor that removes what a killed run has taken of the cluster.

    Ray does that itself, and where it has no dashboard, that actor does nothing but fail aloud.
    """

    def _create_default_callbacks(self) -> list[Any]:
        created = cast("list[Any]", cast("Any", super())._create_default_callbacks())
        return [c for c in created if type(c).__name__ != "PlacementGroupCleanerCallback"]
