r"""How far a trained voice is from its base on the same texts: mels, pitch, pauses, seconds of it.

    python benchmarks/speech_drift.py RUN/cycle-00/predictions.jsonl RUN/cycle-04/predictions.jsonl

Both are what a run or `audioforge benchmark --task tts` wrote of one set of texts, best of others
than those that were learnt. Outputs are paired by id. An interval that holds 0 says that nothing
moved; the distance of mels has no 0 to hold, and is read against that of two draws of the base.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
from existing import existing

from audioforge.audio import load_clip
from audioforge.keyed_random import generator
from audioforge.sample import AudioSample
from audioforge_verifiers.pitch import SEMITONES, measure_pitch
from audioforge_verifiers.speech_time import speech_time

RATE = 16_000
MELS = 80
FRAME, HOP = 1024, 256
FLOOR_DB = 60.0
"""Mels so far below the loudest are silence, and alike."""
RESAMPLES = 2000


def main() -> None:
    """Print the mean of each difference, with its interval."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("base", type=existing)
    parser.add_argument("trained", type=existing)
    args = parser.parse_args()
    base, trained = _outputs(args.base), _outputs(args.trained)
    pairs = [(base[key], trained[key]) for key in sorted(base.keys() & trained.keys())]
    print(f"{len(pairs)} texts\n\n| | mean | 95 % |\n| --- | ---: | ---: |")
    rows: dict[str, list[float]] = {}
    for one, other in pairs:
        for name, value in differences(one, other):
            rows.setdefault(name, []).append(value)
    for name, values in rows.items():
        low, high = interval(np.array(values))
        print(f"| {name} | {np.mean(values):+.2f} | {low:+.2f} to {high:+.2f} |")


def differences(base: np.ndarray, trained: np.ndarray) -> Iterator[tuple[str, float]]:
    """Yield what differs between two outputs of one text, by its name; what cannot be told is left.

    Args:
        base: Samples at 16 kHz, shape (frames,).
        trained: Likewise.
    """
    yield "distance of mels, dB", mel_distance(base, trained)
    before, after = measure_pitch(base), measure_pitch(trained)
    if before is not None and after is not None:
        yield "deviation of pitch, semitones", after.deviation - before.deviation
        moved = SEMITONES * np.log2(after.median_hz / before.median_hz)
        yield "median of pitch, semitones", float(moved)
    one, other = speech_time(base, RATE), speech_time(trained, RATE)
    yield "share of pauses, points", 100 * (other.pause_share - one.pause_share)
    if one.seconds and other.seconds:
        yield "seconds of speech, %", 100 * (other.seconds / one.seconds - 1)


def mel_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean difference of mels in dB, at equal loudness, along the best alignment."""
    first, second = _mels(one), _mels(other)
    _, path = librosa.sequence.dtw(first, second, metric="cityblock")
    return float(np.abs(first[:, path[:, 0]] - second[:, path[:, 1]]).mean())


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a mean, by resampling texts."""
    chosen = generator("drift").integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _mels(waveform: np.ndarray) -> np.ndarray:
    power = librosa.feature.melspectrogram(
        y=waveform, sr=RATE, n_fft=FRAME, hop_length=HOP, n_mels=MELS
    )
    decibel: np.ndarray = librosa.power_to_db(power, ref=np.max, top_db=FLOOR_DB)
    return decibel


def _outputs(predictions: Path) -> dict[str, np.ndarray]:
    lines = map(json.loads, predictions.read_text(encoding="utf-8").splitlines())
    heard = {}
    for line in lines:
        sample = AudioSample(line["id"], audio=predictions.parent / line["pred_audio"])
        heard[line["id"]] = load_clip(sample, RATE).waveform
    return heard


if __name__ == "__main__":
    main()
