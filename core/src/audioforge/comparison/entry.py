"""What is compared: a finished run, runs of several seeds, or a benchmark, as its folder has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from attrs import field, frozen

from audioforge.comparison.outputs import Lines, read_lines
from audioforge.config import read_config_file
from audioforge.errors import UsageError
from audioforge.run.new_folder import GROUP_FILE

HELD_OUT, TEST = "held out", "test"

OWN_SETTINGS = ("output_dir",)
"""Settings that two runs cannot share."""


@frozen(eq=False)
class SetOutputs:
    """What was said of one set, once for each seed.

    Attributes:
        base: By the untouched model; empty where only one model was measured.
        exported: By the exported model, or by the one that was measured.
        trained: By the best that was trained, exported or not; empty where that is not known.
    """

    base: Sequence[Lines]
    exported: Sequence[Lines]
    trained: Sequence[Lines] = ()

    @property
    def all(self) -> list[Lines]:
        """What base and exported models said of it."""
        return [*self.base, *self.exported]


@frozen(eq=False)
class Entry:
    """One of what is compared.

    Attributes:
        folder: Where it is.
        kind: "run", "seeds" or "benchmark".
        task: Its task.
        metric: The corpus metric that decides.
        higher_is_better: Whether more of it is better.
        normalizer: Name of the text normaliser.
        settings: Its settings by name, as `config.yaml` writes them.
        sets: What was said of each set, by HELD_OUT and TEST.
        summaries: `summary.json` of the run of each seed; empty of a benchmark.
        name: What it is called beside the others.
    """

    folder: Path
    kind: str
    task: str
    metric: str
    higher_is_better: bool
    normalizer: str
    settings: Mapping[str, str]
    sets: Mapping[str, SetOutputs]
    summaries: Sequence[Mapping[str, Any]]
    name: str = field(default="")

    @property
    def kept_base(self) -> bool:
        """Whether nothing it trained was better, so that what it exported is the base."""
        return bool(self.summaries) and not any(s["improved"] for s in self.summaries)


def read_entry(folder: Path) -> Entry:
    """Read what is compared.

    Args:
        folder: A run folder, the folder of runs of several seeds, or `--output` of a benchmark.

    Raises:
        AudioForgeError: If there is no result in it, or it is damaged.
    """
    path = folder.absolute()
    try:
        if (path / GROUP_FILE).is_file():
            return _of_seeds(path)
        if (path / "config.yaml").is_file():
            return _of_runs(path, [path], "run")
        if (path / "metrics.json").is_file() and (path / "predictions.jsonl").is_file():
            return _of_benchmark(path)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{folder}: its files do not hold what a run writes there") from error
    raise UsageError(
        f"{folder}: there is no run in it (no config.yaml), nor what audioforge benchmark --output "
        f"writes; audioforge runs lists what is below a folder"
    )


def _of_seeds(root: Path) -> Entry:
    seeds = read_config_file(root / GROUP_FILE)["seeds"]
    return _of_runs(root, [root / f"seed-{seed}" for seed in seeds], "seeds")


def _of_runs(root: Path, folders: Sequence[Path], kind: str) -> Entry:
    """Return the entry of one run, or of those that differ in their seeds alone."""
    summaries = [_summary(folder, root) for folder in folders]
    first, configs = summaries[0], [read_config_file(folder / "config.yaml") for folder in folders]
    settings = {name: written(value) for name, value in configs[0].items()}
    if kind == "seeds":
        settings["seed"] = ", ".join(written(config["seed"]) for config in configs)
    base = [read_lines(folder / "cycle-00/predictions.jsonl") for folder in folders]
    best = [_exported(f, summary) for f, summary in zip(folders, summaries, strict=True)]
    found = [_trained(f, s, own) for f, s, own in zip(folders, summaries, best, strict=True)]
    trained = [lines for lines in found if lines is not None]
    sets = {HELD_OUT: SetOutputs(base, best, trained if len(trained) == len(found) else [])}
    names = ("test-predictions-base.jsonl", "test-predictions.jsonl")
    if all((folder / name).is_file() for folder in folders for name in names):
        sets[TEST] = SetOutputs(*([read_lines(f / name) for f in folders] for name in names))
    return Entry(
        folder=root,
        kind=kind,
        task=first["task"],
        metric=first["metric"],
        higher_is_better=first["higher_is_better"],
        normalizer=first["normalizer"],
        settings={k: v for k, v in settings.items() if k not in OWN_SETTINGS},
        sets=sets,
        summaries=summaries,
    )


def _of_benchmark(root: Path) -> Entry:
    result = _json(root / "metrics.json")
    named = {"model_name": "model", "normalizer": "normalizer"}
    return Entry(
        folder=root,
        kind="benchmark",
        task=result["task"],
        metric=result["metric"].rpartition(".")[2],
        higher_is_better=result["higher_is_better"],
        normalizer=result["normalizer"],
        settings={setting: written(result[key]) for setting, key in named.items()},
        sets={HELD_OUT: SetOutputs([], [read_lines(root / "predictions.jsonl")])},
        summaries=[],
    )


def _exported(folder: Path, summary: Mapping[str, Any]) -> Lines:
    """Return what the exported model said of the held-out set."""
    path = folder / "best-predictions.jsonl"
    if not path.is_file() and summary["best"]["interpolation"] in (0.0, 1.0):
        path = folder / f"cycle-{summary['best']['cycle']:02d}" / "predictions.jsonl"
    return read_lines(path)


def _trained(folder: Path, summary: Mapping[str, Any], exported: Lines) -> Lines | None:
    """Return what the best that was trained said of the held-out set; None where not written."""
    if summary["improved"]:
        return exported
    rejected = summary["best"].get("rejected")
    if not rejected or rejected.get("interpolation") != 1.0:
        return None
    return read_lines(folder / f"cycle-{rejected['cycle']:02d}" / "predictions.jsonl")


def _summary(folder: Path, root: Path) -> dict[str, Any]:
    if not (folder / "summary.json").is_file():
        raise UsageError(
            f"{folder}: the run is not finished, and has chosen no model yet; go on with it by "
            f"audioforge train --resume {root}, or wait for it"
        )
    return _json(folder / "summary.json")


def _json(path: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def written(value: Any) -> str:
    """Return a setting on one line, as YAML has it."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def named_apart(entries: Sequence[Entry]) -> list[str]:
    """Return the shortest ends of their paths that tell the entries apart."""
    parts = [entry.folder.parts for entry in entries]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise UsageError("compare: one folder is named twice")
