"""Sampling: k hypotheses for each clip, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any

import torch
from attrs import field, frozen

from audioforge.inference.augmenter import Augmenter
from audioforge.inference.clip_cache import NOTHING_KEPT, ClipCache
from audioforge.inference.clips import ClipLoader
from audioforge.inference.fallback import decode_with_fallback
from audioforge.inference.out_of_memory import in_halves
from audioforge.inference.preparation import Preparation
from audioforge.inference.processes import Processes
from audioforge.inference.skip_log import SkipLog
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.model import ModelAdapter, Row, SamplingParams
from audioforge.sample import AudioSample, Clip, Hypothesis, Problem
from audioforge.tasks import SpeechTask
from audioforge.terminal.reporter import Reporter

Sampled = tuple[Clip, list[Hypothesis]]
Drawn = tuple[list[Hypothesis], list[Hypothesis]]
"""A clip's k hypotheses, and its greedy one where that was asked for."""


@frozen(eq=False)
class SampledBatch:
    """One batch, sampled.

    Attributes:
        sampled: Each usable clip with its hypotheses.
        problems: Why the others of the batch could not be used, by sample id.
        greedy: Of those that were asked for, each clip with its greedy output.
    """

    sampled: list[Sampled]
    problems: dict[str, Problem]
    greedy: list[Sampled] = field(factory=list)


@frozen(kw_only=True)
class GreedyToo:
    """Clips whose greedy output is drawn too, from what is prepared of them.

    A batch is decoded greedily as a whole where it has such a clip: which others it has changes
    nothing by its padding.

    Attributes:
        ids: Ids of their samples.
        params: How to decode.
    """

    ids: Set[str]
    params: SamplingParams


@frozen(eq=False, kw_only=True)
class Sampler:
    """Draws hypotheses from one model, all in the same way.

    Attributes:
        adapter: The model.
        k: How many hypotheses each clip gets.
        params: How to draw; temperature 0 decodes greedily.
        skips: Where a clip goes that cannot be used.
        processes: Gives the precision to compute in.
        reporter: Shows progress.
        greedy: What is decoded greedily too; None for nothing.
        fallback: Whether of what is decoded greedily doubtful transcripts are drawn again.
        cache: Keeps what need be computed of a clip only once.
        augmenter: Changes the clips before they are sampled; None for the clips as they are.
    """

    adapter: ModelAdapter
    k: int
    params: SamplingParams
    skips: SkipLog
    processes: Processes
    reporter: Reporter
    greedy: GreedyToo | None = None
    fallback: bool = False
    cache: ClipCache = NOTHING_KEPT
    augmenter: Augmenter | None = None

    def batches(self, chunks: Sequence[Sequence[AudioSample]], what: str) -> Iterator[SampledBatch]:
        """Yield batches of clips with their hypotheses.

        A batch that the memory cannot hold is sampled in halves; a clip that it cannot hold alone
        is left out by the skip policy.

        Args:
            chunks: The batches of this process.
            what: What the progress bar says.
        """
        self.adapter.module.eval()
        augmenter, passing = self.augmenter, self.augmenter is not None
        preparation = Preparation(self.adapter, self.processes, self.cache, passing=passing)
        loader = ClipLoader(self.adapter, self.skips, self.cache, preparation, augmenter)
        batches = self.reporter.track(
            loader.batches(chunks),
            sum(len(chunk) for chunk in chunks),
            what,
            size=lambda batch: len(batch.samples),
        )
        for batch in batches:
            done = SampledBatch([], dict(batch.problems))
            draw = partial(self._draw, preparation, batch.ahead)
            for clip, drawn in in_halves(batch.clips, draw, self.reporter):
                if drawn is None:
                    reason = (
                        f"{clip.seconds:.1f} s with {self.k} hypotheses do not fit into the memory"
                    )
                    problem = Problem(clip.sample.place, reason, "out of memory")
                    self.skips.add(problem)
                    done.problems[clip.sample.id] = problem
                    continue
                hypotheses, greedy = drawn
                done.sampled.append((clip, hypotheses))
                if greedy:
                    done.greedy.append((clip, greedy))
            yield done

    def _draw(
        self, preparation: Preparation, ahead: Mapping[str, Row], clips: Sequence[Clip]
    ) -> list[Drawn]:
        """Return the hypotheses of each clip."""
        with (
            global_state_restored(f"the model adapter {type(self.adapter).__name__}"),
            torch.inference_mode(),
            self.processes.autocast(),
        ):
            # No name of its own: what is prepared is let go with the call.
            return self._drawn(clips, preparation.batch(clips, ahead))

    def _drawn(self, clips: Sequence[Clip], batch: Any) -> list[Drawn]:
        rows, wanted = self._sample(batch, self.k, self.params), self.greedy
        if wanted is None or wanted.ids.isdisjoint(clip.sample.id for clip in clips):
            return [(row, []) for row in rows]
        greedy = self._sample(batch, 1, wanted.params)
        return [
            (row, one if clip.sample.id in wanted.ids else [])
            for clip, row, one in zip(clips, rows, greedy, strict=True)
        ]

    def _sample(self, batch: Any, k: int, params: SamplingParams) -> list[list[Hypothesis]]:
        if self.fallback and params.temperature == 0:
            return decode_with_fallback(self.adapter, batch, params)
        return self.adapter.sample(batch, k, params)


def quote_references(
    loader: ClipLoader, chunks: Sequence[Sequence[AudioSample]], task: SpeechTask
) -> Iterator[SampledBatch]:
    """Yield batches of clips with their own reference as the only hypothesis, for the control.

    For text to speech that is the recording of the text; a sample without one gives none.
    """
    for batch in loader.batches(chunks):
        sampled, problems = [], dict(batch.problems)
        for clip in batch.clips:
            reference = task.quoted(clip)
            if reference is not None:
                sampled.append((clip, [reference]))
                continue
            reason = "there is no recording of the text to learn from"
            problems[clip.sample.id] = Problem(clip.sample.place, reason, "without recording")
            loader.skips.add(problems[clip.sample.id])
        yield SampledBatch(sampled, problems)
