"""Functions in the place of plugins: as verifier, as selection, as who hears of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from audioforge.errors import VerifierError, describe
from audioforge.isolation.copies import copies_for_verifier
from audioforge.model import TASKS
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score
from audioforge.selection import Kept, Selected, Selection, SelectionContext
from audioforge.tasks import SpeechTask, speech_task
from audioforge.tracker import TrackedRun, Tracker
from audioforge.verifier import Verifier, VerifierContext

RewardFunction: TypeAlias = (
    "Callable[[Sequence[AudioSample], Sequence[Hypothesis]], Iterable[float | Score | None]]"
)
"""Scores hypotheses, each against the sample in the same place: for each a reward in [0, 1], None
where it cannot judge, or a `Score` with metrics too."""

SelectionFunction: TypeAlias = (
    "Callable[[Iterable[Rollout], SelectionContext], Selected | Iterable[Kept]]"
)
"""Chooses what a cycle learns from, as `Selection.select` does."""

MetricsListener: TypeAlias = "Callable[[int, Mapping[str, float]], object]"
"""Hears figures of a step of the optimiser, as `Tracker.metrics` does."""

UtterancesListener: TypeAlias = "Callable[[int, Iterable[Mapping[str, Any]]], object]"
"""Sees the greedy outputs on the held-out set after a cycle, as `Tracker.utterances` does."""

TRIED = 2
"""Samples that a function is tried on at the start: a list of one hides what is wrong with it."""


class FunctionVerifier(Verifier):
    """A verifier that is a function.

    Args:
        name: What the function is called in the run.
        function: The function.

    Attributes:
        source_module: The module that the function is from: messages show its lines.
    """

    tasks = TASKS
    needs_reference = False

    def __init__(self, name: str, function: RewardFunction) -> None:
        """Take the function; nothing is called yet."""
        self._name, self._function = name, function
        self.source_module = getattr(function, "__module__", None) or type(function).__module__

    def setup(self, context: VerifierContext) -> None:
        """Try the function on right answers: what is wrong with it is said before a run begins.

        Raises:
            VerifierError: Saying what it did instead of returning rewards.
        """
        samples = list(islice(context.corpus, TRIED))
        if not samples:
            return
        hypotheses = [_right(speech_task(context.task), sample) for sample in samples]
        try:
            scores = self.verify(*copies_for_verifier(samples, hypotheses))
            if len(scores) != len(samples):
                raise ValueError(f"returned {len(scores)} rewards for {len(samples)} hypotheses")
        except Exception as error:  # it is the user's function, and may raise anything
            what = str(error) if isinstance(error, ValueError) else describe(error)
            raise VerifierError(
                f"verifier '{self._name}', tried on '{samples[0].id}': {what}. It is called with "
                f"samples and hypotheses, and returns for each hypothesis a number in [0, 1], or "
                f"None where it cannot judge."
            ) from error

    def verify(
        self, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
    ) -> list[Score]:
        """Return what the function says of each hypothesis."""
        rewards: Any = self._function(samples, hypotheses)
        if isinstance(rewards, str) or not isinstance(rewards, Iterable):
            raise TypeError(f"returned {type(rewards).__name__} instead of a list of rewards")
        # One more than there are hypotheses: what is iterated need not end.
        return [_score(item) for item in islice(rewards, len(hypotheses) + 1)]


class FunctionSelection(Selection):
    """A selection that is a function.

    Args:
        function: The function.
    """

    def __init__(self, function: SelectionFunction) -> None:
        """Take the function."""
        self._function = function

    def select(self, rollouts: Iterable[Rollout], context: SelectionContext) -> Selected:
        """Return what the function chooses."""
        chosen = self._function(rollouts, context)
        if isinstance(chosen, Selected):
            return chosen
        kept = list(chosen)
        if not all(isinstance(item, Kept) for item in kept):
            raise TypeError("returned something else than Selected, or a list of Kept")
        return Selected(kept)


class FunctionTracker(Tracker):
    """Hears of a run by a function.

    Args:
        on_metrics: Called with the number of a step and its figures; None not to hear.
        on_utterances: Called with the number of a cycle and its outputs; None not to see.
    """

    def __init__(
        self,
        *,
        on_metrics: MetricsListener | None = None,
        on_utterances: UtterancesListener | None = None,
    ) -> None:
        """Take the function."""
        self._on_metrics, self._on_utterances = on_metrics, on_utterances

    def start(self, run: TrackedRun) -> None:
        """Nothing to start."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Tell figures."""
        if self._on_metrics is not None:
            self._on_metrics(step, values)

    def utterances(self, cycle: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Show outputs."""
        if self._on_utterances is not None:
            self._on_utterances(cycle, rows)


def function_trackers(
    on_metrics: MetricsListener | None, on_utterances: UtterancesListener | None
) -> list[tuple[str, Tracker]]:
    """Return a tracker for each function that there is, by what it is called in messages.

    Each has its own: one that fails is told nothing more, and the other one goes on.
    """
    trackers: list[tuple[str, Tracker]] = []
    if on_metrics is not None:
        trackers.append(("on_metrics", FunctionTracker(on_metrics=on_metrics)))
    if on_utterances is not None:
        trackers.append(("on_utterances", FunctionTracker(on_utterances=on_utterances)))
    return trackers


def _score(item: Any) -> Score:
    """Return what a function says of one hypothesis as a score.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is no reward.
    """
    if item is None or isinstance(item, Score):
        return item or Score(None)
    if isinstance(item, str | bytes):
        raise TypeError(f"returned {item!r:.60} as a reward, which is no number")
    return Score(float(item))  # a number of NumPy or PyTorch too


def _right(task: SpeechTask, sample: AudioSample) -> Hypothesis:
    """Return a hypothesis that says what is right, as far as that is known."""
    if task.generates_speech:
        return Hypothesis(audio=np.zeros(16_000, np.float32), sampling_rate=16_000)
    said = sample.labels[0] if task.has_classes and sample.labels else sample.reference
    return task.hypothesis(said or "")
