"""The first half of a cycle: every training clip sampled, verified and written down."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Set

import attrs
from attrs import frozen

from audioforge.executor import Batches, BatchJob, Order, Outline, Workplace
from audioforge.inference.clips import ClipLoader
from audioforge.inference.completeness import check_complete
from audioforge.inference.hypothesis_audio import store_audio
from audioforge.inference.sampling import (
    GreedyToo,
    Sampled,
    SampledBatch,
    Sampler,
    quote_references,
)
from audioforge.judging.failures import Failures
from audioforge.measuring.evaluation import EvaluatedItem
from audioforge.model import ModelAdapter, SamplingParams
from audioforge.run.probed_clips import probe_journal, probed_ids, recall_probed, rollout_batches
from audioforge.run.rollout_store import RolloutStore
from audioforge.run.run import Run
from audioforge.sample import Problem, Rollout
from audioforge.terminal.reporter import Reporter


@frozen(eq=False)
class ScoredBatch:
    """One batch, sampled and scored.

    Attributes:
        rollouts: What became of each usable clip.
        problems: Why the others of the batch could not be used, by sample id.
        seconds: The time that it took, as "rollout" and "verify".
        probed: What was measured on the greedy outputs of clips that are probed.
    """

    rollouts: list[Rollout]
    problems: Mapping[str, Problem]
    seconds: Mapping[str, float]
    probed: list[EvaluatedItem]


def collect(run: Run, adapter: ModelAdapter, cycle: int) -> dict[str, float]:
    """Complete a cycle's rollouts; what the run folder holds already is not sampled again.

    Args:
        run: The run.
        adapter: The model.
        cycle: The cycle, from 1.

    Returns:
        The seconds that this took now, as "rollout" and "verify".

    Raises:
        VerifierError: If a verifier fails too often.
        Interrupted: If somebody asked to stop; the run folder has what was finished.
    """
    store, processes, skips = run.rollouts(cycle), run.processes, run.data.train.skips
    guard = run.verification.guard
    if processes.is_main and run.resumes:
        store.forget_failed()
    processes.wait()
    failures = guard.begin()
    done = _recall(run, store, failures)
    probed = recall_probed(run) if cycle == 1 else {}
    run.evaluator.recall(processes.shard(list(probed.values())), failures)
    unprobed = probed_ids(run, cycle) - probed.keys() - store.problems().keys()
    processes.wait()  # nobody writes while others still read what there was
    # A batch is done as a whole or again, so that what it is padded to stays the same.
    finished = done - unprobed
    missing = [c for c in rollout_batches(run, cycle) if not finished.issuperset(s.id for s in c)]
    seconds = {"rollout": 0.0, "verify": 0.0}
    came_back: list[str] = []
    job = RolloutJob(run, adapter, cycle, probed_ids(run, cycle))
    for batch in run.executor.share(job, missing):
        started = time.perf_counter()
        new = [rollout for rollout in batch.rollouts if rollout.sample.id not in done]
        ids = [*(rollout.sample.id for rollout in new), *batch.problems]
        came_back += ids
        done.update(ids)
        for problem in batch.problems.values():
            skips.add(problem)
        guard.count(new)
        measured = [item for item in batch.probed if item.id in unprobed]
        run.evaluator.count(measured)
        failures.check()
        unprobed -= {item.id for item in measured}
        probe_journal(run).append({"item": attrs.asdict(item)} for item in measured)
        store.append(new, batch.problems)
        run.events.sampled(cycle, new)
        for what, spent in batch.seconds.items():
            seconds[what] += spent
        seconds["verify"] += time.perf_counter() - started
        run.stop.check()
    check_complete(missing, done, processes.gather(came_back), f"cycle {cycle}")
    failures.check(at_end=True, counts=processes.gather(failures.counts()))
    skips.share(processes.gather)
    return seconds


def _recall(run: Run, store: RolloutStore, failures: Failures) -> set[str]:
    """Take over what an interrupted run has done and failed on; return the ids of that."""
    processes = run.processes
    problems = store.problems()
    for problem in problems.values():
        run.data.train.skips.recall(problem)
    done = set(problems)
    for number, rollout in enumerate(store):
        done.add(rollout.sample.id)
        if number % processes.count == processes.rank:
            failures.recall(rollout)
    return done


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

    def do(self, batches: Batches) -> Iterator[ScoredBatch]:
        """Sample and score batches in this process."""
        sampled = self.sampled(batches)
        while True:
            started = time.perf_counter()
            batch = next(sampled, None)
            if batch is None:
                return
            between = time.perf_counter()
            rollouts = _score(self.run, self.cycle, batch.sampled)
            probed = self.run.evaluator.measure(batch.greedy)
            seconds = {"rollout": between - started, "verify": time.perf_counter() - between}
            yield ScoredBatch(rollouts, batch.problems, seconds, probed)

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


def _score(run: Run, cycle: int, batch: list[Sampled]) -> list[Rollout]:
    """Verify a batch; generated audio goes to the run folder, decoded audio is let go."""
    audio = run.folder.hypothesis_audio(cycle)
    samples = [clip.as_sample() for clip, _ in batch]
    hypotheses = [store_audio(hs, clip.sample.id, audio) for clip, hs in batch]
    scored = run.verification.verify(cycle, samples, hypotheses)
    return [
        attrs.evolve(rollout, sample=clip.sample)
        for rollout, (clip, _) in zip(scored, batch, strict=True)
    ]
