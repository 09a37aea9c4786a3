"""What was sampled of a batch, scored: where it was sampled, or where no model is.

On the way to another process go hypotheses, never the clips' sound, which is decoded once more
where they are scored: what comes out is the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from attrs import frozen

from audioforge.executor import Order, Step, Workplace
from audioforge.inference.clips import ClipLoader, SoundLimits
from audioforge.inference.sampling import Sampled, SampledBatch
from audioforge.inference.skip_log import SkipLog
from audioforge.measuring.evaluation import EvaluatedItem
from audioforge.run.run import Run
from audioforge.sample import AudioSample, Clip, Hypothesis, Problem, Rollout


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


def score(run: Run, cycle: int, batch: SampledBatch, seconds: float) -> ScoredBatch:
    """Score a batch in this process; decoded audio is let go.

    Args:
        run: The run.
        cycle: The cycle, from 1.
        batch: The batch, with its generated speech stored.
        seconds: How long it took to sample.
    """
    started = time.perf_counter()
    samples = [clip.as_sample() for clip, _ in batch.sampled]
    scored = run.verification.verify(cycle, samples, [hs for _, hs in batch.sampled])
    rollouts = [
        attrs.evolve(rollout, sample=clip.sample)
        for rollout, (clip, _) in zip(scored, batch.sampled, strict=True)
    ]
    probed = run.evaluator.measure(batch.greedy)
    took = {"rollout": seconds, "verify": time.perf_counter() - started}
    return ScoredBatch(rollouts, batch.problems, took, probed)


@frozen(eq=False)
class Drawn:
    """What was sampled of one clip, without its sound.

    Attributes:
        sample: The sample.
        frames: Length of the clip as it was sampled: augmented, where anything augments it.
        hypotheses: The k hypotheses.
        greedy: The greedy one, where that was asked for.
    """

    sample: AudioSample
    frames: int
    hypotheses: list[Hypothesis]
    greedy: list[Hypothesis]


@frozen(eq=False)
class DrawnBatch:
    """One batch that was sampled, without its sound.

    Attributes:
        clips: What was sampled of each usable clip.
        problems: Why the others of the batch could not be used, by sample id.
        seconds: How long it took to sample.
        limits: How its clips are decoded.
    """

    clips: list[Drawn]
    problems: Mapping[str, Problem]
    seconds: float
    limits: SoundLimits

    @classmethod
    def of(cls, batch: SampledBatch, seconds: float, limits: SoundLimits) -> DrawnBatch:
        """Return a batch without its sound.

        Args:
            batch: The batch, with its generated speech stored.
            seconds: How long it took to sample.
            limits: How its clips are decoded.
        """
        greedy = {clip.sample.id: hypotheses for clip, hypotheses in batch.greedy}
        clips = [
            Drawn(clip.sample, len(clip.waveform), hypotheses, greedy.get(clip.sample.id, []))
            for clip, hypotheses in batch.sampled
        ]
        return cls(clips, batch.problems, seconds, limits)


@frozen(eq=False)
class ScoringStep(Step):
    """Scoring what was sampled elsewhere; it needs no model.

    Attributes:
        run: The run.
        cycle: The cycle, from 1.
    """

    run: Run
    cycle: int

    def do(self, given: DrawnBatch) -> ScoredBatch:
        """Decode the clips of a batch once more, and score what was sampled of them."""
        loader = ClipLoader(given.limits, SkipLog(), self.run.cache)
        (loaded,) = loader.batches([[drawn.sample for drawn in given.clips]])
        clips = {clip.sample.id: clip for clip in loaded.clips}
        usable = [drawn for drawn in given.clips if drawn.sample.id in clips]
        sampled = [(_as_sampled(clips[d.sample.id], d), d.hypotheses) for d in usable]
        batch = SampledBatch(
            sampled=sampled,
            problems={**given.problems, **loaded.problems},
            greedy=_greedy(sampled, usable),
        )
        return score(self.run, self.cycle, batch, given.seconds)


@frozen
class ScoringOrder(Order[ScoringStep]):
    """Scoring batches that others sample.

    Attributes:
        cycle: The cycle, from 1.
    """

    cycle: int

    def at(self, place: Workplace) -> ScoringStep:
        """Return the step, to be done there."""
        return ScoringStep(place.run, self.cycle)


def _as_sampled(clip: Clip, drawn: Drawn) -> Clip:
    """Return a clip as long as it was sampled; how it was augmented nobody who scores hears."""
    if len(clip.waveform) == drawn.frames:
        return clip
    return attrs.evolve(clip, waveform=np.zeros(drawn.frames, np.float32), recording=clip.waveform)


def _greedy(sampled: Sequence[Sampled], drawn: Sequence[Drawn]) -> list[Sampled]:
    return [(clip, own.greedy) for (clip, _), own in zip(sampled, drawn, strict=True) if own.greedy]
