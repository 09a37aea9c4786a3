"""Sampling: k hypotheses for each clip of this process' shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from audioforge.model import ModelAdapter, SamplingParams, Task
from audioforge.raft.clips import ClipLoader
from audioforge.raft.processes import Processes
from audioforge.reporter import Reporter
from audioforge.sample import AudioSample, Clip, Hypothesis, Problem

Sampled = tuple[Clip, list[Hypothesis]]


def sample_hypotheses(
    adapter: ModelAdapter,
    loader: ClipLoader,
    samples: Sequence[AudioSample],
    k: int,
    params: SamplingParams,
    *,
    batch_size: int,
    processes: Processes,
    reporter: Reporter,
    what: str,
) -> Iterator[list[Sampled]]:
    """Yield batches of clips with their hypotheses.

    Args:
        adapter: The model.
        loader: Decodes and applies the skip policy.
        samples: This process' shard.
        k: Hypotheses per clip.
        params: How to draw; temperature 0 decodes greedily.
        batch_size: Clips per batch.
        processes: Gives the precision to compute in.
        reporter: Shows progress.
        what: What the progress bar says.
    """
    adapter.module.eval()
    batches = reporter.track(
        loader.batches(samples, batch_size), len(samples), what, size=lambda batch: len(batch[0])
    )
    for _, clips in batches:
        if not clips:
            continue
        with torch.inference_mode(), processes.autocast():
            hypotheses = adapter.sample(adapter.prepare(clips), k, params)
        yield list(zip(clips, hypotheses, strict=True))


def quote_references(
    loader: ClipLoader, samples: Sequence[AudioSample], batch_size: int, task: Task
) -> Iterator[list[Sampled]]:
    """Yield batches of clips with their own reference as the only hypothesis, for the control.

    For text to speech that is the recording of the text; a sample without one gives none.
    """
    for _, clips in loader.batches(samples, batch_size):
        quoted = [(clip, reference) for clip in clips if (reference := _reference(clip, task))]
        if quoted:
            yield [(clip, [reference]) for clip, reference in quoted]
        for clip in clips:
            if _reference(clip, task) is None:
                reason = "there is no recording of the text to learn from"
                loader.skips.add(Problem(clip.sample.place, reason, "without recording"))


def _reference(clip: Clip, task: Task) -> Hypothesis | None:
    if task == "classification":
        return Hypothesis(label=clip.sample.labels[0])
    if task == "asr":
        return Hypothesis(text=clip.sample.reference)
    if not len(clip.waveform):
        return None
    return Hypothesis(audio=clip.waveform, sampling_rate=clip.sampling_rate)
