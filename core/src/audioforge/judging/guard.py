"""Calling verifiers: foreign code that may raise, hang, or return something that is no score.

A batch on which a verifier fails is given to it again one hypothesis at a time, so that only those
at fault are lost. They are left without a score, counted, and never become a reward.
"""

from __future__ import annotations

import math
import numbers
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from attrs import frozen

from audioforge.errors import VerifierError, describe
from audioforge.isolation.copies import copies_for_verifier
from audioforge.isolation.global_state.restored import global_state_restored
from audioforge.isolation.time_limit import OutOfTime, call_within, no_limit_because
from audioforge.judging.failures import Failures
from audioforge.sample import AudioSample, Hypothesis, Rollout, Score
from audioforge.terminal.reporter import Reporter
from audioforge.verifier import Verifier

TEXT_CHARACTERS = 300
LEAST_SECONDS = 10.0
"""A hypothesis that is given by itself has its share of a batch's time, but at least this."""
PATIENCE_SECONDS = 60.0
"""What the pieces of a batch may waste in any case; beyond it, as much as the batch may take."""


@frozen
class Failure:
    """Why a verifier gave no score.

    Attributes:
        text: The reason on one line, with the line of the verifier's code where there is one.
        timed_out: Whether the verifier took too long.
    """

    text: str
    timed_out: bool = False


Outcome = Score | Failure


class Guard:
    """Stands between the engine and verifiers.

    Args:
        time_limit: Seconds that a verifier may take for one batch; 0 is no limit. When a batch
            is given again piece by piece, those that take too long may together waste as much once
            more; what comes after that is given up.
        max_failures: The part of what a verifier was given that it may fail on.
        reporter: Where to say that there can be no time limit; None to say nothing.

    Attributes:
        failures: What each verifier failed on until now.
        time_limit: Seconds that a batch may take; 0 is no limit.
        stage: What each failed on since the stage of the run began.
    """

    def __init__(
        self, time_limit: float, max_failures: float, reporter: Reporter | None = None
    ) -> None:
        """Start with nothing counted."""
        if time_limit and reporter is not None and (reason := no_limit_because()):
            reporter.warn(f"--verifier-timeout cannot interrupt anything here: {reason}")
        self.time_limit, self._max_failures = time_limit, max_failures
        self.failures, self.stage = Failures(max_failures), Failures(max_failures)

    def begin(self) -> Failures:
        """Begin a stage, such as a cycle's rollouts, and return what will be counted in it.

        A stage is judged by itself and recalls what it had counted before it was interrupted, so
        that a resumed run stops where an uninterrupted one does.
        """
        self.stage = Failures(self._max_failures)
        return self.stage

    def scores(
        self,
        identity: str,
        verifier: Verifier,
        samples: Sequence[AudioSample],
        hypotheses: Sequence[Hypothesis],
    ) -> list[Score]:
        """Have a verifier score hypotheses, each against the sample in the same place.

        What it failed on is counted by whoever writes the scores down: `count`.

        Args:
            identity: The verifier's id.
            verifier: The verifier.
            samples: One for each hypothesis; those of one sample are the same object, side by side.
            hypotheses: What is scored.

        Returns:
            One score per hypothesis; without a reward and with `error` where the verifier failed.

        Raises:
            PluginError: If it changed state of the process that cannot be put back.
        """
        outcomes: Sequence[Outcome] = []
        if samples:
            with global_state_restored(f"verifier '{identity}'", samples[0].id):
                outcomes = self._outcomes(verifier, samples, hypotheses)
        return [Score(None, error=o.text) if isinstance(o, Failure) else o for o in outcomes]

    def count(self, rollouts: Iterable[Rollout]) -> None:
        """Count what verifiers failed on of what was scored, wherever that was done."""
        for rollout in rollouts:
            self.failures.recall(rollout)
            self.stage.recall(rollout)

    def count_utterance(self, sample_id: str, errors: Mapping[str, str | None]) -> None:
        """Count one utterance that was evaluated.

        Args:
            sample_id: The id of its sample.
            errors: By each verifier that it was given to, why that failed; None if it did not.
        """
        for identity, error in errors.items():
            self.failures.add(identity, sample_id, error)
            self.stage.add(identity, sample_id, error)

    def _outcomes(
        self,
        verifier: Verifier,
        samples: Sequence[AudioSample],
        hypotheses: Sequence[Hypothesis],
    ) -> Sequence[Outcome]:
        outcomes = _attempt(verifier, samples, hypotheses, self.time_limit)
        sizes = _sizes(verifier, samples)
        if not isinstance(outcomes, Failure) or len(sizes) == 1:
            return _for_each(outcomes, len(samples))
        parts: list[Outcome] = []
        limit = min(self.time_limit, max(self.time_limit / len(sizes), LEAST_SECONDS))
        wasted, most = 0.0, max(self.time_limit, PATIENCE_SECONDS)
        for size in sizes:
            here = slice(len(parts), len(parts) + size)
            if wasted >= most:
                part: Sequence[Outcome] | Failure = Failure("given up after others took too long")
            else:
                part = _attempt(verifier, samples[here], hypotheses[here], limit)
            if isinstance(part, Failure) and part.timed_out:
                wasted += limit
            parts += _for_each(part, size)
        return parts


def _for_each(outcomes: Sequence[Outcome] | Failure, count: int) -> Sequence[Outcome]:
    return [outcomes] * count if isinstance(outcomes, Failure) else outcomes


def _sizes(verifier: Verifier, samples: Sequence[AudioSample]) -> list[int]:
    """Return how many hypotheses each piece has that the verifier can judge by itself."""
    if verifier.scope == "hypothesis":
        return [1] * len(samples)
    return [len(list(same)) for _, same in groupby(samples, key=id)]


def _attempt(
    verifier: Verifier,
    samples: Sequence[AudioSample],
    hypotheses: Sequence[Hypothesis],
    limit: float,
) -> Sequence[Outcome] | Failure:
    """Return what a verifier says of each hypothesis, or why it says nothing at all."""
    lent = copies_for_verifier(samples, hypotheses)
    try:
        return call_within(limit, partial(_call, verifier, *lent))
    except KeyboardInterrupt:
        raise
    except OutOfTime as error:
        text = f"took longer than {limit:g} s; see --verifier-timeout{_place(error, verifier)}"
        return Failure(text, timed_out=True)
    except BaseException as error:  # SystemExit, a panic of a Rust extension: it is the verifier's
        return Failure(_cut(describe(error)) + _place(error, verifier))


def _call(
    verifier: Verifier, samples: Sequence[AudioSample], hypotheses: Sequence[Hypothesis]
) -> list[Outcome]:
    """Call a verifier and check what it returns.

    Raises:
        VerifierError: If that is not one object per hypothesis.
    """
    with _children_end():
        result: object = verifier.verify(samples, hypotheses)
    if not isinstance(result, Iterable):
        raise VerifierError(f"returned {type(result).__name__} instead of a list of Score")
    items = list(islice(result, len(samples) + 1))  # what is iterated need not end
    if len(items) != len(samples):
        count = "more" if len(items) > len(samples) else str(len(items))
        raise VerifierError(f"returned {count} scores for {len(samples)} hypotheses")
    return [_checked(item) for item in items]


@contextmanager
def _children_end() -> Iterator[None]:
    """End a process that is forked in here and comes out: it must not go on with the run."""
    process, code = os.getpid(), 0
    try:
        yield
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        raise
    except BaseException:
        code = 1
        raise
    finally:
        if os.getpid() != process:
            os._exit(code)


def _checked(item: object) -> Outcome:
    """Return a score of plain numbers, as JSON takes them, or what is wrong with it."""
    if not isinstance(item, Score):
        return Failure(f"returned {type(item).__name__} instead of a Score")
    if item.error is not None:
        return Failure(_cut(item.error))
    if not isinstance(item.metrics, Mapping):
        return Failure(f"metrics are {type(item.metrics).__name__} instead of a mapping")
    metrics: dict[str, float] = {}
    for name, value in item.metrics.items():
        is_plain = type(value) is float  # as nearly all are: an abstract class asks for longer
        if not (is_plain or isinstance(value, numbers.Real)) or not math.isfinite(value):
            return Failure(
                f"metric '{name}' is {_cut(repr(value))}; one that cannot be computed is left out"
            )
        metrics[str(name)] = value if is_plain else _plain(value)
    return Score(
        None if item.reward is None else float(item.reward),
        None if item.passed is None else bool(item.passed),
        metrics,
    )


def _plain(value: float) -> float:
    """Return a number without the type of a library; whole numbers stay whole."""
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT_CHARACTERS else f"{line[:TEXT_CHARACTERS]}…"


def _place(error: BaseException, verifier: Verifier) -> str:
    """Return the last line of the verifier's own package that the error passed through."""
    # What wraps a function says which module that is from.
    module = getattr(verifier, "source_module", type(verifier).__module__)
    package = str(module).partition(".")[0]
    lines = [
        (Path(frame.f_code.co_filename), line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package
    ]
    if not lines:
        return ""
    path, line = lines[-1]
    return f" ({path.parent.name}/{path.name}:{line})"
