"""What goes from the driver to the nodes: the outline of the run, its corpus, and sound.

A brief is put into the object store once, and each node fetches it once. It says how a worker makes
its workplace: beside the run's outline it holds where the corpus is, in shards that are fetched one
after the other when a verifier goes through them, and who sends sound that the node does not see.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import ray
from attrs import evolve, frozen
from ray.actor import ActorHandle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from audioforge.executor import Executor, Outline
from audioforge.inference.stop import StopRequest
from audioforge.run.events import Listener
from audioforge.run.workplace import RunWorkplace
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter
from audioforge_ray.agreement import require_known_elsewhere, versions_here
from audioforge_ray.needed_paths import Needed, needed_paths
from audioforge_ray.node_cache import NodeCache
from audioforge_ray.node_folder import NodeFolder, default_place, sweep
from audioforge_ray.sending import put
from audioforge_ray.sent_files import Sender, SentFiles, Sound

SHARD_SAMPLES = 4096
"""Of the corpus that a worker holds at once."""
PART_SENT = 0.25
"""Of `cache_gb`, for sound that was sent: once it is decoded it is kept with the other clips."""
SWEEP_SECONDS = 15.0
"""To wait for nodes to remove what the run kept there; what stays the next run removes."""


@frozen(eq=False)
class Corpus:
    """The samples that verifiers may learn from, fetched shard by shard each time.

    Attributes:
        shards: Where the shards are, in the order of the datasets.
    """

    shards: tuple[ray.ObjectRef[Sequence[AudioSample]], ...]

    @classmethod
    def of(cls, samples: Iterable[AudioSample]) -> Corpus:
        """Put samples where the nodes can fetch them; at no time all are held."""
        left = iter(samples)
        shards = iter(lambda: list(islice(left, SHARD_SAMPLES)), [])
        return cls(tuple(put(shard, "the samples that verifiers learn from") for shard in shards))

    def __iter__(self) -> Iterator[AudioSample]:
        """Yield the samples."""
        for shard in self.shards:
            yield from ray.get(shard)


@frozen(eq=False)
class Brief:
    """What a worker must know of a run.

    Attributes:
        outline: The run; its corpus is fetched when it is asked for.
        run: Names the run on the nodes, as no other run is named.
        folder: The folder that the driver is in, where relative paths start.
        sender: Who sends sound.
        needed: What settings name that every node must see alike.
        versions: What is installed where the driver is.
    """

    outline: Outline
    run: str
    folder: Path
    sender: ActorHandle[Sender]
    needed: tuple[Needed, ...]
    versions: Mapping[str, str | None]

    def workplace(
        self,
        executor: Executor,
        *,
        listener: Listener | None = None,
        stop: StopRequest | None = None,
        reporter: Reporter | None = None,
    ) -> RunWorkplace:
        """Return the parts of the run, on this node; see `RunWorkplace`.

        The process goes to the folder that the driver is in, where there is such a one.

        Raises:
            AudioForgeError: If this node has no room for what is kept, or the settings do not fit
                what is installed here.
        """
        with suppress(OSError):  # all that matters may be named in full
            os.chdir(self.folder)
        node = NodeFolder(self.run)
        limit = round(float(self.outline.settings["cache_gb"]) * 1e9)
        sent = SentFiles(_Asked(self.sender), node, round(PART_SENT * limit), self.folder)
        cache = NodeCache(node, sent)
        place = RunWorkplace(
            self.outline, executor, listener=listener, stop=stop, reporter=reporter, cache=cache
        )
        cache.open(limit, lambda text: place.reporter.warn(text))
        return place


@frozen
class _Asked:
    """The driver's files, asked for through the actor that reads them."""

    sender: ActorHandle[Sender]

    def describe(self, path: str) -> Sound | None:
        """Return digest and size of a file; None where the driver cannot read it either."""
        return cast("Sound | None", ray.get(self.sender.describe.remote(path)))

    def piece(self, path: str, start: int) -> np.ndarray:
        """Return a part of a file, which is not copied on the way."""
        return cast("np.ndarray", ray.get(self.sender.piece.remote(path, start)))


class Dispatch:
    """Packs what the workers of a run need; on the driver.

    Attributes:
        needed: What the settings that were packed last name, and every node must see alike.
    """

    def __init__(self) -> None:
        """Nothing is packed yet."""
        self.needed: tuple[Needed, ...] = ()
        self._run = f"run-{secrets.token_hex(8)}"
        self._sender: ActorHandle[Sender] | None = None
        self._packed: tuple[Outline, ray.ObjectRef[Brief]] | None = None

    def pack(self, outline: Outline) -> ray.ObjectRef[Brief]:
        """Return where the brief of a run is; the same for the same outline.

        Raises:
            AudioForgeError: If the corpus cannot be read, or the run has functions of this program.
        """
        if self._packed is None or self._packed[0] is not outline:
            require_known_elsewhere(outline)
            kept = evolve(outline, corpus=Corpus.of(outline.corpus))
            self.needed = tuple(needed_paths(outline))
            brief = Brief(
                kept, self._run, Path.cwd(), self._sending(), self.needed, versions_here()
            )
            self._packed = outline, put(brief, "the outline of the run")
        return self._packed[1]

    def _sending(self) -> ActorHandle[Sender]:
        """Return who sends sound: a process beside this one, which sees the same files."""
        if self._sender is None:
            actor = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Sender)
            placed = actor.options(scheduling_strategy=_on(_here()))
            self._sender = cast("ActorHandle[Sender]", placed.remote())
        return self._sender

    def close(self) -> None:
        """Have the nodes remove what the run kept there; its workers are gone by then."""
        self._packed = None
        if self._sender is None:
            return  # nothing was packed
        with suppress(RayError):
            ray.kill(self._sender)
            nodes = (n["NodeID"] for n in ray.nodes() if n["Alive"])  # type: ignore[no-untyped-call]
            others = [node for node in nodes if node != _here()]
            task = ray.remote(num_cpus=0, max_retries=0)(_tidy)
            tidied = [task.options(scheduling_strategy=_on(node)).remote() for node in others]
            ray.wait(tidied, num_returns=len(tidied), timeout=SWEEP_SECONDS)
        self._sender = None
        _tidy()


def _tidy() -> None:
    sweep(default_place())


def _here() -> str:
    return str(ray.get_runtime_context().get_node_id())


def _on(node: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node, soft=False)
