"""Texts that a CTC model is to learn: which it cannot spell, and which its clip cannot hold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from audioforge.audio import stated_seconds
from audioforge.errors import AudioError
from audioforge.sample import AudioSample
from audioforge_wav2vec.likelihood import frames_needed
from audioforge_wav2vec.vocabulary import Vocabulary

MOST_SHOWN = 8
"""Characters that a message names."""


def spelling_problem(vocabulary: Vocabulary, text: str) -> str | None:
    """Say which characters of a text a model cannot spell; None where it can spell all."""
    unknown = vocabulary.unknown_characters(text)
    if not unknown:
        return None
    named = [f"'{c}' ({count})" for c, count in unknown.most_common(MOST_SHOWN)]
    more = len(unknown) - len(named)
    return (
        f"the model's vocabulary lacks {', '.join(named)}"
        f"{f' and {more} more' if more else ''}; write such signs as the model spells words"
    )


def length_problem(target: Sequence[int], frames: int) -> str | None:
    """Say that a clip is too short for a text; None where it is not.

    Args:
        target: Token ids of the text.
        frames: Output frames of the clip.
    """
    needed = frames_needed(target)
    if needed <= frames:
        return None
    return f"the target's {len(target)} characters need {needed} frames, and the clip has {frames}"


def warn_of_long_targets(
    samples: Sequence[AudioSample], frames: Sequence[int], targets: Sequence[Sequence[int]]
) -> None:
    """Warn of each text that its clip is too short for.

    Args:
        samples: The sample of each text.
        frames: Output frames of its clip.
        targets: Token ids of each text.
    """
    for sample, count, target in zip(samples, frames, targets, strict=True):
        problem = length_problem(target, count)
        if problem is not None:
            warnings.warn(f"{sample.place}: {problem}", stacklevel=4)


def seconds_of(sample: AudioSample) -> float | None:
    """Return the length of a sample's audio, by what its file states; None if unknown."""
    if sample.audio is None or (sample.offset is not None and sample.duration is not None):
        return sample.duration
    try:
        return stated_seconds(sample)
    except AudioError:
        return sample.duration
