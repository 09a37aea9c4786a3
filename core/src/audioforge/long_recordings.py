"""Clips that are longer than a model's window, and long recordings cut where nobody speaks.

Silero's detector says for every 32 ms how likely somebody speaks; its weights come with the package
`silero-vad` and run in onnxruntime, eight seconds of computing for an hour. Nothing that is spoken
is lost: a part begins before its first word and ends after its last, and speech without a pause is
cut where it is least likely.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from audioforge.audio import resampled_blocks, stated_seconds
from audioforge.errors import AudioError, UsageError
from audioforge.sample import AudioSample

SPLIT_COMMAND = "audioforge datasets convert IN OUT --split-silence"

RATE_HZ = 16_000
FRAME = 512
"""Samples that one probability is about: 32 ms."""
CONTEXT = 64
"""Samples before a frame that the detector sees with it."""

SPEECH, STILL_SPEECH = 0.5, 0.35
"""Probabilities from which on speech begins, and below which it ends: Silero's own."""

SHORTEST_PAUSE = 3
"""Frames, 0.1 s, as Silero has it: what is shorter is between two sounds of a word."""
SHORTEST_SPEECH = 8
"""Frames, 0.25 s, as Silero has it: what is shorter is a click."""
MARGIN = 6
"""Frames, 0.2 s, that a part has before its first word and after its last."""
LONGEST_PAUSE = 31
"""Frames, 1 s: longer pauses are left out, shorter ones may stand within a part."""

Span = tuple[int, int]
"""First frame, and the one after the last."""


@frozen
class Segment:
    """A part of a recording, as a manifest states it.

    Attributes:
        offset: Where it begins in its file, in seconds.
        duration: Its length in seconds.
    """

    offset: float
    duration: float


def split_at_silence(sample: AudioSample, max_seconds: float) -> list[Segment]:
    """Return the parts of a recording in which somebody speaks, none longer than `max_seconds`.

    Args:
        sample: The recording, in any format and of any length; of one with an offset, that part of
            its file.
        max_seconds: The longest part, in seconds; at least 1.

    Returns:
        The parts in their order, without overlaps; none where nobody speaks.

    Raises:
        AudioError: If the recording cannot be decoded.
        UsageError: If the detector is not installed, or `max_seconds` is below 1.
    """
    if not max_seconds >= 1:
        raise UsageError(f"Parts of {max_seconds:g} s hold no sentence; ask for 1 s or more.")
    chances, length = _listen(_detector(), resampled_blocks(sample, RATE_HZ))
    spoken = _spoken(chances)
    longest = int(max_seconds * RATE_HZ) // FRAME
    parts = _joined(_cut(_widened(spoken, len(chances)), chances, longest), longest)
    start = sample.offset or 0.0
    ends = [(a * FRAME, min(b * FRAME, length)) for a, b in parts]
    return [Segment(start + a / RATE_HZ, (b - a) / RATE_HZ) for a, b in ends]


def count_longer(samples: Iterable[AudioSample], max_seconds: float | None) -> int:
    """Count the clips that are longer than a model's window, by what their files state.

    Args:
        samples: The clips; what cannot be opened is not counted.
        max_seconds: The window in seconds; None where there is none.
    """
    if max_seconds is None:
        return 0
    return sum(_is_longer(sample, max_seconds) for sample in samples if sample.audio is not None)


def describe_longer(count: int, of: int, max_seconds: float) -> str:
    """Say how many clips are longer than a model's window, and what can be done about them."""
    verb = "is" if count == 1 else "are"
    return (
        f"{count:,} of {of:,} clips {verb} longer than the model's window of {max_seconds:g} s and "
        f"will be left out; cut recordings where nobody speaks: {SPLIT_COMMAND}"
    )


def _is_longer(sample: AudioSample, max_seconds: float) -> bool:
    if sample.offset is not None and sample.duration is not None:
        return sample.duration > max_seconds
    try:
        return stated_seconds(sample) > max_seconds
    except AudioError:
        return False


@lru_cache(maxsize=1)
def _detector() -> Any:
    """Return a session of onnxruntime with Silero's weights.

    The package itself is not imported: it would set the threads of torch.
    """
    package = find_spec("silero_vad")
    try:
        onnxruntime = import_module("onnxruntime")
        if package is None or package.origin is None:
            raise ImportError("there is no package silero_vad")
    except ImportError as error:
        raise UsageError(
            f"Finding pauses needs Silero's detector and onnxruntime ({error}); "
            f"pip install 'audioforge[vad]'"
        ) from error
    weights = Path(package.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def _listen(detector: Any, blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, int]:
    """Return how likely each frame is speech, and the number of samples."""
    state = [np.zeros((1, 1, 128), np.float32)] * 2
    chances: list[np.ndarray] = []
    before, rest, length = np.zeros(CONTEXT, np.float32), np.zeros(0, np.float32), 0

    def _hear(samples: np.ndarray) -> None:
        nonlocal before, state
        frames = samples.reshape(-1, FRAME)
        contexts = np.vstack([before, frames[:-1, -CONTEXT:]])
        before = frames[-1, -CONTEXT:]
        said, *state = detector.run(
            ["speech_probs", "hn", "cn"],
            {"input": np.hstack([contexts, frames]), "h": state[0], "c": state[1]},
        )
        chances.append(said)

    for block in blocks:
        length += len(block)
        rest = np.concatenate([rest, block])
        if whole := len(rest) // FRAME * FRAME:
            _hear(rest[:whole])
            rest = rest[whole:]
    if len(rest):
        _hear(np.pad(rest, (0, FRAME - len(rest))))
    return np.concatenate(chances or [rest]), length


def _spoken(chances: np.ndarray) -> list[Span]:
    """Return where somebody speaks: from a likely frame to the last that is not unlikely."""
    spans: list[Span] = []
    begun: int | None = None
    quiet = 0
    for frame, chance in enumerate([*chances.tolist(), *[0.0] * SHORTEST_PAUSE]):
        if begun is None:
            begun, quiet = (frame if chance >= SPEECH else None), 0
            continue
        quiet = quiet + 1 if chance < STILL_SPEECH else 0
        if quiet == SHORTEST_PAUSE:
            end = frame + 1 - quiet
            if end - begun >= SHORTEST_SPEECH:
                spans.append((begun, end))
            begun = None
    return spans


def _widened(spans: list[Span], frames: int) -> list[Span]:
    """Return spans with a margin on both sides, which two of them share where it is short."""
    middles = [(before[1] + after[0]) // 2 for before, after in pairwise(spans)]
    lefts, rights = [0, *middles], [*middles, frames]
    return [
        (max(left, start - MARGIN), min(right, end + MARGIN))
        for left, right, (start, end) in zip(lefts, rights, spans, strict=False)
    ]


def _cut(spans: list[Span], chances: np.ndarray, longest: int) -> list[Span]:
    """Cut spans that are longer than `longest` where speech is least likely in their later half."""
    cut: list[Span] = []
    for start, end in spans:
        while end - start > longest:
            first = start + longest // 2
            place = first + int(np.argmin(chances[first : start + longest])) + 1
            cut.append((start, place))
            start = place
        cut.append((start, end))
    return cut


def _joined(spans: list[Span], longest: int) -> list[Span]:
    """Join neighbours with a short pause between them as long as they fit into one part."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= LONGEST_PAUSE and end - joined[-1][0] <= longest:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
