r"""What a voice's draws leave to choose from: how well a recogniser hears one, and the best of k.

    python benchmarks/voice_draws.py CHECKPOINT TEXTS --recogniser CHECKPOINT --temperatures 0 1 2

TEXTS is a manifest with `text` in each line. A text of which all draws earn the same teaches
nothing: without spread, rewards have nothing to learn from.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from existing import existing

from audioforge.config import VerifierSetting
from audioforge.find_adapter import load_adapter
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.model import LoadOptions, ModelAdapter, SamplingParams
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Clip
from audioforge.verifier import Verifier

BATCH = 10
EQUAL = 1e-9


def main() -> None:
    """Print a row for each temperature."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model", type=existing)
    parser.add_argument("texts", type=existing)
    parser.add_argument("--recogniser", type=existing, required=True)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0, 1, 2])
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = discover()
    model = load_adapter(registry, str(args.model), "tts", LoadOptions())
    context = verifier_context(registry, "tts", "none", 0.0, "cpu")
    setting = VerifierSetting.parse(f"intelligibility:model={args.recogniser}")
    verifier = create_verifier(registry, setting, context)
    clips = _clips(args.texts, model.sampling_rate)[: args.limit]
    k = args.draws
    print(f"{len(clips)} texts, {k} draws\n")
    print(f"| temperature | words, one | best of {k} | all right, one | best of {k} | no spread |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for temperature in args.temperatures:
        rewards = earned(model, verifier, clips, 1 if temperature == 0 else k, temperature)
        print(f"| {temperature:g} | " + " | ".join(summary(rewards)) + " |", flush=True)


def summary(rewards: np.ndarray) -> Iterator[str]:
    """Yield the cells of a row.

    Args:
        rewards: 1 − WER of each draw, at least 0; shape (texts, draws).
    """
    for right in (rewards, rewards == 1):
        yield f"{100 * right.mean():.1f} %"
        yield f"{100 * right.max(axis=1).mean():.1f} %"
    yield f"{100 * (np.ptp(rewards, axis=1) < EQUAL).mean():.0f} %"


def earned(
    model: ModelAdapter, verifier: Verifier, clips: Sequence[Clip], k: int, temperature: float
) -> np.ndarray:
    """Return what each draw of each text earns, shape (texts, draws)."""
    params = SamplingParams(temperature=temperature)
    rewards = []
    for start in range(0, len(clips), BATCH):
        some = clips[start : start + BATCH]
        with torch.inference_mode():
            drawn = model.sample(model.prepare(some), k, params)
        for clip, own in zip(some, drawn, strict=True):
            scores = verifier.verify([clip.sample] * k, own)
            rewards.append([score.reward for score in scores])
    return np.array(rewards, dtype=float)


def _clips(manifest: Path, rate: int) -> list[Clip]:
    lines = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    silent = np.zeros(0, np.float32)
    return [
        Clip(AudioSample(f"text-{number}", reference=line["text"]), silent, rate)
        for number, line in enumerate(lines)
    ]


if __name__ == "__main__":
    main()
