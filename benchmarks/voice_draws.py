r"""What a voice's draws leave to choose from: how well a recogniser hears one, and the best of k.

    python benchmarks/voice_draws.py CHECKPOINT TEXTS --recogniser CHECKPOINT … --temperatures 0 1 2

TEXTS is a manifest with `text` in each line. A text of which all draws earn the same teaches
nothing: without spread, rewards have nothing to learn from. With several recognisers it also says
what one of them chooses as the others hear it, by errors (the best) and by the likelihood of the
text (the likeliest): where that is no better than any draw, they differ in what only their judge
hears, and a voice would learn to please it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from attrs import frozen
from existing import existing

from audioforge.config import VerifierSetting
from audioforge.find_adapter import load_adapter
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.model import LoadOptions, ModelAdapter, SamplingParams
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Clip, Hypothesis
from audioforge.verifier import Verifier

BATCH = 10
EQUAL = 1e-9


def main() -> None:
    """Print the tables of each temperature."""
    args = _arguments()
    torch.set_num_threads(1)
    registry = discover()
    model = load_adapter(registry, str(args.model), "tts", LoadOptions())
    context = verifier_context(registry, "tts", "english-1", 0.0, "cpu")
    verifiers = {
        name: create_verifier(
            registry,
            VerifierSetting.parse(f"intelligibility:model={path},scale=likelihood"),
            context,
        )
        for name, path in named(args.recogniser).items()
    }
    clips = _clips(args.texts, model.sampling_rate)[: args.limit]
    print(f"{len(clips)} texts, {args.draws} draws\n")
    print("| temperature | heard by | words, one | best | all right, one | best | no spread |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    found = {}
    for temperature in args.temperatures:
        drawn = draws(model, clips, 1 if temperature == 0 else args.draws, temperature)
        found[temperature] = {n: heard(v, clips, drawn) for n, v in verifiers.items()}
        for name, own in found[temperature].items():
            print(f"| {temperature:g} | {name} | {' | '.join(summary(own.words))} |", flush=True)
    if len(verifiers) > 1:
        for temperature, by_name in found.items():
            if temperature:
                print("\n".join(["", f"At {temperature:g}, words:", "", *agreement(by_name)]))


@frozen
class Heard:
    """What a recogniser hears in each draw of each text; arrays of shape (texts, draws).

    Attributes:
        words: 1 − WER, at least 0.
        likelihood: Probability of a token of the text; 0 where speech ends wrongly or is too long.
    """

    words: np.ndarray
    likelihood: np.ndarray


def named(recognisers: Sequence[Path]) -> dict[str, Path]:
    """Return checkpoints by the name of their folder, or by their path where two have one name."""
    names = [path.name for path in recognisers]
    return {(p.name if names.count(p.name) == 1 else str(p)): p for p in recognisers}


def summary(words: np.ndarray) -> Iterator[str]:
    """Yield the cells of a row."""
    for right in (words, words == 1):
        yield f"{100 * right.mean():.1f} %"
        yield f"{100 * right.max(axis=1).mean():.1f} %"
    yield f"{100 * (np.ptp(words, axis=1) < EQUAL).mean():.0f} %"


def agreement(by_name: Mapping[str, Heard]) -> Iterator[str]:
    """Yield the lines of a table: what one recogniser chooses, as all of them hear it."""
    yield f"| one of the draws | {' | '.join(f'heard by {name}' for name in by_name)} |"
    yield f"| --- |{' ---: |' * len(by_name)}"
    everyone = np.ones_like(next(iter(by_name.values())).words)
    rows = {"any": everyone}
    rows |= {f"the best by {name}": heard.words for name, heard in by_name.items()}
    rows |= {f"the likeliest by {name}": heard.likelihood for name, heard in by_name.items()}
    for what, worth in rows.items():
        chosen = worth == worth.max(axis=1, keepdims=True)
        shares = [(own.words * chosen).sum(1) / chosen.sum(1) for own in by_name.values()]
        yield f"| {what} | {' | '.join(f'{100 * share.mean():.1f} %' for share in shares)} |"


def draws(
    model: ModelAdapter, clips: Sequence[Clip], k: int, temperature: float
) -> list[list[Hypothesis]]:
    """Have a voice say each text k times."""
    params = SamplingParams(temperature=temperature)
    drawn = []
    for start in range(0, len(clips), BATCH):
        with torch.inference_mode():
            drawn += model.sample(model.prepare(clips[start : start + BATCH]), k, params)
    return drawn


def heard(
    verifier: Verifier, clips: Sequence[Clip], drawn: Sequence[Sequence[Hypothesis]]
) -> Heard:
    """Return what a recogniser hears."""
    scores = [
        verifier.verify([clip.sample] * len(own), own)
        for clip, own in zip(clips, drawn, strict=True)
    ]
    words = [[max(0.0, 1 - score.metrics["wer"]) for score in row] for row in scores]
    return Heard(np.array(words), np.array([[score.reward or 0.0 for score in r] for r in scores]))


def _clips(manifest: Path, rate: int) -> list[Clip]:
    lines = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    silent = np.zeros(0, np.float32)
    return [
        Clip(AudioSample(f"text-{number}", reference=line["text"]), silent, rate)
        for number, line in enumerate(lines)
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model", type=existing)
    parser.add_argument("texts", type=existing)
    parser.add_argument("--recogniser", type=existing, nargs="+", required=True)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0, 1, 2])
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--limit", type=int, help="texts; all by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
