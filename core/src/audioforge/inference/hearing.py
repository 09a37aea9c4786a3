"""Hearing which language is spoken, with the model that is to transcribe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from attrs import frozen

from audioforge.executor import Batches, BatchJob, Executor, Order, Outline, Workplace
from audioforge.inference.clip_cache import NOTHING_KEPT, ClipCache
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.out_of_memory import in_halves
from audioforge.inference.preparation import Preparation
from audioforge.inference.processes import Processes
from audioforge.inference.skip_log import SkipLog
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.model import ModelAdapter, Row
from audioforge.sample import AudioSample, Clip
from audioforge.terminal.reporter import Reporter

Logprobs = Mapping[str, tuple[float, ...]]
"""Of each clip, by its id, the log-probability of each language of the model."""


@frozen(eq=False)
class HearingJob(BatchJob[Logprobs]):
    """Hearing the language of batches of clips; what cannot be decoded is left to later stages.

    Attributes:
        adapter: The model, the same in every process.
        processes: Gives the precision to compute in.
        reporter: Shows progress.
        outline: What is known of the run before its languages are.
        cache: Keeps the sound of clips.
    """

    adapter: ModelAdapter
    processes: Processes
    reporter: Reporter
    outline: Outline
    cache: ClipCache = NOTHING_KEPT
    what = "hear the language"

    def order(self) -> HearingOrder:
        """Return the job for other processes."""
        return HearingOrder()

    def do(self, batches: Batches) -> Iterator[Logprobs]:
        """Hear batches in this process."""
        self.adapter.module.eval()
        preparation = Preparation(self.adapter, self.processes)
        loader = ClipLoader(self.adapter, SkipLog(), self.cache, preparation)
        loaded = self.reporter.track(
            loader.batches(batches),
            sum(map(len, batches)),
            self.what,
            size=lambda batch: len(batch.samples),
        )
        for batch in loaded:
            hear = partial(self._hear, preparation, batch.ahead)
            heard = in_halves(batch.clips, hear, self.reporter)
            yield {clip.sample.id: row for clip, row in heard if row is not None}

    def _hear(
        self, preparation: Preparation, ahead: Mapping[str, Row], clips: Sequence[Clip]
    ) -> list[tuple[float, ...]]:
        with (
            global_state_restored(f"the model adapter {type(self.adapter).__name__}"),
            torch.inference_mode(),
            self.processes.autocast(),
        ):
            batch = preparation.batch(clips, ahead)
            return [tuple(row) for row in self.adapter.language_logprobs(batch).tolist()]


@frozen
class HearingOrder(Order[HearingJob]):
    """Hearing the language of batches elsewhere."""

    def at(self, place: Workplace) -> HearingJob:
        """Return the job, to be done there."""
        known = Outline(settings={})
        return HearingJob(place.adapter, place.processes, place.reporter, known, place.cache)


def hear_languages(
    adapter: ModelAdapter,
    samples: Sequence[AudioSample],
    outline: Outline,
    executor: Executor,
    reporter: Reporter,
) -> Logprobs:
    """Return what a model hears in each clip that can be decoded; the same in every process.

    It costs a pass of the encoder and one step of the decoder a clip.

    Args:
        adapter: A model of several languages.
        samples: The clips.
        outline: The run; its settings say how many clips a forward pass has.
        executor: Shares the work.
        reporter: Shows progress.
    """
    batch_size = int(outline.settings["batch_size"])
    chunks = chunks_of(sorted(samples, key=lambda s: s.id), batch_size)
    job = HearingJob(adapter, executor.processes, reporter, outline)
    own = [item for batch in executor.share(job, chunks) for item in batch.items()]
    return dict(sorted(executor.processes.gather(own)))
