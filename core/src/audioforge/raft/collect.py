"""The first half of a cycle: every training clip sampled, verified and written down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import attrs

from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.hypothesis_audio import store_audio
from audioforge.inference.sampling import Sampled, SampledBatch, quote_references, sample_hypotheses
from audioforge.inference.stop import StopRequest
from audioforge.model import ModelAdapter, SamplingParams
from audioforge.run.folder import RunFolder
from audioforge.run.rollout_store import RolloutFiles
from audioforge.run.run import Run
from audioforge.sample import AudioSample, Rollout


def sample_and_verify(
    run: Run,
    adapter: ModelAdapter,
    folder: RunFolder,
    files: RolloutFiles,
    stop: StopRequest,
    seconds: dict[str, float],
) -> None:
    """Complete a cycle's rollouts; what the files hold already is not sampled again.

    Args:
        run: The run.
        adapter: The model.
        folder: Of the run.
        files: Where this cycle's rollouts are.
        stop: Asked after each batch.
        seconds: Where the time that it took is added, as "rollout" and "verify".

    Raises:
        VerifierError: If a verifier fails too often.
        Interrupted: If somebody asked to stop; the files have what was finished.
    """
    skips, processes = run.data.train.skips, run.processes
    done = files.done()
    failures = run.verification.guard.begin()
    for rollout in islice(files, processes.rank, None, processes.count):
        failures.recall(rollout)
    processes.wait()  # nobody writes while others still read what there was
    batches = _proposals(run, adapter, files.cycle, _chunks_to_do(run, done))
    while batch := _next(batches, seconds):
        started = time.perf_counter()
        rollouts = _score(run, folder, files.cycle, batch.sampled)
        failures.check()
        new = [r for r in rollouts if r.sample.id not in done]
        files.append(new, batch.problems)
        seconds["verify"] = seconds.get("verify", 0.0) + time.perf_counter() - started
        stop.check()
    failures.check(at_end=True, counts=processes.gather(failures.counts()))
    skips.share(processes.gather)


def _chunks_to_do(run: Run, done: set[str]) -> list[list[AudioSample]]:
    """Return this process' batches that are not finished; a batch is done as a whole or again."""
    samples = sorted(run.data.train.samples, key=lambda s: s.id)
    chunks = run.processes.shard(chunks_of(samples, run.config.batch_size))
    return [list(chunk) for chunk in chunks if not done.issuperset(s.id for s in chunk)]


def _proposals(
    run: Run, adapter: ModelAdapter, cycle: int, chunks: list[list[AudioSample]]
) -> Iterator[SampledBatch]:
    """Yield batches of clips with what is to be scored."""
    config = run.config
    loader = ClipLoader(adapter, run.data.train.skips)
    if config.selection == "reference":
        return quote_references(loader, chunks, run.task)
    params = SamplingParams(
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        seed=config.seed,
        cycle=cycle,
        max_new_tokens=config.max_new_tokens,
    )
    return sample_hypotheses(
        adapter,
        loader,
        chunks,
        config.samples_per_prompt,
        params,
        processes=run.processes,
        reporter=run.reporter,
        what=f"cycle {cycle} sample",
    )


def _next(batches: Iterator[SampledBatch], seconds: dict[str, float]) -> SampledBatch | None:
    started = time.perf_counter()
    batch = next(batches, None)
    seconds["rollout"] = seconds.get("rollout", 0.0) + time.perf_counter() - started
    return batch


def _score(run: Run, folder: RunFolder, cycle: int, batch: list[Sampled]) -> list[Rollout]:
    """Verify a batch; generated audio goes to the run folder, decoded audio is let go."""
    audio = folder.hypothesis_audio(cycle)
    samples = [clip.as_sample() for clip, _ in batch]
    hypotheses = [store_audio(hs, clip.sample.id, audio) for clip, hs in batch]
    scored = run.verification.verify(cycle, samples, hypotheses)
    return [
        attrs.evolve(rollout, sample=clip.sample)
        for rollout, (clip, _) in zip(scored, batch, strict=True)
    ]
