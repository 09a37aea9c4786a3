"""What foreign code is handed: nothing of it is the engine's own, so that changing it hurts nobody.

Lists go out as tuples: a verifier that sorts the hypotheses it is given, or an adapter that sorts
clips, would say of one clip what is true of another, and cannot. Containers inside are copied, and
sound goes out as a view that cannot be written to, or as a copy where it is written to by habit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, frozen

from audioforge.sample import AudioSample, Clip, Hypothesis, Score


def copies_for_verifier(
    samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
) -> tuple[tuple[AudioSample, ...], tuple[Hypothesis, ...]]:
    """Return samples and hypotheses for one call of a verifier.

    A sample that stands there more than once is one object in what is returned, too.
    """
    copies: dict[int, AudioSample] = {}
    for sample in samples:
        if id(sample) not in copies:
            copies[id(sample)] = _lent(sample)
    return (
        tuple([copies[id(sample)] for sample in samples]),
        tuple([_lent_hypothesis(hypothesis) for hypothesis in hypotheses]),
    )


@frozen(eq=False)
class LentSamples:
    """Samples that foreign code may go through, as often as it likes; each is a copy.

    Attributes:
        samples: The samples; whoever keeps them elsewhere reads them anew each time.
    """

    samples: Iterable[AudioSample]

    def __iter__(self) -> Iterator[AudioSample]:
        """Yield a copy of each sample."""
        return map(_lent, self.samples)


def copies_for_adapter(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    """Return clips for one call of a model adapter.

    Waveforms are copied: features are often computed in place, and a tensor that shares the memory
    of an array writes to it even where the array forbids that.
    """
    return tuple([copy_for_adapter(clip) for clip in clips])


def copy_for_adapter(clip: Clip) -> Clip:
    """Return one clip for a call of a model adapter, as `copies_for_adapter` does."""
    return Clip(_lent(clip.sample), clip.waveform.copy(), clip.sampling_rate)


def samples_for_adapter(clips: Sequence[Clip]) -> tuple[AudioSample, ...]:
    """Return what is known about clips, for a call of a model adapter that needs no sound."""
    return tuple([_lent(clip.sample) for clip in clips])


def copies_for_aggregator(scores: Mapping[str, Score]) -> dict[str, Score]:
    """Return scores for one call of an aggregator."""
    return {i: Score(s.reward, s.passed, dict(s.metrics), s.error) for i, s in scores.items()}


def copied_from_dataset(sample: AudioSample) -> AudioSample:
    """Return a sample that shares nothing with the dataset that yields it.

    It may fill the same array or mapping for the next one.
    """
    audio = sample.audio.copy() if isinstance(sample.audio, np.ndarray) else sample.audio
    return evolve(
        sample, audio=audio, labels=tuple(sample.labels), metadata=_copied(sample.metadata)
    )


def _lent(sample: AudioSample) -> AudioSample:
    audio = _read_only(sample.audio) if isinstance(sample.audio, np.ndarray) else sample.audio
    return evolve(sample, audio=audio, metadata=_copied(sample.metadata))


def _lent_hypothesis(hypothesis: Hypothesis) -> Hypothesis:
    if hypothesis.features is not None:  # a judge hears the sound, and nothing that is not in it
        hypothesis = evolve(hypothesis, features=None)
    if not isinstance(hypothesis.audio, np.ndarray):
        return hypothesis
    return evolve(hypothesis, audio=_read_only(hypothesis.audio))


def _read_only(samples: np.ndarray) -> np.ndarray:
    view = samples.view()
    view.flags.writeable = False
    return view


def _copied(value: Any) -> Any:
    """Return a copy of what JSON can hold, and of arrays; anything else as it is."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, tuple):
        return tuple([_copied(item) for item in value])
    return value.copy() if isinstance(value, set | bytearray | np.ndarray) else value
