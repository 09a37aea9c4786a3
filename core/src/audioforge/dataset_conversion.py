"""Any dataset as a manifest: what is known of each clip in one line, its sound where it is.

What is done is kept in a file beside the manifest, so that a conversion that was killed goes on
where it was and ends with the same bytes. The manifest is there when it is whole, and not before.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from attrs import define, evolve, field, frozen
from filelock import FileLock, Timeout

from audioforge import column_names
from audioforge.audio import load_clip, stated_seconds
from audioforge.errors import AudioError, DatasetError, UsageError
from audioforge.files import atomic
from audioforge.files.journal import append_line, mend, whole_lines
from audioforge.inference.hypothesis_audio import file_stem
from audioforge.long_recordings import split_at_silence
from audioforge.remote.fetch import is_copy
from audioforge.sample import AudioSample, Problem

FLAC_RATE_HZ = 16_000
"""What nearly all models of speech read."""

FIRST_PROBLEMS = 10
"""How many problems are named; the others are counted."""

OTHER = "original_"
"""What a key of the data gets before it that a reader of the manifest would take for the clip's."""


class NobodySpeaksError(AudioError):
    """The clip is to be cut where nobody speaks, and nobody speaks in it at all."""

    kind = "no speech"


@frozen
class Conversion:
    """What is made of what.

    Attributes:
        output: The manifest.
        made_of: What decides the result, as JSON: a conversion of something else never goes on.
        flac: Whether the sound is written too, beside the manifest.
        max_seconds: Longer clips are cut where nobody speaks, into parts that are no longer than
            this; None to cut none.
    """

    output: Path
    made_of: Mapping[str, Any]
    flac: bool = False
    max_seconds: float | None = None

    @property
    def begun(self) -> Path:
        """The file that holds what is done while the manifest is not whole."""
        return self.output.with_name(f"{self.output.name}.partial")

    @property
    def sound(self) -> Path:
        """The folder of the sound that is written."""
        return self.output.with_name(f"{self.output.stem}-flac")


@define
class Converted:
    """What a conversion has come to.

    Attributes:
        samples: Clips in the manifest.
        seconds: Their length together.
        resumed: How many of the dataset's clips an earlier start had done.
        cut: How many of them were cut into parts.
        without_text: How many of these had a text that does not say what is in which part.
        problem_kinds: Number of problems by kind.
        first_problems: The first of the problems.
    """

    samples: int = 0
    seconds: float = 0.0
    resumed: int = 0
    cut: int = 0
    without_text: int = 0
    problem_kinds: Counter[str] = field(factory=Counter)
    first_problems: list[Problem] = field(factory=list)

    def add(self, done: Mapping[str, Any]) -> None:
        """Count what became of one clip."""
        self.samples += len(done.get("lines", ()))
        self.seconds += sum(line["duration"] for line in done.get("lines", ()))
        self.cut += done.get("cut", False)
        self.without_text += done.get("without_text", False)
        if "problem" in done:
            self.add_problem(Problem(**done["problem"]))

    def add_problem(self, problem: Problem) -> None:
        """Count a problem, and keep it if it is one of the first."""
        self.problem_kinds[problem.kind] += 1
        if len(self.first_problems) < FIRST_PROBLEMS:
            self.first_problems.append(problem)


@contextmanager
def only_writer(conversion: Conversion) -> Iterator[None]:
    """Let nobody else write the same manifest meanwhile.

    Raises:
        UsageError: If somebody does, or its folder cannot be written.
    """
    output = conversion.output
    _check_place(output)
    lock = FileLock(output.with_name(f".{output.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"{output}: another process is writing it; wait until it ends, or name another file"
        ) from error
    except OSError as error:
        raise UsageError(f"{output.parent}: cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is ours
        lock.release()


def check_output(conversion: Conversion) -> None:
    """Check that nothing is in the way of a conversion.

    Raises:
        UsageError: If the manifest is there already, or what was begun there is of something else.
    """
    output, begun = conversion.output, conversion.begun
    if os.path.lexists(output):
        raise UsageError(f"{output}: is there already; remove it, or name another file")
    if begun.is_file():
        mend(begun)
        head, *done = islice(whole_lines(begun), 2)
        if done and head != _head(conversion):
            raise UsageError(
                f"{begun}: was begun from something else, or its data have changed since; remove "
                f"it, or name another file"
            )
        if head == _head(conversion):
            return
        begun.unlink()
    if conversion.flac and conversion.sound.is_dir() and any(conversion.sound.iterdir()):
        raise UsageError(f"{conversion.sound}: is there already; remove it, or name another file")


def convert(items: Iterable[AudioSample | Problem], conversion: Conversion) -> Converted:
    """Write a manifest of a dataset's clips, going on with what an earlier start has done.

    Args:
        items: What the dataset yields, from its beginning.
        conversion: What is made; `check_output` finds nothing in its way.

    Raises:
        DatasetError: If no clip can be used.
        UsageError: If a clip's sound is in no file and none is to be written, or what was begun is
            of other data.
        OSError: If something cannot be written.
    """
    begun = conversion.begun
    if not begun.is_file():
        atomic.write_jsonl(begun, [_head(conversion)])
    done = _done(begun)
    converted = Converted()
    for item in items:
        if isinstance(item, Problem):
            converted.add_problem(item)
            continue
        line = next(done, None)
        if line is None:
            line = {"id": item.id, **_converted(item, conversion)}
            append_line(begun, line)
        else:
            converted.resumed += 1
        if line["id"] != item.id:
            raise UsageError(f"{begun}: was begun from other data; remove it, and start again")
        converted.add(line)
    if not converted.samples:
        begun.unlink()
        first = f": {converted.first_problems[0]}" if converted.first_problems else ""
        raise DatasetError(f"{conversion.made_of['dataset']}: no clip can be used{first}")
    if conversion.flac:
        atomic.remove_leftovers(conversion.sound)
    lines = (line.get("lines", ()) for line in _done(begun))
    atomic.write_jsonl(conversion.output, chain.from_iterable(lines))
    begun.unlink()
    return converted


def _check_place(output: Path) -> None:
    if output.suffix.lower() != ".jsonl":
        raise UsageError(f"{output}: a manifest ends in .jsonl; name it {output.name}.jsonl")
    if not output.parent.is_dir():
        raise UsageError(f"{output.parent}: there is no such folder; make it first")


def _head(conversion: Conversion) -> dict[str, Any]:
    settings = {"flac": conversion.flac, "max_seconds": conversion.max_seconds}
    return {"made_of": {**conversion.made_of, **settings}}


def _done(begun: Path) -> Iterator[dict[str, Any]]:
    lines = whole_lines(begun)
    next(lines, None)
    return lines


def _converted(sample: AudioSample, conversion: Conversion) -> dict[str, Any]:
    """Return the lines of a clip, or the problem that makes it unusable."""
    try:
        _check_sound(sample, conversion)
        parts = _parts(sample, conversion.max_seconds)
        written = (_with_flac(part, conversion) if conversion.flac else part for part in parts)
        folder = conversion.output.parent
        done: dict[str, Any] = {"lines": [_line(part, folder) for part in written]}
    except AudioError as error:
        where = sample.place
        return {"problem": {"where": where, "reason": _reason(sample, error), "kind": error.kind}}
    if any(part.id != sample.id for part in parts):
        done["cut"] = True
        done["without_text"] = bool(sample.reference) and len(parts) > 1
    return done


def _reason(sample: AudioSample, error: AudioError) -> str:
    return str(error).removeprefix(f"{sample.origin}: ")


def _check_sound(sample: AudioSample, conversion: Conversion) -> None:
    if conversion.flac:
        return
    lies = "within the data, in no file of its own"
    if isinstance(sample.audio, Path):
        if not is_copy(sample.audio):
            return
        lies = "at an address, and its copy here only in a cache"
    raise UsageError(
        f"{sample.where or sample.id}: the sound is {lies}; add --flac to write it beside the "
        f"manifest"
    )


def _parts(sample: AudioSample, max_seconds: float | None) -> list[AudioSample]:
    """Return a clip with its length, or the parts of it in which somebody speaks, if it is long.

    A text stays with the only part there is, or where it is empty; else nobody knows what of it is
    said in which part.

    Raises:
        AudioError: If it cannot be decoded, or nobody speaks in it.
    """
    length = stated_seconds(sample)
    if max_seconds is None or length <= max_seconds:
        return [evolve(sample, duration=length)]
    segments = split_at_silence(sample, max_seconds)
    if not segments:
        raise NobodySpeaksError(f"{sample.origin}: nobody speaks in its {length:.1f} s")
    text = sample.reference if len(segments) == 1 or sample.reference == "" else None
    return [
        evolve(
            sample,
            id=f"{sample.id}@{segment.offset:g}",
            offset=segment.offset,
            duration=segment.duration,
            reference=text,
        )
        for segment in segments
    ]


def _with_flac(sample: AudioSample, conversion: Conversion) -> AudioSample:
    """Write a clip's sound, 16 bits and one channel; what is too loud for that is made softer."""
    clip = load_clip(sample, FLAC_RATE_HZ)
    folder = conversion.sound
    folder.mkdir(exist_ok=True)
    path = folder / f"{file_stem(sample.id)}.flac"
    loudest = float(np.abs(clip.waveform).max(initial=0.0))
    with atomic.new_file(path, durable=False) as temporary:
        soundfile.write(temporary, clip.waveform / max(1.0, loudest), FLAC_RATE_HZ, format="FLAC")
    return evolve(sample, audio=path, offset=None, duration=clip.seconds, channels=())


def _line(sample: AudioSample, folder: Path) -> dict[str, Any]:
    """Return a clip's line; paths of what lies below its folder are relative to that."""
    assert isinstance(sample.audio, Path)
    assert sample.duration is not None
    path, start = sample.audio.absolute(), folder.absolute()  # links stay as they are
    if ".." in path.parts:
        path, start = path.resolve(), start.resolve()
    place = path.relative_to(start) if path.is_relative_to(start) else path
    labels = list(sample.labels)
    stated = {
        "id": sample.id,
        "audio_filepath": place.as_posix(),
        "offset": sample.offset,
        "duration": round(sample.duration, 6),
        "channel": list(sample.channels) or None,
        "text": sample.reference,
        "label": labels if len(labels) > 1 else next(iter(labels), None),
        "speaker": sample.speaker,
        "lang": sample.language,
    }
    line = {key: value for key, value in stated.items() if value is not None}
    own = {k: v for k, v in sample.metadata.items() if k not in column_names.READ}
    line |= {key: _plain(value) for key, value in own.items()}
    for key, value in sample.metadata.items():
        if key not in own:
            name = f"{OTHER}{key}"
            while name in line:
                name = f"{OTHER}{name}"
            line[name] = _plain(value)
    return line


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: what it has not, such as a date, as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | int) else str(value)
