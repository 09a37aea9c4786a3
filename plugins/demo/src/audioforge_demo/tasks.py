"""What the demo of each task trains, on which data, with which settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from audioforge_demo import assets


@frozen
class TaskDemo:
    """The demo of one task.

    Attributes:
        model: Returns the checkpoint's folder.
        train: Dataset to learn from.
        heldout: Dataset to measure on.
        folder: What the names of its run folders start with.
        reference: What the references are; None where there is nothing to learn from but rewards.
        recipe: Settings of the run. They are what a nano model needs; the defaults of
            `audioforge train` are for a pretrained one.
        public_model: A checkpoint to try next.
        manifest_line: What a manifest for this task holds.
    """

    model: Callable[[], Path]
    train: str
    heldout: str
    folder: str
    reference: str | None
    recipe: Mapping[str, Any]
    public_model: str
    manifest_line: str

    @property
    def unit(self) -> str:
        """What a line of its manifests is."""
        return "clip" if self.reference else "text"

    @property
    def runs(self) -> dict[str, str]:
        """What each run is, by the selection that sets it apart."""
        k = self.recipe["samples_per_prompt"]
        runs = {
            "best": f"RAFT: the best of {k} hypotheses per {self.unit}",
            "random": f"control: a random one of the {k}",
        }
        if self.reference:
            runs["reference"] = f"control: the {self.reference} themselves"
        return runs


_SCHEDULE: Mapping[str, Any] = {
    "num_cycles": 4,
    "lr_decay_per_cycle": 0.7,
    "reward_threshold": 1.0,
    "steps_per_cycle": 40,
    "batch_size": 16,
    "temperature": 1.0,
}

DEMOS: Mapping[str, TaskDemo] = {
    "asr": TaskDemo(
        model=assets.model,
        train="demo:split=train",
        heldout="demo:split=heldout",
        folder="demo",
        reference="transcripts",
        recipe={
            **_SCHEDULE,
            "normalizer": "none",
            "samples_per_prompt": 4,
            "learning_rate": 5e-4,
        },
        public_model="openai/whisper-small",
        manifest_line='{"audio_filepath": "clip.wav", "text": "…"}',
    ),
    "classification": TaskDemo(
        model=assets.commands_model,
        train="demo:split=commands-train",
        heldout="demo:split=commands-heldout",
        folder="demo-classification",
        reference="labels",
        recipe={**_SCHEDULE, "samples_per_prompt": 8, "learning_rate": 3e-4},
        public_model="superb/wav2vec2-base-superb-ks",
        manifest_line='{"audio_filepath": "clip.wav", "label": "yes"}',
    ),
    "tts": TaskDemo(
        model=assets.voice_model,
        train="demo:split=voice-train",
        heldout="demo:split=voice-heldout",
        folder="demo-tts",
        reference=None,
        recipe={
            **_SCHEDULE,
            "language": "en",
            "normalizer": "none",
            "verifier": [f"intelligibility:model={assets.model()}"],
            "metric": "intelligibility.wer",
            "num_cycles": 3,
            "steps_per_cycle": 20,
            "samples_per_prompt": 4,
            "learning_rate": 1e-4,
            "temperature": 1.0,
        },
        public_model="microsoft/speecht5_tts",
        manifest_line='{"text": "…"}',
    ),
}
