"""Equal error rate of `consistency`'s speaker encoder over a list of trials.

A trial is a line `label path path`, the label 1 for one speaker and 0 for two, the paths relative
to the list. The equal error rate is where the rate of false acceptances and that of false
rejections are the same. With --untrained the network has random weights: it proves that everything
fits together, and what it scores is what the sound alone gives away. From the repository:

    python benchmarks/speaker_trials.py TRIALS --untrained
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from existing import existing

from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis
from audioforge.terminal.figures import percent
from audioforge_verifiers.ecapa import PICKLED, build


def main() -> None:
    """Print the equal error rate, for each source of recordings and for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", type=existing)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--model", help="folder or hub id of a speaker encoder")
    group.add_argument("--untrained", action="store_true", help="random weights of the right size")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--every", type=int, default=1, help="use every n-th trial")
    args = parser.parse_args()
    lines = args.trials.read_text(encoding="utf-8").splitlines()[:: args.every]
    trials = [line.split() for line in lines]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if args.untrained:
            torch.manual_seed(0)
            torch.save(build()[0].state_dict(), Path(folder) / PICKLED)
        cosines = _cosines(args.model or folder, args.device, trials, args.trials.parent)
    labels = np.array([trial[0] == "1" for trial in trials])
    origin = "random weights, nothing learnt" if args.untrained else args.model
    print(f"{origin}; {time.perf_counter() - start:.0f} s\n")
    print("| Recordings | Trials | Equal error rate | At cosine |")
    print("| --- | --- | --- | --- |")
    sources = np.array([Path(trial[1]).parent.name.partition("-")[0] for trial in trials])
    for name in (*sorted(set(sources)), "all"):
        chosen = np.ones(len(trials), bool) if name == "all" else sources == name
        rate, threshold = equal_error_rate(cosines[chosen], labels[chosen])
        print(f"| {name} | {chosen.sum()} | {percent(rate)} | {threshold:.3f} |")


def equal_error_rate(cosines: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Return the equal error rate, and the threshold where it is reached.

    Args:
        cosines: Cosine of the two recordings of each trial.
        same: Whether its two recordings are of one speaker.
    """
    thresholds = np.sort(cosines)
    false_rejections = np.array([np.mean(cosines[same] < t) for t in thresholds])
    false_acceptances = np.array([np.mean(cosines[~same] >= t) for t in thresholds])
    nearest = int(np.argmin(np.abs(false_rejections - false_acceptances)))
    rate = (false_rejections[nearest] + false_acceptances[nearest]) / 2
    return float(rate), float(thresholds[nearest])


def _cosines(model: str, device: str, trials: list[list[str]], folder: Path) -> np.ndarray:
    registry = discover()
    context = verifier_context(registry, "tts", "whisper-english", 0.3, device)
    setting = VerifierSetting.parse({"name": "consistency", "model": model})
    verifier = create_verifier(registry, setting, context)
    # One object for one recording: its embedding is computed once.
    voices = {first: AudioSample(first, audio=folder / first) for _, first, _ in trials}
    hypotheses = [Hypothesis(audio=folder / last) for _, _, last in trials]
    scores = verifier.verify([voices[first] for _, first, _ in trials], hypotheses)
    return np.array([score.metrics["cosine"] for score in scores])


if __name__ == "__main__":
    main()
