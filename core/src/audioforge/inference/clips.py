"""From samples to batches of decoded clips.

A clip is decoded once as long as its sound can be kept: by what its file is (its place, size and
time), what part of it the clip is, and at what rate it is wanted. A file that was written to is
decoded again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from attrs import evolve, frozen

from audioforge.audio import check_length, load_clip
from audioforge.errors import AudioError
from audioforge.inference.augmenter import Augmenter
from audioforge.inference.clip_cache import NOTHING_KEPT, ClipCache
from audioforge.inference.preparation import Preparation
from audioforge.inference.skip_log import SkipLog
from audioforge.model import ModelAdapter, Row
from audioforge.sample import AudioSample, Clip, Problem

T = TypeVar("T")
DECODERS = 2
"""Threads that work ahead; soundfile, soxr and torch release the interpreter while they work."""

SOUND = "sound"
"""The kind under which decoded clips are kept."""


@frozen(eq=False)
class Batch:
    """A chunk of samples with what of it could be decoded.

    Attributes:
        samples: The samples of the chunk, usable or not.
        clips: The decoded clips of those that can be used, in the same order.
        problems: Why the others cannot be used, by sample id.
        ahead: What `Preparation.batch` need not compute of the clips any more, by sample id.
    """

    samples: Sequence[AudioSample]
    clips: list[Clip]
    problems: dict[str, Problem]
    ahead: Mapping[str, Row]


@frozen
class SoundLimits:
    """What of sound a model can take, as its adapter says.

    Attributes:
        sampling_rate: In Hz.
        max_seconds: The longest clip, in seconds; None for any.
        min_seconds: The shortest one, in seconds.
    """

    sampling_rate: int
    max_seconds: float | None
    min_seconds: float

    @classmethod
    def of(cls, adapter: ModelAdapter) -> SoundLimits:
        """Return the limits of a model."""
        return cls(adapter.sampling_rate, adapter.max_seconds, adapter.min_seconds)


def chunks_of(samples: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut a list into batches. What stands in one must not depend on who works on it.

    Padding changes a model's output by rounding; so the batches of a stage are cut once, and
    processes share whole ones.
    """
    return [samples[i : i + size] for i in range(0, len(samples), size)]


class ClipLoader:
    """Decodes samples for one adapter, a few batches ahead.

    Args:
        adapter: The adapter, whose sampling rate and window decide what can be used; where there is
            none, they alone.
        skips: Where to write what cannot be used.
        cache: Keeps decoded clips.
        preparation: What makes batches of the clips, if anything does: it works ahead too.
        augmenter: Changes the clips, if anything does, once they are decoded: what is kept of their
            sound is the recording. It is foreign code and works in the thread that asks for
            batches, so that nothing is prepared ahead.

    Attributes:
        skips: What was left out.
    """

    def __init__(
        self,
        adapter: ModelAdapter | SoundLimits,
        skips: SkipLog,
        cache: ClipCache = NOTHING_KEPT,
        preparation: Preparation | None = None,
        augmenter: Augmenter | None = None,
    ) -> None:
        """Create the loader."""
        self._rate = adapter.sampling_rate
        self._max_seconds = adapter.max_seconds
        self._min_seconds = adapter.min_seconds
        # Threads decode while a plugin may be standing somewhere else for a moment.
        self._folder = cache.files.folder
        self._cache, self._augmenter = cache, augmenter
        self._preparation = preparation if augmenter is None else None
        self._model = adapter if isinstance(adapter, ModelAdapter) else None
        self.skips = skips

    def batches(self, chunks: Sequence[Sequence[AudioSample]]) -> Iterator[Batch]:
        """Decode each chunk, and write down what of it cannot be used."""
        with ThreadPoolExecutor(DECODERS) as pool:
            ahead: list[Future[Batch]] = []
            for index, chunk in enumerate(chunks):
                while len(ahead) < min(DECODERS + 1, len(chunks) - index):
                    ahead.append(pool.submit(self._load_all, chunks[index + len(ahead)]))
                batch = ahead.pop(0).result()
                if self._augmenter is not None:
                    batch = self._augmented(batch, self._augmenter)
                if self._model is not None:
                    batch = _usable(batch, self._model)
                for sample in chunk:
                    if sample.id in batch.problems:
                        self.skips.add(batch.problems[sample.id])
                yield batch

    def _load_all(self, samples: Sequence[AudioSample]) -> Batch:
        ahead: dict[str, Row] = {}
        loaded: dict[str, Clip | Problem] = {}
        batch = Batch(samples, [], {}, ahead)
        for sample in samples:
            if sample.id not in loaded:  # several hypotheses of one clip may be learnt
                loaded[sample.id] = self._load(sample)
            clip = loaded[sample.id]
            if isinstance(clip, Problem):
                batch.problems[sample.id] = clip
                continue
            batch.clips.append(clip if clip.sample is sample else evolve(clip, sample=sample))
            if self._preparation is not None and sample.id not in ahead:
                row = self._preparation.ahead(clip)
                if row is not None:
                    ahead[sample.id] = row
        return batch

    def _augmented(self, batch: Batch, augmenter: Augmenter) -> Batch:
        """Return a batch as it is sampled and learnt, but for clips that the model cannot take."""
        clips, problems = [], dict(batch.problems)
        for clip in map(augmenter.augmented, batch.clips):
            try:
                if clip.recording is not None and len(clip.recording) != len(clip.waveform):
                    check_length(clip.sample, clip.seconds, self._max_seconds, self._min_seconds)
                clips.append(clip)
            except AudioError as error:
                problems[clip.sample.id] = _problem(clip.sample, error, clip.sample.origin)
        return evolve(batch, clips=clips, problems=problems)

    def _load(self, sample: AudioSample) -> Clip | Problem:
        if sample.audio is None:  # a text to speak
            return Clip(sample, np.zeros(0, np.float32), self._rate)
        where = sample
        if isinstance(sample.audio, Path) and not sample.audio.is_absolute():
            where = evolve(sample, audio=self._folder / sample.audio)
        name = self._name_of(where)
        kept = self._cache.get(SOUND, name) if name else None
        if kept is not None:
            return Clip(sample, kept["waveform"].numpy(), self._rate)
        with ExitStack() as stack:
            if isinstance(where.audio, Path):
                at_hand = stack.enter_context(self._cache.files.at_hand(where.audio))
                where = where if at_hand == where.audio else evolve(where, audio=at_hand)
            try:
                clip = load_clip(
                    where,
                    self._rate,
                    max_seconds=self._max_seconds,
                    min_seconds=self._min_seconds,
                )
            except AudioError as error:
                return _problem(sample, error, where.origin)
        if name:
            self._cache.put(SOUND, name, {"waveform": torch.from_numpy(clip.waveform)})
        return evolve(clip, sample=sample)

    def _name_of(self, sample: AudioSample) -> str | None:
        """Return what a clip's sound is kept by; None where it is no file, or cannot be seen."""
        if not (self._cache.is_open and isinstance(sample.audio, Path)):
            return None
        try:
            what = self._cache.files.state(sample.audio)
        except (OSError, ValueError):  # decoding says what is wrong
            return None
        part = (sample.offset, sample.duration, sample.channels)
        wanted = (self._rate, self._max_seconds, self._min_seconds)
        return hashlib.blake2b(
            repr((what, part, wanted)).encode(errors="surrogateescape")
        ).hexdigest()[:32]


def _usable(batch: Batch, model: ModelAdapter) -> Batch:
    """Return a batch without the clips that a model cannot be given, whatever they sound like."""
    clips, problems = [], dict(batch.problems)
    for clip in batch.clips:
        reason = model.clip_problem(clip)
        if reason is None:
            clips.append(clip)
        else:
            problems[clip.sample.id] = Problem(clip.sample.place, reason, "not for this model")
    return evolve(batch, clips=clips, problems=problems)


def _problem(sample: AudioSample, error: AudioError, origin: str) -> Problem:
    """Return why a clip cannot be used, without the file's name that the error begins with."""
    return Problem(sample.place, str(error).removeprefix(f"{origin}: "), error.kind)
