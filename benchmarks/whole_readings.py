r"""Whether speech that is not one reading of its text earns nothing, and speech that is does.

    python benchmarks/whole_readings.py MANIFEST [MANIFEST ...] --recogniser CHECKPOINT --clips 20

Each recording is scored by `intelligibility` as it is, and as what stops early or says something
again is made of it. Beside it stands how loud the sound ends, of which `pace` goes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from attacks_on_speech import RATE, TRICKS, Trick
from existing import existing

from audioforge.audio import load_clip
from audioforge.config import VerifierSetting
from audioforge.judging.verification import create_verifier, verifier_context
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Clip, Hypothesis, Score
from audioforge_verifiers.delivery import end_level_db

LONGEST_SECONDS = 15.0
RECORDING = "the recording"


def third_quarter_twice(waveform: np.ndarray) -> np.ndarray:
    """Return speech that stumbles, and says its third quarter again."""
    quarter = len(waveform) // 4
    return np.append(waveform[: 3 * quarter], waveform[2 * quarter :])


def reversed_after_it(waveform: np.ndarray) -> np.ndarray:
    """Return speech after which half of it follows backwards, half as loud."""
    return np.append(waveform, waveform[: len(waveform) // 2 : -1] / 2)


def softly_again(waveform: np.ndarray) -> np.ndarray:
    """Return speech whose second half follows once more, 25 dB softer."""
    return np.append(waveform, waveform[len(waveform) // 2 :] * 10 ** (-25 / 20))


MADE: Mapping[str, Trick] = {
    RECORDING: lambda w: w,
    **{
        what: TRICKS[what]
        for what in (
            "said twice",
            "its second half said twice",
            "its first half said twice",
            "its second half said again, slower",
        )
    },
    "its third quarter said twice": third_quarter_twice,
    "its second half said again, 25 dB softer": softly_again,
    "half of it backwards after it": reversed_after_it,
    "stopped at its half": TRICKS["stopped at its half"],
    "stopped at three quarters": TRICKS["stopped at three quarters"],
    "faded out at three quarters": TRICKS["faded out at three quarters"],
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("manifests", nargs="+", type=existing)
    parser.add_argument("--recogniser", required=True, help="checkpoint for intelligibility")
    parser.add_argument("--normalizer", default="english-1")
    parser.add_argument("--clips", type=int, default=20, help="of each manifest")
    parser.add_argument("--only-recordings", action="store_true", help="make nothing of them")
    args = parser.parse_args()
    context = verifier_context(discover(), "tts", args.normalizer, 0.3, "cpu")
    setting = VerifierSetting.parse(f"intelligibility:model={args.recogniser}")
    verifier = create_verifier(discover(), setting, context)
    made = {RECORDING: MADE[RECORDING]} if args.only_recordings else MADE
    scores: dict[str, list[Score]] = {what: [] for what in made}
    ends: dict[str, list[float]] = {what: [] for what in made}
    for sample in (s for path in args.manifests for s in _recordings(path, args.clips)):
        recording = load_clip(sample, RATE)
        outputs = {w: make(recording.waveform).astype(np.float32) for w, make in made.items()}
        said = [
            Hypothesis(i, audio=waveform, sampling_rate=RATE)
            for i, waveform in enumerate(outputs.values())
        ]
        judged = verifier.verify([sample] * len(said), said)
        for (what, waveform), score in zip(outputs.items(), judged, strict=True):
            scores[what].append(score)
            ends[what].append(end_level_db(Clip(sample, waveform, RATE)))
    _print_table(scores, ends)


def _recordings(manifest: Path, clips: int) -> Iterator[AudioSample]:
    lines = [json.loads(x) for x in manifest.read_text(encoding="utf-8").splitlines()]
    usable = [
        x for x in lines if x.get("lang", "en") == "en" and 1 < x["duration"] < LONGEST_SECONDS
    ]
    for line in usable[:: max(1, len(usable) // clips)][:clips]:
        path = manifest.parent / line["audio_filepath"]
        yield AudioSample(line["audio_filepath"], audio=path, reference=line["text"])


def _print_table(scores: Mapping[str, list[Score]], ends: Mapping[str, list[float]]) -> None:
    columns = "| earns nothing | mean reward | wrong ends | breaks off | said again | ends at, dB |"
    print(f"{len(scores[RECORDING])} recordings\n\n| Made of them {columns}")
    print(f"| --- |{' ---: |' * 6}")
    for what, own in scores.items():
        judged = [score for score in own if score.reward is not None]
        rewards = np.array([score.reward for score in judged])
        wrong = [max(_metrics(s, "unsaid_at_end", "said_after_end")) >= 2 for s in judged]
        off = [min(_metrics(s, "unsaid_at_end", "breaks_off")) > 0 for s in judged]
        again = [_metrics(s, "said_again") == [1.0] for s in judged]
        low, median, high = np.quantile(ends[what], [0.05, 0.5, 0.95])
        print(
            f"| {what} | {np.mean(rewards == 0):.0%} | {rewards.mean():.2f} | {sum(wrong)}"
            f" | {sum(off)} | {sum(again)} | {low:.0f}, {median:.0f}, {high:.0f} |"
        )


def _metrics(score: Score, *names: str) -> list[float]:
    return [score.metrics.get(name, 0.0) for name in names]


if __name__ == "__main__":
    main()
