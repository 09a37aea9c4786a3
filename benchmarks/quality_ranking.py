"""Whether a verifier of quality falls when a recording is made worse.

Every recording of a manifest is degraded to every level of `degradations.grid`; all levels of one
degradation of one recording make pairs, of which the less degraded one must get the higher reward.
A tie is wrong, also where a degradation does nothing, such as a low-pass filter above everything
that a recording holds. From the repository:

    python benchmarks/quality_ranking.py MANIFEST --plot quality.svg
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from attrs import define, field
from degradations import grid
from existing import existing
from line_chart import Panel, write_chart

from audioforge.audio import load_clip
from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge.terminal.figures import percent
from audioforge.verifier import Verifier

SAMPLING_RATE = 16_000
MEASURES = (
    ("noise", "snr_db", 1),
    ("clipping", "clipped_share", -1),
    ("clipping", "crest_db", 1),
    ("low-pass", "bandwidth_hz", 1),
    ("silence", "silence_share", -1),
)
"""Degradation, the metric that must tell it, and 1 where more is better."""


@define
class Curve:
    """A verifier's scores under one degradation.

    Attributes:
        levels: Names of the levels, from the least to the worst.
        scores: A row for each recording, with a score for each level.
    """

    levels: list[str]
    scores: list[list[Score]] = field(factory=list)

    def rewards(self) -> np.ndarray:
        """Return the rewards, shape (recordings, levels)."""
        return np.array([[s.reward for s in row] for row in self.scores], dtype=float)

    def medians(self, metric: str) -> list[float]:
        """Return the median of a metric over the recordings at each level."""
        columns = zip(*self.scores, strict=True)
        return [
            float(np.median([s.metrics[metric] for s in c if metric in s.metrics])) for c in columns
        ]


def right_pairs(rows: Iterable[Sequence[float]]) -> tuple[int, int]:
    """Return how many pairs of levels are in the right order, and how many there are."""
    right = total = 0
    for row in rows:
        pairs = list(combinations(row, 2))
        right += sum(better > worse for better, worse in pairs)
        total += len(pairs)
    return right, total


def main() -> None:
    """Print the ranking and the curves of one verifier."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=existing)
    parser.add_argument("--verifier", default="quality", help="such as dnsmos")
    parser.add_argument("--every", type=int, default=1, help="use every n-th recording")
    parser.add_argument("--plot", type=Path, help="write an SVG of the curves")
    args = parser.parse_args()
    start = time.perf_counter()
    clips = _clips(args.manifest)[:: args.every]
    curves = _measure(_verifier(args.verifier), clips)
    _print(curves, args.verifier, len(clips))
    print(f"\n{time.perf_counter() - start:.0f} s")
    if args.plot:
        write_chart(args.plot, _panels(curves), f"{args.verifier}: reward of {len(clips)} clips")


def _verifier(reference: str) -> Verifier:
    registry = discover()
    context = verifier_context(registry, "tts", "whisper-english", 0.3, "cpu")
    return create_verifier(registry, VerifierSetting.parse(reference), context)


def _clips(manifest: Path) -> list[Clip]:
    lines = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    names = [line["audio_filepath"] for line in lines]
    return [load_clip(AudioSample(n, audio=manifest.parent / n), SAMPLING_RATE) for n in names]


def _measure(verifier: Verifier, clips: Sequence[Clip]) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    for clip in clips:
        clean = verifier.verify(
            [clip.sample], [Hypothesis(audio=clip.waveform, sampling_rate=SAMPLING_RATE)]
        )
        for degradation, levels in grid(clip.waveform, SAMPLING_RATE, clip.sample.id).items():
            worse = [
                Hypothesis(audio=degrade(), sampling_rate=SAMPLING_RATE)
                for _, degrade in levels[1:]
            ]
            scores = clean + verifier.verify([clip.sample] * len(worse), worse)
            curve = curves.setdefault(degradation, Curve([name for name, _ in levels]))
            curve.scores.append(scores)
    return curves


def _print(curves: dict[str, Curve], verifier: str, clips: int) -> None:
    print(f"{verifier}, {clips} recordings\n")
    print("| Degradation | Pairs | In the right order |")
    print("| --- | --- | --- |")
    counts = {name: right_pairs(curve.rewards()) for name, curve in curves.items()}
    right, total = (sum(column) for column in zip(*counts.values(), strict=True))
    counts["all"] = right, total
    for name, (right, total) in counts.items():
        print(f"| {name} | {total} | {right} ({percent(right / total)}) |")
    for degradation, metric, sign in MEASURES:
        scores = curves[degradation].scores
        if metric in scores[0][0].metrics:
            right, total = right_pairs([[sign * s.metrics[metric] for s in row] for row in scores])
            share = percent(right / total)
            print(f"| {degradation}, by {metric} alone | {total} | {right} ({share}) |")
    for name, curve in curves.items():
        rewards = curve.rewards()
        print(f"\n| {name} | " + " | ".join(curve.levels) + " |")
        print("| --- " * (len(curve.levels) + 1) + "|")
        _print_row("reward, mean", rewards.mean(axis=0), 3)
        _print_row("reward, lowest", rewards.min(axis=0), 3)
        _print_row("reward, highest", rewards.max(axis=0), 3)
        for metric in curve.scores[0][0].metrics:
            _print_row(f"{metric}, median", curve.medians(metric), 3)


def _print_row(name: str, values: Sequence[float] | np.ndarray, digits: int) -> None:
    print(f"| {name} | " + " | ".join(f"{v:.{digits}f}" for v in values) + " |")


def _panels(curves: dict[str, Curve]) -> list[Panel]:
    panels = []
    for name, curve in curves.items():
        quartiles = np.percentile(curve.rewards(), [25, 50, 75], axis=0)
        panels.append(Panel(name, curve.levels, *(row.tolist() for row in quartiles)))
    return panels


if __name__ == "__main__":
    main()
