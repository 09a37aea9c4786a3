"""The sound that a run began with: a line for each clip, with size, time and digest of its file.

When the run is resumed, only files whose size or time differ are read again. Nothing is held but
what is being compared, and the digests of files that several clips share.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from attrs import define, field, frozen

from audioforge.errors import UsageError
from audioforge.files.atomic import to_json_line
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.run.data.sound_digest import sound_digest
from audioforge.sample import Audio, AudioSample

READERS = 4
"""Threads; reading and digesting both release the interpreter."""
CLIPS_AT_ONCE = 256


@frozen
class Sound:
    """A clip's encoded sound.

    Attributes:
        size: Size in bytes; None where there is no sound that can be read.
        time: When its file was last changed, in nanoseconds; 0 of what is no file.
        digest: Digest of the sound, as `sound_digest` makes it.
    """

    size: int | None = None
    time: int = 0
    digest: str = ""


NOTHING = Sound()


def write_sound(
    new: Path,
    datasets: Iterable[tuple[str, EvaluationSet]],
    begun: Path | None,
    safe_point: Callable[[], None],
) -> list[str]:
    """Write down the sound of every clip, and compare it with that of an earlier start.

    Args:
        new: Where to write it.
        datasets: Every dataset by its role and name.
        begun: What this function wrote before, of clips with the same ids; None at the start.
        safe_point: Called now and then; may raise to stop.

    Returns:
        A sentence for each dataset of which sound changed.

    Raises:
        UsageError: If `begun` cannot be read.
    """
    sets = list(datasets)
    shared = _repeated(sample.audio for _, data in sets for sample in data.samples)
    sentences = []
    with ExitStack() as stack:
        reader = _Reader(shared, stack.enter_context(ThreadPoolExecutor(READERS)))
        file = stack.enter_context(new.open("w", encoding="utf-8"))
        lines = _lines(begun) if begun is not None else None
        for role, data in sets:
            # Both starts go through the clips in the order of their ids, so that the earlier one's
            # file is read along line by line, however many clips there are.
            changed = []
            samples = iter(sorted(data.samples, key=lambda s: s.id))
            while chunk := list(islice(samples, CLIPS_AT_ONCE)):
                safe_point()
                before = _take(lines, chunk, begun) if lines is not None else [NOTHING] * len(chunk)
                for sample, then, now in zip(
                    chunk, before, reader.read(chunk, before), strict=True
                ):
                    file.write(to_json_line([sample.id, now.size, now.time, now.digest]))
                    if lines is not None and now.digest != then.digest:
                        changed.append(sample.origin)
            if changed:
                sentences.append(
                    f"{role}: the sound of {len(changed)} of its {len(data.samples)} samples "
                    f"changed, such as {changed[0]}"
                )
    return sentences


@define
class _Reader:
    """Digests sound; that of a file that several clips share once.

    Attributes:
        shared: The files that several clips share.
        pool: The threads that read.
    """

    shared: set[Path]
    pool: ThreadPoolExecutor
    _known: dict[Path, Sound] = field(init=False, factory=dict)

    def read(self, samples: Sequence[AudioSample], before: Sequence[Sound]) -> list[Sound]:
        """Return the sound of samples.

        Args:
            samples: The samples.
            before: The sound as it was, sample by sample; a digest still holds where size and time
                do.
        """
        audios = [sample.audio for sample in samples]
        first: dict[Path, Sound] = {}  # of what is shared, each file once
        for audio, then in zip(audios, before, strict=True):
            if isinstance(audio, Path) and audio in self.shared and audio not in self._known:
                first.setdefault(audio, then)
        self._known |= zip(first, self.pool.map(_sound, first, first.values()), strict=True)
        return list(self.pool.map(self._sound, audios, before))

    def _sound(self, audio: Audio | None, then: Sound) -> Sound:
        known = self._known.get(audio) if isinstance(audio, Path) else None
        return _sound(audio, then) if known is None else known


def _repeated(audios: Iterable[Audio | None]) -> set[Path]:
    once: set[Path] = set()
    more: set[Path] = set()
    for audio in audios:
        if isinstance(audio, Path):
            (more if audio in once else once).add(audio)
    return more


def _sound(audio: Audio | None, then: Sound) -> Sound:
    if audio is None:
        return NOTHING
    try:
        if not isinstance(audio, Path):
            size = len(audio) if isinstance(audio, bytes) else audio.nbytes
            return Sound(size, 0, sound_digest(audio))
        found = audio.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            return NOTHING
        if (found.st_size, found.st_mtime_ns) == (then.size, then.time):
            return then
        return Sound(found.st_size, found.st_mtime_ns, sound_digest(audio))
    except (OSError, ValueError):  # what cannot be read is skipped when its turn comes
        return NOTHING


def _lines(path: Path) -> Iterator[tuple[str, Sound]]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                identity, size, time, digest = json.loads(line)
                yield identity, Sound(size, time, digest)
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def _take(
    lines: Iterator[tuple[str, Sound]], samples: Sequence[AudioSample], path: Path | None
) -> list[Sound]:
    """Return what is written of samples, which come in the order in which they were written."""
    found = list(islice(lines, len(samples)))
    if [identity for identity, _ in found] != [sample.id for sample in samples]:
        raise _damaged(path, "it is not of the run's clips")
    return [sound for _, sound in found]


def _damaged(path: Path | None, reason: str) -> UsageError:
    return UsageError(f"{path}: cannot be read: {reason}; start a new run")
