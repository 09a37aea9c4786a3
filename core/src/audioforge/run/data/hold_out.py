"""Holding out a part of the training data, where there is no other to measure on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from attrs import frozen

from audioforge import keyed_random
from audioforge.errors import DatasetError
from audioforge.judging.needs import Needs
from audioforge.sample import AudioSample
from audioforge.terminal.figures import percent

NEAR_ENOUGH = 1e-4
"""Part of all clips: no nearer share is looked for than one this near to what was asked for."""


@frozen
class Split:
    """Samples in two parts.

    Attributes:
        train: What is learnt from, by id.
        held_out: What is measured on, by id.
        account: What was held out and why, in a sentence without its full stop.
        parts_voices: Whether no voice is known to be, or may be, on both sides.
    """

    train: list[AudioSample]
    held_out: list[AudioSample]
    account: str
    parts_voices: bool


def hold_out(samples: Sequence[AudioSample], fraction: float, seed: int, needs: Needs) -> Split:
    """Split samples into those to train on and those held out.

    Where several speakers are known, whole speakers are held out: in an order that the seed fixes,
    the first whose clips together come nearest to the fraction. At least one speaker is held out
    and at least one is left. A clip whose speaker is not known could be anybody's, and is trained
    on. Where no speaker or only one is known, single clips are held out.

    Only samples that say what the metric needs can be measured on: the fraction is one of these,
    and a speaker without any is trained on. Of a speaker who is held out, the others are left out
    of both parts.

    Args:
        samples: Their ids are unique; their order does not matter.
        fraction: The share to hold out, between 0 and 1.
        seed: Decides which.
        needs: What a sample must say to be measured on.

    Raises:
        DatasetError: If one of the parts would be empty.
    """
    ordered = sorted(samples, key=lambda s: s.id)
    measurable = [s for s in ordered if needs.met_by(s)]
    if not measurable:
        lacks = next((str(problem) for s in ordered if (problem := needs.problem(s))), "none")
        raise DatasetError(
            f"of {len(ordered)} samples none could be held out to measure on (first: {lacks}). "
            f"Give --eval-dataset, or a --metric that needs no reference"
        )
    # A voice on both sides would flatter the result, so whole speakers are held out where known.
    speakers = {name for s in ordered if (name := _speaker(s))}
    of_measurable = {name for s in measurable if (name := _speaker(s))}
    if len(speakers) > 1 and of_measurable:
        chosen = _speakers_to_hold_out(measurable, len(speakers), fraction, seed)
        held = [s for s in measurable if _speaker(s) in chosen]
        train = [s for s in ordered if _speaker(s) not in chosen]
    else:
        chosen = set()
        order = keyed_random.shuffled(len(measurable), "hold-out", seed)
        taken = {measurable[i].id for i in order[: max(1, round(fraction * len(measurable)))]}
        held = [s for s in measurable if s.id in taken]
        train = [s for s in ordered if s.id not in taken]
    if not train or not held:
        raise DatasetError(
            f"too few samples ({len(ordered)}) to hold {percent(fraction, 0)} of them out; give "
            f"--eval-dataset"
        )
    # Nobody chose this set by hand, so that the run says what it is.
    share = (
        f"{len(held)} of {len(measurable)} clips{_of_use(measurable, ordered)} are held "
        f"out of the training data, {percent(len(held) / len(measurable))} where "
        f"{percent(fraction)} was asked for: "
    )
    if chosen:
        reason = f"all of {len(chosen)} of {len(speakers)} speakers" + _stay(ordered)
    else:
        reason = _why_single_clips(of_measurable)
    return Split(train, held, share + reason, bool(chosen))


def _speaker(sample: AudioSample) -> str | None:
    """Return who speaks; None where it is not stated, or only blanks are."""
    return sample.speaker if sample.speaker and sample.speaker.strip() else None


def _speakers_to_hold_out(
    measurable: Sequence[AudioSample], known: int, fraction: float, seed: int
) -> set[str | None]:
    """Choose among the speakers of what can be measured on.

    Args:
        measurable: Every sample that can be measured on, in an order that does not change.
        known: How many speakers there are, with those of no such sample.
        fraction: The share of the samples to come near to.
        seed: Fixes the order of the speakers.
    """
    counts = Counter(name for s in measurable if (name := _speaker(s)))
    names = sorted(counts)
    order = [names[i] for i in keyed_random.shuffled(len(names), "hold-out", seed)]
    most = sum(counts.values()) - (len(counts) == known)  # somebody is left to train on
    chosen = _nearest_sum(
        [counts[name] for name in order],
        fraction * len(measurable),
        most,
        slack=NEAR_ENOUGH * len(measurable),
    )
    return {order[i] for i in chosen}


def _nearest_sum(counts: Sequence[int], wanted: float, most: int, slack: float) -> list[int]:
    """Return which counts add up to what is nearest to a sum; of two as near, to the larger.

    It goes through the counts once, keeps all sums that those so far can make, and stops at the
    first that is near enough. A sum remembers the count that completed it, which leads back to the
    sum without it: one that earlier counts had made.

    Args:
        counts: Each at least 1; there is one at least.
        wanted: The sum to come near to.
        most: No sum is larger.
        slack: How far from it is near enough, where that is more than half of one.
    """
    # A larger sum is farther from what is wanted than nothing; but something must be taken.
    limit = min(most, max(math.ceil(2 * wanted), min(counts)))
    reached = np.zeros(limit + 1, bool)
    reached[0] = True
    completed_by = np.zeros(limit + 1, np.int64)
    slack = max(slack, 0.5)
    near = slice(max(1, math.ceil(wanted - slack)), max(0, math.floor(wanted + slack)) + 1)
    top = 0
    for number, count in enumerate(counts):
        if count > limit:
            continue
        top = min(top + count, limit)
        fresh = count + np.flatnonzero(reached[: top - count + 1] & ~reached[count : top + 1])
        reached[fresh] = True
        completed_by[fresh] = number
        if reached[near].any():
            break
    sums = np.flatnonzero(reached)[1:]
    left = int(min(sums, key=lambda made: (abs(made - wanted), -made)))
    chosen = []
    while left:
        chosen.append(int(completed_by[left]))
        left -= counts[chosen[-1]]
    return chosen


def _of_use(measurable: Sequence[AudioSample], ordered: Sequence[AudioSample]) -> str:
    return " that can be measured on" if len(measurable) < len(ordered) else ""


def _stay(ordered: Sequence[AudioSample]) -> str:
    """Say how many clips are trained on because nobody says whose they are."""
    unknown = sum(_speaker(s) is None for s in ordered)
    if not unknown:
        return ""
    clips = "clip" if unknown == 1 else "clips"
    return f"; {unknown} {clips} without a speaker stay{'s' * (unknown == 1)} in training"


def _why_single_clips(speakers: set[str]) -> str:
    if speakers:
        return (
            "single clips, since only one speaker is known; the same voice is learnt from and "
            "measured on"
        )
    return (
        "single clips, since no speaker is known; the same voice may be learnt from and measured on"
    )
