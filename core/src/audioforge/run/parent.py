"""Going on from a finished run: a new run that begins with the model which that one exported.

The new run is one of its own, with its own folder, base evaluation and cycles. It takes over the
parent's settings where none are given, and what is left of its schedules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audioforge.config import AudioRAFTConfig, from_cycle
from audioforge.errors import UsageError
from audioforge.files.journal import Journal
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.run.folder import RunFolder
from audioforge.run.new_folder import GROUP_FILE
from audioforge.run.resumed_settings import read_settings

PATHS = (
    *("model_name", "dataset", "eval_dataset", "test_dataset", "retention_dataset", "data_dir"),
    "audio_root",
    "parent",
)
"""Settings that can hold a path, which counts from where the run was started."""


def settings_after(parent: Path) -> dict[str, Any]:
    """Return the settings of a run that goes on from another, where nothing else is given.

    The rate and other schedules go on where the exported cycle left them. What is held out stays
    held out; the seed is the next one, or a parent that exported its base would be repeated.

    Args:
        parent: The folder of the finished run.

    Raises:
        ConfigError: If its settings cannot be read.
        UsageError: If there is no run in it, or it is unfinished or damaged.
    """
    folder = RunFolder(parent.resolve())
    summary = _summary_of(folder)
    settings = settings_from_here(folder, "--continue")
    config = AudioRAFTConfig.from_mapping(settings)
    first = summary["best"]["cycle"] + 1
    schedules = {
        name: from_cycle(value, first)
        for name in ("temperature", "reward_threshold", "learning_rate")
        if (value := getattr(config, name)) is not None
    }
    if not isinstance(config.learning_rate, tuple):
        schedules["learning_rate"] = config.learning_rate_of(first)
    return {
        **settings,
        **schedules,
        "parent": folder.root,
        "model_name": str(folder.best),
        "new_head": False,
        "output_dir": None,
        "seed": config.seed + 1,
        "split_seed": config.seed if config.split_seed is None else config.split_seed,
    }


def settings_from_here(folder: RunFolder, flag: str) -> dict[str, Any]:
    """Return the settings of a run, its paths as they are found from here.

    Args:
        folder: The run folder.
        flag: What asks for it.

    Raises:
        ConfigError: If they cannot be read.
        UsageError: If there are some that this AudioForge does not know.
    """
    raw = read_settings(folder.root, flag)
    return {name: _from_there(folder, name, value) for name, value in raw.items()}


def describe_parent(parent: Path) -> dict[str, Any]:
    """Return what a run writes down of the one that it goes on from.

    Raises:
        UsageError: If there is no finished run in the folder.
    """
    summary = _summary_of(RunFolder(parent))
    kept = ("model", "dataset", "metric", "improved", "best", "parent")
    described = {"run": str(parent.absolute())} | {key: summary.get(key) for key in kept}
    return {**described, "cycles": len(summary["cycles"])}


def parent_line(parent: dict[str, Any]) -> str:
    """Return what a run goes on from, in a sentence."""
    best, of = parent["best"], f"goes on from {parent['run']}"
    if not parent["improved"]:
        return f"{of}, which exported its base, since nothing had improved: what is drawn is new"
    part = "" if best["interpolation"] == 1 else f"{best['interpolation']:g} × "
    return f"{of}: {part}cycle {best['cycle']} of {parent['cycles']}"


def learnt_before(parent: Path, dataset: EvaluationSet) -> int:
    """Return of how many clips of a set the parent has learnt: the same id and reference."""
    lines = Journal(RunFolder(parent).cycle(1), "rollouts", 0).read()
    learnt = {(line["id"], line["reference"]) for line in lines}
    return sum((sample.id, sample.reference) in learnt for sample in dataset.samples)


def _summary_of(folder: RunFolder) -> dict[str, Any]:
    """Return the result of a finished, whole run."""
    root = folder.root
    if not folder.has_begun:
        hint = "; name one of its seeds" if (root / GROUP_FILE).is_file() else ""
        raise UsageError(f"--continue {root}: there is no run in it (no config.yaml){hint}")
    folder.check_format()
    summary = folder.read_summary()
    if summary is None:
        raise UsageError(
            f"--continue {root}: the run is not finished; finish it with --resume {root}"
        )
    if not {"best", "cycles", "improved"} <= summary.keys():
        raise UsageError(f"{root / 'summary.json'}: does not hold what a run writes there")
    if not (folder.best / "config.json").is_file():
        raise UsageError(
            f"--continue {root}: {folder.best} does not hold the model that the run exported"
        )
    return summary


def _from_there(folder: RunFolder, name: str, value: Any) -> Any:
    """Return a setting with its path as it is found from here."""
    start = folder.read_working_directory()
    if name not in PATHS or start is None or start == Path.cwd():
        return value
    if isinstance(value, list):
        return [_from_there(folder, name, item) for item in value]
    path, mark, options = str(value).partition(":")
    is_there = value is not None and (start / path).exists()
    return f"{start / path}{mark}{options}" if is_there else value
