"""What every executor must do: `audioforge.executor.Executor` in rules."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from attrs import frozen
from safetensors.torch import load_file

from audioforge.config import AudioRAFTConfig
from audioforge.executor import Executor
from audioforge.plugins import Registry
from audioforge.run.folder import RunFolder
from audioforge.terminal.reporter import Reporter
from audioforge.trainer import AudioRAFTTrainer
from audioforge_kit.contract import Contract, expect, rule
from audioforge_kit.examples import ExecutorExample
from audioforge_kit.surroundings import printed, put_back
from audioforge_kit.tones import ToneClassifier, tone_plugin

CYCLES = 2
OWN = "audioforge/processes"
"""The engine's executor, which in one process is what the others are held against."""

SETTINGS: Mapping[str, Any] = {
    "task": "classification",
    "dataset": "tones-train",
    "eval_dataset": "tones-heldout",
    "aggregator": "mean",
    "samples_per_prompt": 3,
    "num_cycles": CYCLES,
    "steps_per_cycle": 4,
    "batch_size": 4,
    "learning_rate": 0.05,
    "device": "cpu",
}
LOGPROB_TOLERANCE = 1e-4
"""In nats."""
WEIGHT_TOLERANCE = 1e-5


@frozen
class Trained:
    """What came of a run.

    Attributes:
        folder: The run folder.
        printed: Lines on stdout.
        changes: What was changed of the whole process.
    """

    folder: Path
    printed: list[str]
    changes: list[str]


class ExecutorContract(Contract):
    """The rules of an executor: a small run is trained with it, and by the engine alone."""

    kind = "executor"
    example_class = ExecutorExample

    @rule("Let the factory return an instance of audioforge.executor.Executor.")
    def is_an_executor(self) -> None:
        """The factory, called with the options, returns an Executor."""
        created = self.create()
        expect(isinstance(created, Executor), f"it returned {type(created).__name__}")

    @rule("Let what `create` gives be closed at once, and twice.")
    def can_be_closed(self) -> None:
        """The executor can be closed without having joined anything, and twice."""
        executor = cast("Executor", self.create())
        executor.close()
        executor.close()

    @rule("Do the whole of what `share` and `together` are told; close what you took.")
    def trains(self) -> None:
        """A small run with it comes to its end."""
        self._trained(self._setting)

    @rule("Yield each batch once, as it was cut, from the noise of its own samples.")
    def samples_the_same(self) -> None:
        """The rollouts of every cycle are those of the engine in one process."""
        theirs, own = self._folders()
        for cycle in range(1, CYCLES + 1):
            _expect_same_rollouts(_rollouts(theirs, cycle), _rollouts(own, cycle))

    @rule("Measure each batch of a dataset once, with the model that you are given.")
    def measures_the_same(self) -> None:
        """What comes out on held-out data is the same for every cycle."""
        theirs, own = self._folders()
        for cycle in range(CYCLES + 1):
            same = _predictions(theirs, cycle) == _predictions(own, cycle)
            expect(same, f"after cycle {cycle} the outputs on held-out clips are others")

    @rule("Learn from all that is selected, step by step, and divide by what it says.")
    def learns_the_same(self) -> None:
        """The weights after the last cycle are the same up to rounding."""
        theirs, own = (_weights(folder) for folder in self._folders())
        for name, weight in own.items():
            off = float((theirs[name] - weight).abs().max())
            expect(off <= WEIGHT_TOLERANCE, f"{name} is off by {off:.3g}")

    @rule("Say nothing on stdout, which may be a JSON document; log to stderr, or not at all.")
    def prints_nothing(self) -> None:
        """A run with it prints nothing on stdout."""
        said = self._trained(self._setting).printed
        expect(not said, f"it prints {said}")

    @rule("Leave the working directory, the environment and torch's settings as they are.")
    def leaves_the_process_alone(self) -> None:
        """The state of the whole process is the same when a run is over."""
        changes = self._trained(self._setting).changes
        expect(not changes, "; ".join(changes))

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    @property
    def _setting(self) -> dict[str, Any]:
        """The executor as a run's setting names it."""
        return {"name": self.provided.full_name, **self.example.options}

    def _folders(self) -> tuple[Path, Path]:
        """Return the folders of a run with the executor, and of one with the engine's own."""
        return self._trained(self._setting).folder, self._trained({"name": OWN}).folder

    def _trained(self, executor: dict[str, Any]) -> Trained:
        """Return what came of a run with an executor; the same each time."""
        name = executor["name"]
        return cast("Trained", self.once(f"a run with {name}", lambda: self._train(executor)))

    def _train(self, executor: dict[str, Any]) -> Trained:
        """Train the tone model in a new run folder."""
        base = self.folder / "base"
        base.mkdir(exist_ok=True)
        ToneClassifier().save(base)
        folder = Path(tempfile.mkdtemp(dir=self.folder)) / "run"
        settings = {**SETTINGS, "model_name": str(base), "output_dir": folder, "executor": executor}
        config = AudioRAFTConfig.from_mapping(settings)
        # Nothing else that is installed takes part: a run is the same on every machine.
        needed = [plugin for plugin in self.registry.plugins if plugin.provides["executors"]]
        registry, reporter = (
            Registry([tone_plugin(), *needed]),
            Reporter(quiet=True, warnings=False),
        )
        with printed() as said, put_back() as changes:
            AudioRAFTTrainer(config, registry, reporter).train()
        return Trained(folder, said, changes)


def _rollouts(folder: Path, cycle: int) -> dict[str, list[dict[str, Any]]]:
    """Return the hypotheses of each sample of a cycle."""
    lines = [
        json.loads(line)
        for path in RunFolder(folder).cycle(cycle).glob("rollouts-*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    ids = [line["id"] for line in lines]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    expect(not twice, f"cycle {cycle} has the clips {', '.join(twice[:3])} more than once")
    return {line["id"]: line["hypotheses"] for line in lines}


def _expect_same_rollouts(
    these: dict[str, list[dict[str, Any]]], those: dict[str, list[dict[str, Any]]]
) -> None:
    missing, new = sorted(set(those) - set(these)), sorted(set(these) - set(those))
    expect(not missing, f"there is no rollout of {', '.join(missing[:3])}")
    expect(not new, f"there are rollouts of {', '.join(new[:3])}")
    for identity, hypotheses in those.items():
        for this, that in zip(these[identity], hypotheses, strict=True):
            same = all(this[key] == that[key] for key in ("label", "reward", "kept"))
            near = math.isclose(this["logprob"], that["logprob"], abs_tol=LOGPROB_TOLERANCE)
            expect(same and near, f"{identity} has {this} instead of {that}")


def _predictions(folder: Path, cycle: int) -> list[str]:
    path = RunFolder(folder).cycle(cycle) / "predictions.jsonl"
    return sorted(path.read_text(encoding="utf-8").splitlines())


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(RunFolder(folder).checkpoint(CYCLES) / "model.safetensors")
