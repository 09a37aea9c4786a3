"""The run folder: where everything that a run writes lies.

config.yaml environment.json   resolved settings; versions, plugins, command
skipped.jsonl                  every clip that was left out, and why
cycle-00/                      the untouched base model
cycle-NN/rollouts-*.jsonl      one utterance a line, with every score
cycle-NN/audio/                what a text-to-speech model generated for it
cycle-NN/steps.jsonl           loss, gradient norm and rate of each step of the update
cycle-NN/metrics.json          evaluations, update, times
cycle-NN/predictions.jsonl     greedy output on the held-out set; its audio in predictions/
cycle-NN/checkpoint/           of the best cycle so far and of the latest one
state/                         what resume needs; gone when the run is finished
state/cache/                   what need be computed of a clip only once
nodes.jsonl                    of a run on a cluster: what each node did of each stage
best/                          the exported model, with its card; its low-rank update in adapter/
report.html                    all of it as a page; written after each cycle
best-predictions.jsonl         its greedy output on the held-out set
test-predictions.jsonl         the same on the test set; the base's in test-predictions-base.jsonl
summary.json                   base, every cycle, best; there when the run is finished
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import cattrs
import yaml
from attrs import asdict, field, frozen
from safetensors import SafetensorError

from audioforge.errors import UsageError
from audioforge.files import atomic
from audioforge.files.journal import RANK, Journal, append_line, mend, whole_lines
from audioforge.huggingface.write_update import UPDATE, write_update
from audioforge.inference.skip_log import SkipLog
from audioforge.model import ModelAdapter
from audioforge.plugins import Registry
from audioforge.run.data.languages import Finding
from audioforge.run.environment import environment
from audioforge.run.identity.run_format import check_format
from audioforge.run.new_folder import GROUP_FILE
from audioforge.run.resume_points import ResumePoints
from audioforge.sample import Problem


def _absolute(path: Path) -> Path:
    return path.absolute()


@frozen
class RunFolder:
    """Paths and writers of one run.

    Attributes:
        root: The folder; absolute, whatever the working directory becomes.
    """

    root: Path = field(converter=_absolute)

    def mend(self) -> None:
        """Take away what a kill can leave: temporary files and torn lines. For one process."""
        atomic.remove_leftovers(self.root)
        for path in self.root.rglob(f"*-{RANK}.jsonl"):
            mend(path)

    @property
    def state(self) -> Path:
        """What resume needs."""
        return self.root / "state"

    @property
    def clips(self) -> Path:
        """Where sound is that came without a file."""
        return self.state / "clips"

    @property
    def cache(self) -> Path:
        """Where it is kept what need be computed of a clip only once."""
        return self.state / "cache"

    @property
    def group(self) -> Path | None:
        """The folder of a group of runs that differ in their seeds, where this is one of them."""
        folder = self.root.parent
        with suppress(PermissionError):  # then nobody can go on with a group there
            return folder if (folder / GROUP_FILE).is_file() else None
        return None

    @property
    def points(self) -> ResumePoints:
        """The resume point."""
        return ResumePoints(self.state)

    @property
    def identity(self) -> Path:
        """What must not change while the run is interrupted."""
        return self.state / "run.json"

    @property
    def sound(self) -> Path:
        """Size, time and digest of the sound of every clip that the run began with."""
        return self.state / "sound.jsonl"

    def check_format(self) -> None:
        """Check that this AudioForge knows what lies here.

        Raises:
            UsageError: If a newer one wrote it.
        """
        for path in (self.root / "environment.json", self.identity):
            check_format((self._read(path) or {}).get("format"), path)

    def journal(self, stage: str, rank: int) -> Journal:
        """Return where an evaluation keeps its results as they come.

        Args:
            stage: Stage of the run, as a path below `state/`.
            rank: Number of this process, from 0.
        """
        folder, _, name = stage.rpartition("/")
        return Journal(self.state / folder, name, rank)

    def read_versions(self) -> dict[str, str | None]:
        """Return the versions of libraries that the run began with."""
        environment = self._read(self.root / "environment.json") or {}
        return cast("dict[str, str | None]", environment.get("libraries", {}))

    def read_version(self) -> str:
        """Return the version of AudioForge that began the run."""
        environment = self._read(self.root / "environment.json") or {}
        return str(environment.get("audioforge", "of an unknown version"))

    def read_working_directory(self) -> Path | None:
        """Return where the run was started; None where that is not known."""
        environment = self._read(self.root / "environment.json") or {}
        folder = environment.get("working_directory")
        return Path(folder) if isinstance(folder, str) else None

    def read_parent(self) -> dict[str, Any] | None:
        """Return the finished run that this one goes on from; None where it begins by itself."""
        return (self._read(self.root / "environment.json") or {}).get("parent")

    def read_plugin_files(self) -> dict[str, str]:
        """Return the plugins that were single files, by path, each with its SHA-256."""
        environment = self._read(self.root / "environment.json") or {}
        plugins = environment.get("plugins", {}).values()
        return {p["file"]: p["sha256"] for p in plugins if "file" in p}

    def read_given(self) -> list[tuple[str, str]]:
        """Return what was given to the run in Python, by kind and name."""
        environment = self._read(self.root / "environment.json") or {}
        plugins = environment.get("plugins", {}).values()
        return [(kind, name) for p in plugins for kind, name in p.get("given", ())]

    def read_summary(self) -> dict[str, Any] | None:
        """Return the result of a finished run; None of one that is not."""
        return self._read(self.root / "summary.json")

    def read_metrics(self, cycle: int) -> dict[str, Any] | None:
        """Return what a finished cycle measured; None of one that is not."""
        return self._read(self.cycle(cycle) / "metrics.json")

    def finished_cycles(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the trained cycles that are finished, each with what it measured."""
        cycle = 1
        while (metrics := self.read_metrics(cycle)) is not None:
            yield cycle, metrics
            cycle += 1

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise UsageError(f"{path}: does not hold what a run writes there")
        return values

    def remember(self, name: str, value: Any) -> None:
        """Keep a small result that cannot be had again later."""
        atomic.write_json(self.state / f"{name}.json", value)

    def forget(self, name: str) -> None:
        """Remove what `remember` kept, if it is there."""
        (self.state / f"{name}.json").unlink(missing_ok=True)

    def recall(self, name: str) -> Any:
        """Return what `remember` kept; None when there is none."""
        return self._read(self.state / f"{name}.json")

    def remember_findings(self, findings: Mapping[str, Finding]) -> None:
        """Keep what the base model heard of languages, for a run that goes on elsewhere."""
        self.remember("languages", {name: asdict(found) for name, found in findings.items()})

    def recall_findings(self) -> dict[str, Finding]:
        """Return what `remember_findings` kept.

        Raises:
            UsageError: If it is damaged.
        """
        kept = self.recall("languages") or {}
        try:
            return {name: cattrs.structure(found, Finding) for name, found in kept.items()}
        except cattrs.BaseValidationError as error:
            raise UsageError(
                f"{self.state / 'languages.json'}: does not hold what a run writes there"
            ) from error

    @property
    def has_begun(self) -> bool:
        """Whether a run has begun in it; a start that died before left only `state/`."""
        try:
            (self.root / "config.yaml").stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # it was closed to us meanwhile; what cannot be looked at is left alone
            return True
        return True

    @property
    def is_finished(self) -> bool:
        """Whether the run in it has its result, so that nothing will be resumed."""
        return self.read_summary() is not None

    def remove_state(self) -> None:
        """Let go of what only a resume needs."""
        shutil.rmtree(self.state, ignore_errors=True)

    @property
    def best(self) -> Path:
        """Where the exported model is."""
        return self.root / "best"

    def cycle(self, number: int) -> Path:
        """Return where a cycle's folder is."""
        return self.root / f"cycle-{number:02d}"

    def make_cycle(self, number: int) -> Path:
        """Make a cycle's folder where it is not there yet, and return it."""
        self.cycle(number).mkdir(exist_ok=True)
        return self.cycle(number)

    def checkpoint(self, cycle: int) -> Path:
        """Return where a cycle's checkpoint is."""
        return self.cycle(cycle) / "checkpoint"

    def write_config(
        self,
        settings: dict[str, Any],
        registry: Registry,
        processes: int,
        parent: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the resolved settings and the environment.

        Args:
            settings: The settings.
            registry: The plugins that are loaded.
            processes: How many processes share the run.
            parent: The finished run that this one goes on from.
        """
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        atomic.write_text(self.root / "config.yaml", text)
        began = environment(registry, processes) | {"parent": parent}
        atomic.write_json(self.root / "environment.json", began)

    def hypothesis_audio(self, cycle: int) -> Path:
        """Return where the audio that a cycle generates is."""
        return self.cycle(cycle) / "audio"

    def predicted_audio(self, cycle: int) -> Path:
        """Return where the greedy output of text to speech on the held-out set is."""
        return self.cycle(cycle) / "predictions"

    def write_predictions(self, cycle: int, predictions: Iterable[Mapping[str, Any]]) -> None:
        """Write the greedy output on the held-out set."""
        path = self.make_cycle(cycle) / "predictions.jsonl"
        atomic.write_jsonl(path, predictions)

    def begin_steps(self, cycle: int, done: int) -> None:
        """Keep the lines of the steps that a resume point holds; the others are done again.

        Args:
            cycle: The cycle, from 1.
            done: Steps of the update that are not done again.
        """
        path = self.make_cycle(cycle) / "steps.jsonl"
        lines = whole_lines(path) if path.is_file() else iter(())
        atomic.write_jsonl(path, (line for line in lines if line["step"] <= done))

    def write_step(self, cycle: int, step: Mapping[str, Any]) -> None:
        """Add the line of one step of the update."""
        append_line(self.cycle(cycle) / "steps.jsonl", step)

    def write_best_predictions(self, cycle: int, predictions: Iterable[Mapping[str, Any]]) -> None:
        """Write the greedy output of the exported model on the held-out set.

        Args:
            cycle: The cycle whose weights it has, beside whose predictions generated audio is.
            predictions: What that cycle's `predictions.jsonl` would hold.
        """
        beside, key = self.cycle(cycle).name, "pred_audio"
        lines = (
            {**line, key: f"{beside}/{line[key]}"} if key in line else line for line in predictions
        )
        atomic.write_jsonl(self.root / "best-predictions.jsonl", lines)

    def write_test_predictions(
        self, base: Iterable[Mapping[str, Any]], best: Iterable[Mapping[str, Any]]
    ) -> None:
        """Write the greedy output of the base and of the exported model on the test set."""
        atomic.write_jsonl(self.root / "test-predictions-base.jsonl", base)
        atomic.write_jsonl(self.root / "test-predictions.jsonl", best)

    def write_metrics(self, cycle: int, metrics: Mapping[str, Any]) -> None:
        """Write what a cycle measured."""
        atomic.write_json(self.make_cycle(cycle) / "metrics.json", metrics)

    def write_skipped(self, skips: Mapping[str, SkipLog]) -> None:
        """Write what was left out of each dataset."""
        lines = [
            {"dataset": name, "where": p.where, "kind": p.kind, "reason": p.reason}
            for name, log in skips.items()
            for p in log.problems.values()
        ]
        atomic.write_jsonl(self.root / "skipped.jsonl", lines)

    def read_skipped(self, skips: Mapping[str, SkipLog]) -> None:
        """Put what `write_skipped` wrote back into the logs."""
        path = self.root / "skipped.jsonl"
        for line in whole_lines(path) if path.is_file() else ():
            if line["dataset"] in skips:
                skips[line["dataset"]].recall(Problem(line["where"], line["reason"], line["kind"]))

    def save_checkpoint(self, cycle: int, adapter: ModelAdapter, updated: str | None) -> None:
        """Write a cycle's checkpoint.

        Args:
            cycle: The cycle, from 1.
            adapter: The trained model.
            updated: The base model, where the low-rank update of it is written alone, too.
        """
        with atomic.new_folder(self.make_cycle(cycle) / "checkpoint") as folder:
            write_checkpoint(adapter, folder)
            if updated is not None:
                write_update(adapter.module, updated, folder / UPDATE)

    def prune_checkpoints(self, latest: int, best: int) -> None:
        """Remove the checkpoints of all cycles but two."""
        for cycle in range(1, latest):
            if cycle != best:
                shutil.rmtree(self.checkpoint(cycle), ignore_errors=True)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the run's result."""
        atomic.write_json(self.root / "summary.json", summary)


def write_checkpoint(adapter: ModelAdapter, folder: Path) -> None:
    """Have an adapter write its checkpoint into a folder.

    Raises:
        OSError: If it cannot be written.
    """
    try:
        adapter.save(folder)
    except SafetensorError as error:  # what stopped it is only in its text
        raise OSError(None, str(error)) from error
