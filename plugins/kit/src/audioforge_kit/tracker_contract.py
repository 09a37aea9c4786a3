"""What every tracker must do: `audioforge.tracker.Tracker` in rules."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from attrs import evolve

from audioforge.tracker import TrackedRun, Tracker
from audioforge_kit.contract import Contract, expect, rule
from audioforge_kit.examples import TrackerExample
from audioforge_kit.surroundings import printed, put_back, writes_only_below

ENDS_WITHIN = 1.0
"""Seconds that a thread has to end after `finish`."""
STEPS_PER_CYCLE = 3
STEPS = 2 * STEPS_PER_CYCLE
SETTINGS = {"task": "asr", "seed": 0, "learning_rate": 1e-5, "dataset": ["a.jsonl"]}
OWN_FILES = {"config.yaml": "seed: 0\n", "environment.json": "{}\n", "cycle-01/rollouts.jsonl": ""}
"""The run's own files: no tracker's business."""

ROWS: tuple[Mapping[str, Any], ...] = (
    {"id": "a", "audio_filepath": "a.wav", "text": "turn left", "pred_text": "turn Ünïcödé 東京"},
    {"id": "b", "audio_filepath": "b.wav", "text": "", "pred_text": ""},
    {"id": "c", "audio_filepath": "c.wav", "text": "yes", "pred_text": "no"},
    {"id": "d", "text": "say it", "pred_audio": "audio/d.wav"},
)
"""Lines of `predictions.jsonl`: of transcripts, of a label and of speech."""


class TrackerContract(Contract):
    """The rules of a tracker."""

    kind = "tracker"
    example_class = TrackerExample

    @rule("Let the factory return an instance of audioforge.tracker.Tracker.")
    def is_a_tracker(self) -> None:
        """The factory, called with the options, returns a Tracker."""
        created = self.create()
        expect(isinstance(created, Tracker), f"it returned {type(created).__name__}")

    @rule("Take what comes between `start` and `finish`, whatever the names of the figures are.")
    def hears_a_run(self) -> None:
        """A run of two cycles, with the outputs on the held-out set, raises nothing."""
        self._hear(self._run("whole"))

    @rule("Leave `utterances` as it is inherited, or expect that it is never called.")
    def needs_no_utterances(self) -> None:
        """A run without outputs, and one that ends before its first step, raise nothing."""
        self._hear(self._run("without"), utterances=False)
        tracker, run = self._tracker(), self._run("ended-at-once")
        with put_back():
            tracker.start(run)
            tracker.finish()

    @rule(
        "Open what is there when `resumes` is set, and let what comes again replace what was there."
    )
    def goes_on_with_a_resumed_run(self) -> None:
        """A new instance goes on with a run that was killed, and hears its last steps again."""
        run = self._run("killed")
        killed = self._tracker()
        with put_back():
            killed.start(run)
            for step in range(STEPS):
                killed.metrics(step, _figures(step))
        self._hear(evolve(run, resumes=True), first=STEPS - 2)
        killed.finish()  # a process that is gone does not; this one lets go of what is open

    @rule("Look at what you are given, and copy what you change.")
    def leaves_its_input_alone(self) -> None:
        """The tracker does not change figures and rows that it is given."""
        tracker, run = self._tracker(), self._run("given")
        values, rows = _figures(0), [dict(row) for row in ROWS]
        before = deepcopy((values, rows))
        with put_back():
            tracker.start(run)
            tracker.metrics(0, values)
            tracker.utterances(0, rows)
            tracker.finish()
        expect((values, rows) == before, "figures or rows that it was given are others afterwards")

    @rule("Say nothing on stdout, which may be a JSON document; log to stderr, or not at all.")
    def prints_nothing(self) -> None:
        """The tracker prints nothing on stdout."""
        with printed() as said:
            self._hear(self._run("printed"))
        expect(not said, f"it prints {said}")

    @rule("Leave the working directory, the environment and torch's settings as they are.")
    def leaves_the_process_alone(self) -> None:
        """The state of the whole process is the same afterwards."""
        changes = self._hear(self._run("process"))
        expect(not changes, "; ".join(changes))

    @rule("End your threads in `finish`, or start them as daemons.")
    def lets_the_process_end(self) -> None:
        """No thread of it is left after `finish` that would keep the process from ending."""
        before = set(threading.enumerate())
        self._hear(self._run("threads"))
        for thread in set(threading.enumerate()) - before:
            if not thread.daemon:
                thread.join(ENDS_WITHIN)
                expect(not thread.is_alive(), f"the thread '{thread.name}' is left running")

    @rule("Write below the run's folder, as into `run.folder / 'trackers'`, or nowhere.")
    def writes_into_the_run_folder(self) -> None:
        """The tracker writes below the run's folder or nowhere, and not to the run's own files."""
        run = self._run("élsewhere, 東京 #1")
        with writes_only_below(run.folder, self.folder / "example"):
            self._hear(run)
        left = {name for name, text in OWN_FILES.items() if _holds(run.folder / name, text)}
        changed = sorted(set(OWN_FILES) - left)
        expect(not changed, f"it changed the run's {', '.join(changed)}")

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    def _tracker(self) -> Tracker:
        return cast("Tracker", self.create())

    def _run(self, name: str) -> TrackedRun:
        """Return a run that begins, with the files that it has then."""
        folder = self.folder / "runs" / name
        for path, text in OWN_FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        return TrackedRun(folder=folder, settings=SETTINGS, resumes=False)

    def _hear(self, run: TrackedRun, *, utterances: bool = True, first: int = 0) -> list[str]:
        """Tell a new tracker of a run from a step on; return what it changed of the process."""
        tracker = self._tracker()
        with put_back() as changes:
            tracker.start(run)
            for step in range(first, STEPS + 1):
                tracker.metrics(step, _figures(step))
                cycle, of_cycle = divmod(step, STEPS_PER_CYCLE)
                if of_cycle == 0:
                    tracker.metrics(step, _figures_of_cycle(cycle))
                if of_cycle == 0 and utterances:
                    tracker.utterances(cycle, iter(ROWS))
            tracker.finish()
        return changes


def _figures(step: int) -> dict[str, float]:
    return {"loss": 2.0 / (1 + step), "grad_norm": 1.5, "learning_rate": 1e-5}


def _figures_of_cycle(cycle: int) -> dict[str, float]:
    """Return figures of a cycle; those of the base are of its evaluation alone."""
    evaluation = {"eval_wer": 0.5 / (1 + cycle)}
    if cycle == 0:
        return {"cycle": 0, **evaluation}
    rewards = {"reward": 0.6, "reward_std": 0.2, "frac_reward_zero_std": 0.1, "kept": 2}
    parts = {"rewards/wer/mean": 0.6, "completions/clipped_ratio": 0.0}
    return {"cycle": cycle, **rewards, **parts, **evaluation}


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
