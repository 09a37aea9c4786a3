"""Sampling a cycle's batches and scoring them, here or elsewhere, together or apart."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence, Set

import attrs
from attrs import frozen

from audioforge.executor import Batches, BatchJob, Halves, Order, Outline, Step, Workplace
from audioforge.inference.clips import ClipLoader, SoundLimits
from audioforge.inference.hypothesis_audio import store_audio
from audioforge.inference.sampling import GreedyToo, SampledBatch, Sampler, quote_references
from audioforge.model import ModelAdapter, SamplingParams
from audioforge.run.run import Run
from audioforge.run.scored_batch import DrawnBatch, ScoredBatch, ScoringOrder, score
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter


@frozen(eq=False)
class RolloutJob(BatchJob[ScoredBatch]):
    """Sampling a cycle's batches and scoring them.

    Attributes:
        run: The run.
        adapter: The model, the same in every process.
        cycle: The cycle, from 1; keys the noise.
        probed: Ids of the clips that are decoded greedily too.
    """

    run: Run
    adapter: ModelAdapter
    cycle: int
    probed: Set[str]

    @property
    def what(self) -> str:
        """What the progress bar says."""
        return f"cycle {self.cycle} sample"

    @property
    def reporter(self) -> Reporter:
        """Where to tell how far it is."""
        return self.run.reporter

    @property
    def outline(self) -> Outline:
        """The run, for other processes."""
        return self.run.evaluator.outline

    def order(self) -> RolloutOrder:
        """Return the job for other processes."""
        return RolloutOrder(self.cycle, frozenset(self.probed))

    def halves(self) -> Halves[ScoredBatch]:
        """Return the job in two: sampling, which needs the model, and scoring, which does not."""
        return Halves(SamplingOrder(self.order()), ScoringOrder(self.cycle))

    def check_stop(self) -> None:
        """Stop here if somebody asked to."""
        self.run.stop.check()

    def do(self, batches: Batches) -> Iterator[ScoredBatch]:
        """Sample and score batches in this process."""
        for batch, seconds in self.drawn(batches):
            yield score(self.run, self.cycle, batch, seconds)

    def drawn(self, batches: Batches) -> Iterator[tuple[SampledBatch, float]]:
        """Yield batches of clips with what is to be scored, and the seconds that each took.

        Generated speech goes to the run folder.
        """
        audio = self.run.folder.hypothesis_audio(self.cycle)
        started = time.perf_counter()
        for batch in self.sampled(batches):
            stored = [(clip, store_audio(hs, clip.sample.id, audio)) for clip, hs in batch.sampled]
            yield attrs.evolve(batch, sampled=stored), time.perf_counter() - started
            started = time.perf_counter()

    def sampled(self, batches: Batches) -> Iterator[SampledBatch]:
        """Yield batches of clips with what is to be scored."""
        run, cycle = self.run, self.cycle
        config, skips, augmenter = run.config, run.data.train.skips, run.augmenter(cycle)
        if run.selection.learns_from_references:
            loader = ClipLoader(self.adapter, skips, run.cache, augmenter=augmenter)
            return quote_references(loader, batches, run.task)
        params = SamplingParams(
            temperature=config.temperature_of(cycle),
            top_p=config.top_p,
            top_k=config.top_k,
            seed=config.seed,
            cycle=cycle,
            max_new_tokens=config.max_new_tokens,
            max_tokens_per_second=config.max_tokens_per_second or None,
        )
        sampler = Sampler(
            adapter=self.adapter,
            k=config.samples_per_prompt,
            params=params,
            skips=skips,
            processes=run.processes,
            reporter=run.reporter,
            greedy=GreedyToo(ids=self.probed, params=run.evaluator.decoding.params),
            fallback=run.evaluator.decoding.fallback,
            cache=run.cache,
            augmenter=augmenter,
        )
        return sampler.batches(batches, self.what)


@frozen
class RolloutOrder(Order[RolloutJob]):
    """Sampling and scoring batches elsewhere.

    Attributes:
        cycle: The cycle, from 1.
        probed: Ids of the clips that are decoded greedily too.
    """

    cycle: int
    probed: frozenset[str]

    def at(self, place: Workplace) -> RolloutJob:
        """Return the job, to be done there."""
        return RolloutJob(place.run, place.adapter, self.cycle, self.probed)


@frozen(eq=False)
class SamplingStep(Step):
    """Sampling a batch for others to score.

    Attributes:
        job: The job of which it is a part.
    """

    job: RolloutJob

    def do(self, given: Sequence[AudioSample]) -> DrawnBatch:
        """Sample a batch."""
        ((batch, seconds),) = self.job.drawn([given])
        return DrawnBatch.of(batch, seconds, SoundLimits.of(self.job.adapter))


@frozen
class SamplingOrder(Order[SamplingStep]):
    """Sampling batches for others to score.

    Attributes:
        whole: The job of which it is a part.
    """

    whole: RolloutOrder

    def at(self, place: Workplace) -> SamplingStep:
        """Return the step, to be done there."""
        return SamplingStep(self.whole.at(place))
