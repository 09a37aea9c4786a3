"""A run folder with rollouts of two cycles, and what a run tells of it."""

import json

import numpy as np
import pytest

from audioforge.plugins import discover
from audioforge.sample import AudioSample
from audioforge.tracker import TrackedRun

CLIPS = ("a", "b <b>|x|</b>\u202e", "c")
STEPS = 2


@pytest.fixture(scope="session")
def registry():
    return discover()


@pytest.fixture
def folder(tmp_path):
    """The folder of a run that sampled two hypotheses of each clip."""
    root = tmp_path / "mine #1"
    for cycle in (1, 2):
        (root / f"cycle-0{cycle}").mkdir(parents=True)
        lines = [
            {
                "id": clip,
                "cycle": cycle,
                "reference": "turn left",
                "hypotheses": [
                    {"text": text, "reward": reward, "kept": reward == 1, "scores": {"wer": score}}
                    for text, reward in (("turn left", 1.0), (f"turn {cycle}", None))
                    for score in [{"reward": reward}]
                ],
            }
            for clip in CLIPS
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (root / f"cycle-0{cycle}/rollouts-00000.jsonl").write_text(text)
    return root


@pytest.fixture
def tell(registry, folder):
    """`tell(name, first, last, resumes, **options)` tells a tracker of steps `first` to `last`.

    As a run does: the base and every finished cycle are told whatever the first step is.
    """

    def _tell(name, first=1, last=2 * STEPS, *, resumes=False, finishes=True, **options):
        time = np.arange(8_000) / 16_000
        sound = (0.5 * np.sin(880 * np.pi * time)).astype(np.float32)
        tracker = registry.create("trackers", name, **options)
        tracker.start(
            TrackedRun(
                folder=folder,
                settings={"seed": 0, "verifier": ["wer"], "language": None},
                resumes=resumes,
                held_out={clip: AudioSample(clip, sound, 16_000) for clip in CLIPS},
            )
        )
        for step in range(last + 1):
            cycle, of_cycle = divmod(step, STEPS)
            if step >= max(first, 1):
                tracker.metrics(step, {"loss": 1 / step, "learning_rate": 1e-5})
            if of_cycle == 0:
                tracker.metrics(step, {"cycle": float(cycle), "eval_wer": 0.5 - cycle / 10})
                tracker.utterances(cycle, [_row(clip, cycle) for clip in CLIPS])
        if finishes:
            tracker.finish()

    return _tell


def _row(clip, cycle):
    said = {"pred_text": f"turn {cycle}", "substitutions": 2 - cycle, "deletions": 0}
    return {"id": clip, "text": "turn left", "insertions": 0, "reference_words": 2, **said}
