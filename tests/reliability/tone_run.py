"""Training runs that take a second, and forks of this process in which they can be killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.cli import cli
from audioforge.reporter import Reporter

METADATA = "Metadata-Version: 2.4\nName: tone-words\nVersion: 1.0\nSummary: Words for tones.\n"
ENTRY_POINTS = "[audioforge]\ntone-words = tone_words.plugin\n"
PLUGINS = Path(__file__).parent / "third_party"
SETS = {"train": 20, "heldout": 6, "other": 4}
"""Sound clips of each dataset. Training and held-out data also have one that cannot be decoded."""
BATCH, K, CYCLES, STEPS = 4, 3, 2, 4
TIMES = {"seconds"}
SECONDS = 120.0
"""That a run may take when the machine is busy."""

sys.path.append(str(PLUGINS))  # the plugin is also what makes the clips
from tone_words.model import RATE, WORDS, ToneWords, speak  # noqa: E402


@contextmanager
def installed(site: Path) -> Iterator[None]:
    """Make the plugin found, here and in processes that are started, as an installed one is."""
    info = site / "tone_words-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AUDIOFORGE_PLUGINS", raising=False)
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", f"{site}{os.pathsep}{PLUGINS}")
        yield


def write_inputs(folder: Path) -> None:
    """Write a base model, clips to learn from and clips to measure on."""
    base = folder / "base"
    base.mkdir(parents=True)
    ToneWords().save(base)
    for seed, (name, count) in enumerate(SETS.items()):
        (folder / name).mkdir()
        draw = np.random.default_rng(seed)
        lines = []
        for number in range(count):
            words = [WORDS[n] for n in draw.integers(len(WORDS), size=5)]
            place = f"{name}/{number:02d}.wav"
            soundfile.write(folder / place, speak(words, draw), RATE)
            lines.append({"audio_filepath": place, "text": " ".join(words)})
        if name != "other":
            (folder / name / "02-broken.wav").write_text("no sound")
            lines.append({"audio_filepath": f"{name}/02-broken.wav", "text": "low"})
        for line in lines:
            line["id"] = line["audio_filepath"].removesuffix(".wav")
        write_lines(folder / f"{name}.jsonl", lines)


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def settings(inputs: Path, **changes: Any) -> dict[str, Any]:
    """Return the settings of a run; every step of its update is saved."""
    recipe = {
        "model_name": str(inputs / "base"),
        "dataset": str(inputs / "train.jsonl"),
        "eval_dataset": str(inputs / "heldout.jsonl"),
        "retention_dataset": [str(inputs / "other.jsonl")],
        "test_dataset": str(inputs / "other.jsonl"),
        "normalizer": "none",
        "samples_per_prompt": K,
        "reward_threshold": 0.0,
        "num_cycles": CYCLES,
        "steps_per_cycle": STEPS,
        "batch_size": BATCH,
        "learning_rate": 0.02,
        "interpolate": [0.5, 1.0],
        "device": "cpu",
        "save_every": 0.0,
    }
    return recipe | changes


def train(output: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    """Train, and return the summary."""
    config = AudioRAFTConfig.from_mapping({**recipe, "output_dir": output})
    return AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train().as_mapping()


def resume(output: Path, **changes: Any) -> dict[str, Any]:
    """Go on with a run, and return the summary."""
    trainer = AudioRAFTTrainer.resume(output, reporter=Reporter(quiet=True), **changes)
    return trainer.train().as_mapping()


def flags(recipe: dict[str, Any]) -> list[str]:
    """Return settings as the command line takes them."""
    names = {"model_name": "model", "num_cycles": "cycles"}
    arguments = []
    for key, value in recipe.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        arguments += [f"--{names.get(key, key).replace('_', '-')}", text]
    return arguments


def results(output: Path) -> dict[str, Any]:
    """Return the content of a run folder by file name, but for what no two runs share."""
    found = {}
    for path in sorted(output.rglob("*")):
        name = path.relative_to(output).as_posix()
        if not path.is_file() or name in ("environment.json", "config.yaml"):
            continue
        if path.suffix == ".jsonl":
            found[name] = sorted(path.read_text().splitlines())
        elif name.endswith(("metrics.json", "summary.json")):
            found[name] = without_times(json.loads(path.read_text()))
        else:
            found[name] = path.read_bytes()
    return found


def without_times(value: Any) -> Any:
    if isinstance(value, list):
        return [without_times(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: without_times(v) for k, v in value.items() if k not in TIMES}


class Fork:
    """A function in a fork of this process, which has imported everything already.

    Args:
        log: Where what it prints goes.
        function: What it does; an error that it raises ends it with exit code 1.
        arguments: For the function.
    """

    def __init__(self, log: Path, function: Callable[..., object], *arguments: Any) -> None:
        self.log = log
        context = multiprocessing.get_context("fork")
        self.process: ForkProcess = context.Process(target=_in_fork, args=(log, function, arguments))
        self.process.start()

    def end(self) -> int:
        """Wait until it ends, and return its exit code; minus the number of a signal."""
        self.process.join(SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(f"it does not end; it said: {self.said}")
        return self.process.exitcode

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text()


def _in_fork(log: Path, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(descriptor, number)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    try:
        function(*arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def command(*arguments: object) -> None:
    """Be the command line; ends the process."""
    cli([str(a) for a in arguments], prog_name="audioforge")
