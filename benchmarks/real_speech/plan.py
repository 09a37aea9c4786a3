"""From an arm and a seed to runs: the settings of each, its folder, and the command of its row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import yaml
from attrs import field, frozen
from performance.machine import ROOT

from audioforge import AudioRAFTConfig
from audioforge.cli.setting_options import REPEATED, flag_names
from real_speech.arms import COFFEE, RECIPES, WITHOUT_TRANSCRIPTS, Arm

KEPT = ROOT / "docs" / "real-whisper"


@frozen
class Setup:
    """Where things are, and what every run is told.

    Attributes:
        data: The folder of the corpora.
        model: The checkpoint to begin with: a folder or a hub id.
        output: Where runs and measurements go.
        instead: Settings that every run has instead of its own.
        kept: Where what was found is kept when `output` goes; see `kept.py`.
    """

    data: Path
    model: str
    output: Path
    instead: Mapping[str, Any] = field(factory=dict)
    kept: Path = KEPT

    def manifest(self, corpus: str, part: str) -> Path:
        """Return the manifest of a part of a corpus."""
        return self.data / corpus / f"{part}.jsonl"

    def unlabelled(self, corpus: str, part: str) -> Path:
        """Return where its copy without transcripts is written."""
        return self.output / "manifests" / f"{corpus}-{part}.jsonl"


SYMBOLIC = Setup(Path("$DATA"), "$MODEL", Path("$OUT"))
"""What commands are shown with, to be set in a shell."""


@frozen
class Stage:
    """One run of an arm with a seed.

    Attributes:
        folder: The run folder.
        settings: What it is told, but for what a parent says.
        parent: The run whose exported model it begins with; None for the untouched one.
    """

    folder: Path
    settings: dict[str, Any]
    parent: Path | None


def stages(arm: Arm, seed: int, setup: Setup) -> list[Stage]:
    """Return the runs of an arm, each of which begins with what the one before exported."""
    planned: list[Stage] = []
    for count in range(1, len(arm.stages) + 1):
        folder = arm_folder(arm, setup, count) / f"seed-{seed}"
        settings = _settings(arm, count - 1, setup)
        if count == 1:
            settings |= {"model_name": setup.model, "seed": seed}
        parent = planned[-1].folder if planned else None
        planned.append(Stage(folder, settings, parent))
    return planned


def arm_folder(arm: Arm, setup: Setup, count: int | None = None) -> Path:
    """Return the folder of the runs of an arm, one for each seed.

    It is named by what the arm does, so that arms which begin alike share their first runs.

    Args:
        arm: The arm.
        setup: Where runs go.
        count: How many of its stages; None for all.
    """
    done = "-then-".join(re.sub(r"[^\w.=,-]+", "_", stage) for stage in arm.stages[:count])
    mark = "" if arm.reads != WITHOUT_TRANSCRIPTS else "-unlabelled"
    return setup.output / arm.corpus / f"{done}{mark}"


def _settings(arm: Arm, index: int, setup: Setup) -> dict[str, Any]:
    selection, _, changed = arm.stages[index].partition("@")
    pairs = (pair.split("=", 1) for pair in changed.split(";") if pair)
    changes = {
        key: yaml.safe_load(value.replace(str(SYMBOLIC.data), str(setup.data)))
        for key, value in pairs
    }
    bare = {"train"} if arm.reads == WITHOUT_TRANSCRIPTS else set()
    if bare and arm.corpus == COFFEE:  # where what decides needs no transcript either
        bare.add("heldout")
    train, heldout = (
        (setup.unlabelled if part in bare else setup.manifest)(arm.corpus, part)
        for part in ("train", "heldout")
    )
    return {
        "dataset": str(train),
        "eval_dataset": str(heldout),
        **RECIPES[arm.corpus],
        "selection": selection,
        **changes,
        **setup.instead,
    }


def commands(arm: Arm, seeds: Sequence[int], setup: Setup = SYMBOLIC) -> list[str]:
    """Return what a shell is told to make the runs of an arm.

    The first stage of all seeds is one command; every other begins with a run of its own.
    """
    named = ",".join(map(str, seeds))
    first, *others = stages(arm, seeds[0], setup)
    settings = {name: value for name, value in first.settings.items() if name != "seed"}
    lines = [f"{_train(settings)} --seeds {named} --output {first.folder.parent}"]
    for stage in others:
        assert stage.parent is not None
        told = f"{_train(stage.settings)} --continue {stage.parent.parent}/seed-$SEED"
        one = f"{told} --output {stage.folder.parent}/seed-$SEED"
        listed = " ".join(map(str, seeds))
        lines.append(f"for SEED in {listed}; do {one}; done")
    return lines


def _train(settings: dict[str, Any]) -> str:
    return " ".join(["audioforge train", *_flags(settings)])


def _flags(settings: dict[str, Any]) -> Iterator[str]:
    for attribute in attrs.fields(AudioRAFTConfig):
        if attribute.name not in settings:
            continue
        value = settings[attribute.name]
        items = value if isinstance(value, list) else [value]
        texts = items if attribute.metadata["kind"] in REPEATED else [",".join(map(str, items))]
        for text in texts:
            yield f"{flag_names(attribute)[0]} {text}"
