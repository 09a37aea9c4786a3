"""Training runs that take a second, and forks of this process in which they can be killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.cli import cli
from audioforge.terminal.reporter import Reporter

PLUGINS = Path(__file__).parent / "third_party"
SETS = {"train": 20, "heldout": 20, "other": 4}
"""Sound clips of each dataset. Training and held-out data also have one that cannot be decoded."""
BATCH, K, CYCLES, STEPS = 4, 3, 2, 4
TIMES = {"seconds", "peak_memory"}
SECONDS = 120.0
"""That a run may take when the machine is busy."""

sys.path.append(str(PLUGINS))  # the plugin is also what makes the clips
from tone_words.model import RATE, WORDS, ToneWords, speak  # noqa: E402


def install(site: Path, name: str, folder: Path) -> None:
    """Put what tells of an installed plugin into a folder on the path, and its code on it."""
    module = name.replace("-", "_")
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[audioforge]\n{name} = {module}.plugin\n")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


@contextmanager
def installed(site: Path) -> Iterator[None]:
    """Make the plugin found, here and in processes that are started, as an installed one is."""
    install(site, "tone-words", PLUGINS)
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
        if not path.is_file() or name in ("environment.json", "config.yaml", "report.html"):
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
        function: What it does; an error that it raises ends it with exit code 1.
        arguments: For the function.
        environment: Variables that only the fork has.

    Attributes:
        said: What it has printed, once it has ended.
    """

    def __init__(
        self, function: Callable[..., object], *arguments: Any, **environment: object
    ) -> None:
        self.said = ""
        self._pipe, end = os.pipe()  # which takes what is said when the disk is full
        context = multiprocessing.get_context("fork")
        self.process = context.Process(
            target=_in_fork, args=(end, function, arguments, environment)
        )
        self.process.start()
        os.close(end)

    def end(self) -> int:
        """Wait until it ends, and return its exit code; minus the number of a signal."""
        self.process.join(SECONDS)
        ended = self.process.exitcode is not None
        if not ended:
            self.process.kill()
            self.process.join()
        with os.fdopen(self._pipe, encoding="utf-8") as pipe:
            self.said = pipe.read()
        assert ended, f"it did not end; it said: {self.said}"
        assert self.process.exitcode is not None
        return self.process.exitcode

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)


def _in_fork(
    end: int, function: Callable[..., object], arguments: tuple[Any, ...], environment: dict
) -> None:
    sys.settrace(None)  # what coverage measures of a fork is lost with it, and costs a third of it
    for number in (1, 2):
        os.dup2(end, number)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    os.environ.update({key: str(value) for key, value in environment.items()})
    try:
        function(*arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    latest = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < latest, "it did not come true"
        time.sleep(0.005)


def command(*arguments: object) -> None:
    """Be the command line; ends the process."""
    cli([str(a) for a in arguments], prog_name="audioforge")
