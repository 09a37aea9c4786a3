"""Equal error rate and calibration of `consistency`'s speaker encoders over a list of trials.

A trial is a line `label path path`, the label 1 for one speaker and 0 for two, the paths relative
to the list, each recording in the folder of its speaker. The equal error rate is where the rate of
false acceptances and that of false rejections are the same. The calibration is the logistic curve
of the greatest likelihood, both kinds of trials counting as much; how far it moves when the trials
of one speaker are left out says how far it can be trusted. With --untrained the network has random
weights: it proves that everything fits together, and what it scores is what the sound alone gives
away. From the repository:

    python benchmarks/speaker_trials.py TRIALS --encoder resemblyzer
    python benchmarks/speaker_trials.py TRIALS --encoder ecapa --untrained
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from existing import existing
from scipy.optimize import minimize

from audioforge.audio import load_clip
from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Hypothesis
from audioforge.terminal.figures import percent
from audioforge_verifiers.consistency import CALIBRATIONS, Encoder
from audioforge_verifiers.ecapa import PICKLED, build

SAMPLING_RATE = 16_000


def main() -> None:
    """Print the equal error rate, for each source of recordings and for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", type=existing)
    parser.add_argument("--encoder", choices=get_args(Encoder), required=True)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--model", help="folder or hub id of its weights, else the published ones")
    group.add_argument("--untrained", action="store_true", help="random weights, of ecapa")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--every", type=int, default=1, help="use every n-th trial")
    parser.add_argument("--seconds", type=float, help="of the second recording, from its middle")
    args = parser.parse_args()
    lines = args.trials.read_text(encoding="utf-8").splitlines()[:: args.every]
    trials = [line.split() for line in lines]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        setting = {"name": "consistency", "encoder": args.encoder}
        if args.untrained:
            torch.manual_seed(0)
            torch.save(build()[0].state_dict(), Path(folder) / PICKLED)
        if args.untrained or args.model:
            setting["model"] = args.model or folder
        cosines = _cosines(setting, args.device, trials, args.trials.parent, args.seconds)
    same = np.array([trial[0] == "1" for trial in trials])
    judged = ~np.isnan(cosines)
    trials = [trial for trial, known in zip(trials, judged, strict=True) if known]
    cosines, same = cosines[judged], same[judged]
    origin = "random weights, nothing learnt" if args.untrained else args.model or "as published"
    print(f"{args.encoder}, {origin}; {time.perf_counter() - start:.0f} s")
    print(f"{len(judged) - len(trials)} of {len(judged)} trials hold too little to tell\n")
    _print_rates(trials, cosines, same, CALIBRATIONS[args.encoder].threshold)
    _print_calibration(trials, cosines, same)


def _print_rates(
    trials: list[list[str]], cosines: np.ndarray, same: np.ndarray, threshold: float
) -> None:
    print(f"| Recordings | Trials | Equal error rate | At cosine | Errors at {threshold:g} |")
    print("| --- | --- | --- | --- | --- |")
    sources = np.array([Path(trial[1]).parent.name.partition("-")[0] for trial in trials])
    for name in (*sorted(set(sources)), "all"):
        chosen = np.ones(len(trials), bool) if name == "all" else sources == name
        rate, equal = equal_error_rate(cosines[chosen], same[chosen])
        errors = np.mean((cosines >= threshold)[chosen] != same[chosen])
        count = f"| {name} | {chosen.sum()} "
        print(f"{count}| {percent(rate)} | {equal:.3f} | {percent(float(errors))} |")


def _print_calibration(trials: list[list[str]], cosines: np.ndarray, same: np.ndarray) -> None:
    for name, chosen in (("one speaker", same), ("two speakers", ~same)):
        low, middle, high = np.percentile(cosines[chosen], [5, 50, 95])
        print(f"\n{name}: 90 % of the cosines from {low:.3f} to {high:.3f}, median {middle:.3f}")
    threshold, slope = fitted_calibration(cosines, same)
    speakers = np.array([[Path(path).parent.name for path in trial[1:]] for trial in trials])
    kept = [~(speakers == speaker).any(axis=1) for speaker in np.unique(speakers)]
    others = np.array([fitted_calibration(cosines[k], same[k]) for k in kept])
    low, high = others.min(axis=0), others.max(axis=0)
    print(f"\nFitted threshold {threshold:.3f} and slope {slope:.4f}; without any one speaker")
    print(f"{low[0]:.3f} to {high[0]:.3f} and {low[1]:.4f} to {high[1]:.4f}")


def fitted_calibration(cosines: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Return threshold and slope of the logistic curve that makes the trials most likely.

    Args:
        cosines: Cosine of the two recordings of each trial.
        same: Whether its two recordings are of one speaker; both kinds weigh the same.
    """
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    signs = np.where(same, 1, -1)

    def cross_entropy(parameters: np.ndarray) -> float:
        threshold, log_slope = parameters
        odds = (cosines - threshold) / np.exp(log_slope)
        return float(weights @ np.logaddexp(0, -signs * odds))

    start = [(cosines[same].mean() + cosines[~same].mean()) / 2, np.log(cosines.std())]
    threshold, log_slope = minimize(cross_entropy, start, method="Nelder-Mead").x
    return float(threshold), float(np.exp(log_slope))


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


def _cosines(
    setting: dict[str, str],
    device: str,
    trials: list[list[str]],
    folder: Path,
    seconds: float | None,
) -> np.ndarray:
    registry = discover()
    context = verifier_context(registry, "tts", "whisper-english", 0.3, device)
    verifier = create_verifier(registry, VerifierSetting.parse(setting), context)
    # One object for one recording: its embedding is computed once.
    voices = {first: AudioSample(first, audio=folder / first) for _, first, _ in trials}
    hypotheses = [_middle(folder / last, seconds) for _, _, last in trials]
    scores = verifier.verify([voices[first] for _, first, _ in trials], hypotheses)
    return np.array([score.metrics.get("cosine", np.nan) for score in scores])


def _middle(path: Path, seconds: float | None) -> Hypothesis:
    waveform = load_clip(AudioSample(path.name, audio=path), SAMPLING_RATE).waveform
    if seconds is not None:
        length = round(seconds * SAMPLING_RATE)
        start = max(0, (len(waveform) - length) // 2)
        waveform = waveform[start : start + length]
    return Hypothesis(audio=waveform, sampling_rate=SAMPLING_RATE)


if __name__ == "__main__":
    main()
