"""The listener that tells trackers: foreign code, of which none ends a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import Any
from uuid import uuid4

from audioforge.config import AudioRAFTConfig
from audioforge.errors import AudioForgeError, PluginError, describe
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.isolation.time_limit import OutOfTime, call_within
from audioforge.plugin_reference import read_plugin_reference
from audioforge.plugins import Registry
from audioforge.plugins.foreign_output import StandardError
from audioforge.run.events import Listener, MeasuredCycle, Step
from audioforge.terminal.reporter import Reporter
from audioforge.tracker import TrackedRun, Tracker

REWARD_FIGURES = ("reward", "reward_std", "frac_reward_zero_std", "kept")
"""What `metrics.json` and trackers call by one name."""

SECONDS = 300.0
"""That a tracker may take for one call: an upload at the end may be long, and must end."""


Named = tuple[str, Tracker]
"""A tracker with the name that it was asked for by."""


def create_trackers(registry: Registry, config: AudioRAFTConfig) -> list[Named]:
    """Create the trackers of a run.

    Raises:
        PluginError: If one is unknown or cannot be created.
        ConfigError: If an option is wrong.
    """
    named = [read_plugin_reference(plugin) for plugin in config.log_with]
    try:
        return [(name, registry.create("trackers", name, **options)) for name, options in named]
    except PluginError as error:
        raise PluginError(
            f'{error} A run needs no tracker: --log-with "" goes without any, with --resume too.'
        ) from error


class Trackers(Listener):
    """Tells every tracker; one that fails is told nothing more.

    Args:
        trackers: The trackers.
        run: The run that they are told of.
        reporter: Where to say that one failed.
    """

    def __init__(self, trackers: Sequence[Named], run: TrackedRun, reporter: Reporter) -> None:
        """Start every tracker."""
        self._alive = list(trackers)
        self._reporter = reporter
        self._steps_before = 0
        self._tell("start", lambda tracker: tracker.start(run))

    def stepped(self, step: Step) -> None:
        """Tell the figures of a step."""
        values = {
            "loss": step.loss,
            "grad_norm": step.grad_norm,
            "learning_rate": step.learning_rate,
        }
        number = self._steps_before + step.number
        self._tell("metrics", lambda tracker: tracker.metrics(number, values))

    def measured(self, cycle: MeasuredCycle) -> None:
        """Tell a cycle's figures under its last step, and show its utterances."""
        self._steps_before += cycle.figures.get("steps", 0)
        step, values = self._steps_before, figures_of(cycle)
        rows = cycle.predictions
        self._tell("metrics", lambda tracker: tracker.metrics(step, values))
        self._tell(
            "utterances",
            lambda tracker: tracker.utterances(cycle.number, [dict(row) for row in rows]),
        )

    def ended(self, summary: Mapping[str, Any] | None) -> None:
        """Let every tracker finish."""
        self._tell("finish", lambda tracker: tracker.finish())
        self._alive.clear()

    def _tell(self, what: str, tell: Callable[[Tracker], None]) -> None:
        """Call every tracker that has not failed yet."""
        for name, tracker in list(self._alive):
            reason = self._failure(name, partial(tell, tracker))
            if reason is not None:
                self._alive.remove((name, tracker))
                self._reporter.warn(
                    f"the tracker '{name}' failed at {what}: {reason}. The run goes on without it."
                )

    def _failure(self, name: str, call: Callable[[], None]) -> str | None:
        """Call a tracker; return what went wrong, None where nothing did."""
        try:
            # What a tracker draws may become the name of a run elsewhere: no two draw the same.
            # And stdout may be a JSON document.
            with (
                global_state_restored(f"the tracker '{name}'", uuid4().hex),
                redirect_stdout(StandardError()),
            ):
                call_within(SECONDS, call)
        except KeyboardInterrupt:
            raise
        except OutOfTime:
            return f"not done within {SECONDS:g} s"
        except BaseException as error:  # foreign code, which may even call sys.exit
            return str(error) if isinstance(error, AudioForgeError) else describe(error)
        return None


def figures_of(cycle: MeasuredCycle) -> dict[str, float]:
    """Return a cycle's figures by the names that trackers are told, TRL's where it has them."""
    figures = cycle.figures
    known: dict[str, float | None] = {"cycle": cycle.number}
    known |= {name: figures.get(name) for name in REWARD_FIGURES}
    for verifier, rewards in figures.get("rewards", {}).items():
        known |= {f"rewards/{verifier}/{part}": value for part, value in rewards.items()}
    lengths = figures.get("lengths", {})
    known |= {f"completions/{part}_length": value for part, value in lengths.items()}
    if hypotheses := figures.get("hypotheses"):
        known["completions/clipped_ratio"] = figures["hypotheses_cut"] / hypotheses
    known |= {f"eval_{name}": rate for name, rate in cycle.metrics.items()}
    return {name: float(value) for name, value in known.items() if value is not None}
