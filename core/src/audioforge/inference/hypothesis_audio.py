"""Generated speech on disk: a rollout's audio is written once and read when it is needed.

A cycle of text to speech makes hours of audio, too much to hold. What is written is also what is
scored and learnt from: FLAC rounds to 24 bits and clips at full scale, as every player would. Where
the model gives what it made the sound of, that lies beside it, and is what is learnt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile
from attrs import evolve

from audioforge.audio import load_clip
from audioforge.errors import AudioError, TrainingError
from audioforge.files import atomic
from audioforge.inference.hypothesis_features import SUFFIX, read_features, write_features
from audioforge.sample import AudioSample, Hypothesis
from audioforge.sound.opening import open_sound

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
"""Ids that are file names as they are, the same one on every file system. Upper case is not: some
file systems do not tell it from lower case."""

READABLE_BYTES = 100
"""How much of an id that is no file name its file name shows; names end at 255 bytes."""


def file_stem(sample_id: str) -> str:
    """Return a file name for an id: no two ids share one, and none leads out of its folder.

    >>> file_stem("train-007")
    'train-007'
    >>> file_stem("../Ænima/7.wav")
    'Ænima_7.wav~c50174864b7c0ae8b93f7e4da292b999'
    """
    if _PLAIN.fullmatch(sample_id):
        return sample_id
    encoded = sample_id.encode("utf-8", "surrogatepass")
    readable = "".join(c if c.isalnum() or c in "._-" else "_" for c in sample_id)
    shown = readable.lstrip("._-").encode()[:READABLE_BYTES].decode(errors="ignore")
    # "~" is in no plain name, so that what follows cannot be another id's own name.
    return f"{shown}~{hashlib.blake2b(encoded, digest_size=16).hexdigest()}"


def store_audio(hypotheses: Sequence[Hypothesis], sample_id: str, folder: Path) -> list[Hypothesis]:
    """Write what was generated for one sample, and return hypotheses that name their files.

    Args:
        hypotheses: The sample's hypotheses; one without a waveform, such as a text, is returned as
            it is.
        sample_id: Id of the sample.
        folder: Where `<id>-<index>.flac` is written, made if need be, and `.safetensors` beside it
            where the model gave its features.

    Raises:
        TrainingError: If what was generated is no audio, or cannot be written.
    """
    return [_stored(hypothesis, sample_id, folder) for hypothesis in hypotheses]


def _stored(hypothesis: Hypothesis, sample_id: str, folder: Path) -> Hypothesis:
    samples = hypothesis.audio
    if not isinstance(samples, np.ndarray) or samples.size == 0:  # FLAC cannot hold no samples
        return hypothesis
    what = f"{sample_id}, hypothesis {hypothesis.index}"
    rate = hypothesis.sampling_rate
    if samples.ndim != 1 or not rate:
        raise TrainingError(
            f"{what}: the model must give samples of shape (frames,) with their sampling rate, not "
            f"shape {samples.shape} at {rate} Hz"
        )
    if not np.isfinite(samples).all():
        raise TrainingError(
            f"{what}: the generated audio holds NaN or infinite values. Lower --temperature or "
            f"--learning-rate, or use --dtype float32."
        )
    path = folder / f"{file_stem(sample_id)}-{hypothesis.index}.flac"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic.new_file(path) as temporary:
            soundfile.write(temporary, samples, rate, subtype="PCM_24", format="FLAC")
    except (soundfile.SoundFileError, OSError) as error:
        raise TrainingError(f"{what}: {path} cannot be written: {error}") from error
    features = hypothesis.features
    if features is not None and not isinstance(features, Path):
        write_features(features, path.with_suffix(SUFFIX), what)
        features = path.with_suffix(SUFFIX)
    return evolve(hypothesis, audio=path, sampling_rate=None, features=features)


def load_audio(hypothesis: Hypothesis) -> Hypothesis:
    """Return a hypothesis with float32 samples and its features, read from the files it names.

    Raises:
        AudioError: If a file is gone or cannot be decoded.
    """
    if isinstance(hypothesis.features, Path):
        hypothesis = evolve(hypothesis, features=read_features(hypothesis.features))
    if not isinstance(hypothesis.audio, Path):
        return hypothesis
    _, rate = _header(hypothesis.audio)
    clip = load_clip(AudioSample(hypothesis.audio.name, hypothesis.audio), rate)
    return evolve(hypothesis, audio=clip.waveform, sampling_rate=rate)


def audio_seconds(hypothesis: Hypothesis) -> float:
    """Return the length of a hypothesis' audio, without decoding it; 0 where it has none.

    Raises:
        AudioError: If the file that it names cannot be read.
    """
    if isinstance(hypothesis.audio, Path):
        frames, rate = _header(hypothesis.audio)
        return frames / rate
    if hypothesis.audio is None or not hypothesis.sampling_rate:
        return 0.0
    return len(hypothesis.audio) / hypothesis.sampling_rate


def _header(path: Path) -> tuple[int, int]:
    """Return the frames of a file and its sampling rate in Hz."""
    try:
        with closing(open_sound(path)) as sound:
            return sound.frames, sound.samplerate
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise AudioError(f"{path}: the generated audio cannot be read: {error}") from error
