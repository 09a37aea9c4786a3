"""The executor: a run's batches are shared out to workers of a cluster; its loop stays here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from ray import ObjectRef

from audioforge.errors import UsageError
from audioforge.executor import Batches, BatchJob, Check, Executor, Outline, Result, WholeJob
from audioforge.files.journal import append_line
from audioforge.inference.processes import Processes
from audioforge.run.folder import RunFolder
from audioforge.run.workplace import Weights
from audioforge.terminal.reporter import Reporter
from audioforge_ray.account import NodeAccount
from audioforge_ray.cluster import Cluster, connect
from audioforge_ray.crew import RayCrew
from audioforge_ray.examination import examine
from audioforge_ray.group import Group, Post
from audioforge_ray.options import LOCAL, RayOptions
from audioforge_ray.packing import unpacked
from audioforge_ray.placement import launch_problem, room_problem, unused_gpus, worker_device
from audioforge_ray.pool import Limits, Pool
from audioforge_ray.probing import settled_precision
from audioforge_ray.scoring import Scoring
from audioforge_ray.sending import put
from audioforge_ray.travel import Dispatch
from audioforge_ray.worker import Errand, Sought, WorkerFacts

ACCOUNTS = "nodes.jsonl"
"""What each node did of each stage, in the run folder."""


class RayExecutor(Executor):
    """Has the nodes of a Ray cluster sample, score and measure; see `RayOptions`.

    The run's loop, its journals and its model are in this process, on its CPU: what computes are
    the workers. What they give back does not depend on how many there are, nor on their order.
    """

    def __init__(self, **options: Any) -> None:
        """Nothing is connected yet."""
        self._options = RayOptions(**options)
        self._cluster: Cluster | None = None
        self._processes: Processes | None = None
        self._setting = ("auto", "float32")  # device and precision of the workers
        self._staff: tuple[RayCrew, Pool] | None = None
        self._dispatch = Dispatch()
        self._weights: tuple[Weights, ObjectRef[np.ndarray[Any, Any]]] | None = None
        self._reporter: Reporter | None = None
        self._warned: set[str] = set()
        self._advice: list[str | None] = []
        self._marker: Path | None = None

    def join(self, device: str, dtype: str) -> None:
        """Connect to the cluster, and have workers start.

        Raises:
            ConfigError: If the workers have no such device.
            UsageError: If there is no cluster at the address, or this is one of several processes.
            TrainingError: If one cannot be started here.
        """
        if (problem := launch_problem(os.environ)) is not None:
            raise UsageError(f"executor: ray: {problem}")
        on = worker_device(device, self._options)
        self._cluster = connect(self._options)
        nodes = self._cluster.nodes()
        if self._options.address == LOCAL and (problem := room_problem(nodes, self._options)):
            raise UsageError(f"executor: ray: {problem}")  # on others more nodes may come
        dtype = settled_precision(nodes, on, dtype, self._options)
        self._advice = [self._cluster.warning(), unused_gpus(nodes, device, self._options)]
        self._processes = Processes("cpu", dtype)
        self._setting = on, dtype
        self._hire()

    @property
    def processes(self) -> Processes:
        """This process: the loop runs here alone."""
        assert self._processes is not None, "join() comes first"
        return self._processes

    def share(self, job: BatchJob[Result], batches: Batches) -> Iterator[Result]:
        """Have workers do batches.

        Raises:
            AudioForgeError: What a batch failed with.
            TrainingError: If a batch ends its workers again and again, or no worker is left.
            Interrupted: If somebody asked to stop while no worker was there.
        """
        if not batches:
            return
        self._reporter = job.reporter
        for advice in filter(None, self._advice):
            self._warn(advice)
        crew, pool = self._hire()
        outline = job.outline
        errand = self._errand(job)
        sought = Sought(marker=self._marked(outline), needed=self._dispatch.needed)
        crew.prepare(errand, sought, lambda facts: self._check(outline, facts))
        clips = sum(map(len, batches))
        shared = pool.share(batches, job.check_stop)
        try:
            for batch, content in job.reporter.track(
                shared, clips, job.what, size=lambda done: len(done[0])
            ):
                yield from unpacked(content, batch)
        finally:
            shared.close()
            self._tell_accounts(job, list(pool.accounts.values()))

    def together(self, job: WholeJob) -> None:
        """Have the update done; see `audioforge_ray.update`.

        Raises:
            TrainingError: If there is nothing to learn from, or the update breaks the model.
            Interrupted: If the run was asked to stop.
        """
        from audioforge_ray.update import run_update  # Ray Train takes seconds to import

        self._dismiss()
        run_update(job, self._dispatch, self._options)

    def examine(self, folder: Path | None) -> Iterator[Check]:
        """Look at the cluster and each of its nodes."""
        return examine(self._options, folder)

    def close(self) -> None:
        """End the workers, and the cluster if this run has started it."""
        if self._cluster is None:
            return
        self._dismiss()
        self._dispatch.close()
        self._cluster.close()
        self._cluster = None

    def _hire(self) -> tuple[RayCrew, Pool]:
        """Return the workers, started if need be."""
        assert self._cluster is not None, "join() comes first"
        if self._staff is None:
            asked, tell = self._options, self._warn
            device, dtype = self._setting
            workers = Post(
                device=device,
                dtype=dtype,
                cpus=asked.cpus_per_worker,
                gpus=asked.gpus_per_worker,
                count=asked.rollout_workers,
                beside=float(asked.verifier_workers),
            )
            scorers = Post(device="cpu", dtype=dtype, cpus=1.0, count=asked.verifier_workers)
            # Who scores first: the others take up what is left.
            scoring = None
            if asked.verifier_workers:
                scoring = Scoring(Group(self._cluster, scorers, tell), tell)
            crew = RayCrew(Group(self._cluster, workers, tell), scoring, tell)
            ahead = 3 if asked.verifier_workers else 2
            self._staff = crew, Pool(crew, Limits(ahead=ahead, losses=asked.max_restarts), tell)
        return self._staff

    def _dismiss(self) -> None:
        """End the workers: what they take up is free for others."""
        if self._staff is not None:
            self._staff[0].close()
            self._staff = None

    def _errand(self, job: BatchJob[Any]) -> Errand:
        """Put what a job is done by where every node fetches it once."""
        known, sent = self._weights or (None, None)
        weights = Weights.of(job.adapter, known)
        if sent is None or weights is not known:
            sent = put(np.frombuffer(weights.content, np.uint8), "the weights")
            # Their content is in the object store by now, and need not be held here too.
            self._weights = Weights(fingerprint=weights.fingerprint, content=b""), sent
        halves = job.halves() if self._options.verifier_workers else None
        return Errand(
            brief=self._dispatch.pack(job.outline),
            order=put(job.order() if halves is None else halves.first, job.what),
            scoring=None if halves is None else put(halves.second, job.what),
            weights=sent,
            fingerprint=weights.fingerprint,
        )

    def _marked(self, outline: Outline) -> Path | None:
        """Return a file in the run folder that workers look for; None where nothing is written."""
        assert self._cluster is not None, "join() comes first"
        folder = _folder(outline)
        if self._marker is None and folder is not None and folder.is_dir():
            self._cluster.sweep(folder)
            self._marker = self._cluster.mark(folder)
        return self._marker

    def _check(self, outline: Outline, facts: Sequence[WorkerFacts]) -> None:
        assert self._cluster is not None, "join() comes first"
        self._cluster.check(facts, _folder(outline))

    def _warn(self, message: str) -> None:
        """Warn once of the same."""
        if self._reporter is not None and message not in self._warned:
            self._warned.add(message)
            self._reporter.warn(message)

    def _tell_accounts(self, job: BatchJob[Any], accounts: list[NodeAccount]) -> None:
        """Say what each node did, and write it down where there is a run folder."""
        for account in accounts:
            job.reporter.info(f"{job.what}: {account.describe()}")
        folder = _folder(job.outline)
        if folder is not None and RunFolder(folder).has_begun:
            for account in accounts:
                line = {"stage": job.what, **attrs.asdict(account), "busy": account.busy}
                append_line(folder / ACCOUNTS, line)


def _folder(outline: Outline) -> Path | None:
    """Return the run folder; None where nothing is written."""
    folder = outline.settings.get("output_dir")
    return None if folder is None else Path(folder)
