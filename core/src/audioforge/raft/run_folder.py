"""The run folder: where everything that a run writes lies.

config.yaml environment.json   resolved settings; versions, plugins, command
skipped.jsonl                  every clip that was left out, and why
cycle-00/                      the untouched base model
cycle-NN/rollouts-*.jsonl      one utterance a line, with every score
cycle-NN/audio/                what a text-to-speech model generated for it
cycle-NN/metrics.json          evaluations, update, times
cycle-NN/predictions.jsonl     greedy output on the held-out set; its audio in predictions/
cycle-NN/checkpoint/           of the best cycle so far and of the latest one
best/                          the exported model
summary.json                   base, every cycle, best
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from audioforge import atomic
from audioforge.errors import UsageError
from audioforge.model import ModelAdapter
from audioforge.plugins import Registry
from audioforge.raft.clips import SkipLog
from audioforge.raft.evaluation import Evaluation
from audioforge.sample import Hypothesis, Rollout, ScoredHypothesis

LIBRARIES = ("torch", "transformers", "accelerate", "peft", "jiwer", "soundfile", "soxr", "numpy")


@frozen
class RunFolder:
    """Paths and writers of one run.

    Attributes:
        root: The folder.
    """

    root: Path

    @classmethod
    def create(cls, root: Path) -> RunFolder:
        """Make a new run folder.

        Raises:
            UsageError: If it is a file, holds something, or cannot be made.
        """
        require_new(root)
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--output {root}: cannot be made: {error.strerror}") from error
        return cls(root)

    @property
    def best(self) -> Path:
        """Where the exported model is."""
        return self.root / "best"

    def cycle(self, number: int) -> Path:
        """Return a cycle's folder, made if need be."""
        folder = self.root / f"cycle-{number:02d}"
        folder.mkdir(exist_ok=True)
        return folder

    def checkpoint(self, cycle: int) -> Path:
        """Return where a cycle's checkpoint is."""
        return self.root / f"cycle-{cycle:02d}" / "checkpoint"

    def write_config(self, settings: dict[str, Any], registry: Registry, processes: int) -> None:
        """Write the resolved settings and the environment."""
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        atomic.write_text(self.root / "config.yaml", text)
        atomic.write_json(self.root / "environment.json", _environment(registry, processes))

    def append_rollouts(self, cycle: int, rank: int, rollouts: Sequence[Rollout]) -> None:
        """Append rollouts to the file of this process; whether they are kept is not known yet."""
        path = self.cycle(cycle) / f"rollouts-{rank:05d}.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(atomic.to_json_line(self._line(r)) for r in rollouts))

    def mark_kept(self, cycle: int, rank: int, rollouts: Sequence[Rollout]) -> None:
        """Write this process' rollouts again, now with what selection kept."""
        path = self.cycle(cycle) / f"rollouts-{rank:05d}.jsonl"
        atomic.write_jsonl(path, (self._line(r) for r in rollouts))

    def hypothesis_audio(self, cycle: int) -> Path:
        """Return where the audio that a cycle generates is."""
        return self.root / f"cycle-{cycle:02d}" / "audio"

    def predicted_audio(self, cycle: int) -> Path:
        """Return where the greedy output of text to speech on the held-out set is."""
        return self.root / f"cycle-{cycle:02d}" / "predictions"

    def _line(self, rollout: Rollout) -> dict[str, Any]:
        """Return a rollout as a line of `rollouts-*.jsonl`."""
        return {
            "id": rollout.sample.id,
            "cycle": rollout.cycle,
            "reference": rollout.sample.reference,
            "hypotheses": [self._hypothesis(h) for h in rollout.hypotheses],
        }

    def _hypothesis(self, scored: ScoredHypothesis) -> dict[str, Any]:
        return {
            **self._output(scored.hypothesis),
            "logprob": scored.hypothesis.logprob,
            "reward": scored.reward,
            "kept": scored.kept,
            "scores": {
                identity: {"reward": s.reward, "passed": s.passed, "metrics": dict(s.metrics)}
                for identity, s in scored.scores.items()
            },
        }

    def _output(self, hypothesis: Hypothesis) -> dict[str, Any]:
        """Return the text, the label, or the path of the audio relative to the run folder."""
        if hypothesis.label is not None:
            return {"label": hypothesis.label}
        if isinstance(hypothesis.audio, Path):
            return {"audio": hypothesis.audio.relative_to(self.root).as_posix()}
        if hypothesis.audio is not None:  # of no samples, which no file holds
            return {"audio": None}
        return {"text": hypothesis.text}

    def write_evaluation(self, cycle: int, evaluation: Evaluation) -> None:
        """Write the greedy output on the held-out set."""
        path = self.cycle(cycle) / "predictions.jsonl"
        atomic.write_jsonl(path, (item.prediction for item in evaluation.items))

    def write_metrics(self, cycle: int, metrics: dict[str, Any]) -> None:
        """Write what a cycle measured."""
        atomic.write_json(self.cycle(cycle) / "metrics.json", metrics)

    def write_skipped(self, skips: dict[str, SkipLog]) -> None:
        """Write what was left out of each dataset."""
        lines = [
            {"dataset": name, "where": p.where, "kind": p.kind, "reason": p.reason}
            for name, log in skips.items()
            for p in log.problems.values()
        ]
        atomic.write_jsonl(self.root / "skipped.jsonl", lines)

    def save_checkpoint(self, cycle: int, adapter: ModelAdapter, best_cycle: int | None) -> None:
        """Write a cycle's checkpoint and remove those that are neither the latest nor the best."""
        self.cycle(cycle)
        with atomic.new_folder(self.checkpoint(cycle)) as folder:
            adapter.save(folder)
        for earlier in range(1, cycle):
            if earlier != best_cycle:
                shutil.rmtree(self.checkpoint(earlier), ignore_errors=True)

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the run's result."""
        atomic.write_json(self.root / "summary.json", summary)


def require_new(root: Path) -> None:
    """Check that a run folder can be made, before anything heavy is loaded.

    Raises:
        UsageError: If it is a file, holds something, or cannot be read.
    """
    try:
        if root.exists() and not root.is_dir():
            raise UsageError(f"--output {root}: is a file; name a new folder")
        if root.is_dir() and any(root.iterdir()):
            raise UsageError(
                f"--output {root}: the folder is not empty; name a new one, or remove it first"
            )
    except OSError as error:
        raise UsageError(f"--output {root}: cannot be read: {error.strerror}") from error


def _environment(registry: Registry, processes: int) -> dict[str, Any]:
    versions: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "audioforge": metadata.version("audioforge"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": versions,
        "plugins": {
            p.distribution: {"version": p.version, "status": p.status} for p in registry.plugins
        },
        "processes": processes,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "command": sys.argv,
    }
