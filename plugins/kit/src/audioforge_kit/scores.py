"""Whether scores are scores, and equal to others up to rounding."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from audioforge.sample import Hypothesis, Score
from audioforge_kit.contract import expect

RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""How far a score may differ by rounding: networks compute batches in another order."""


def check_score(score: object, hypothesis: Hypothesis) -> None:
    """Check that what a verifier returned for a hypothesis is a score of finite numbers."""
    about = f"for {shown(hypothesis)}"
    expect(isinstance(score, Score), f"{type(score).__name__} instead of a Score {about}")
    assert isinstance(score, Score)
    is_bool = isinstance(score.passed, bool | np.bool_)
    expect(score.passed is None or is_bool, f"passed is {score.passed!r} {about}")
    expect(not (score.reward is None and is_bool), f"passed is {score.passed!r}, unjudged, {about}")
    for name, value in score.metrics.items():
        finite = isinstance(value, int | float | np.number) and math.isfinite(value)
        expect(finite, f"metric {name} is {value!r} {about}")


def shown(hypothesis: Hypothesis) -> str:
    """Return a hypothesis as a message can hold it."""
    if isinstance(hypothesis.audio, np.ndarray):
        return f"a sound of {len(hypothesis.audio)} frames"
    return json.dumps(hypothesis.content)


def expect_equal_scores(
    these: Sequence[Score], those: Sequence[Score], here: str, there: str
) -> None:
    """Check that scores are equal up to rounding."""
    for number, (this, that) in enumerate(zip(these, those, strict=True)):
        expect(
            _close(this, that),
            f"hypothesis {number}: {here} {_brief(this)}, {there} {_brief(that)}",
        )


def _close(this: Score, that: Score) -> bool:
    values: list[tuple[Any, Any]] = [(this.reward, that.reward)]
    values += [(this.metrics.get(m), that.metrics.get(m)) for m in {*this.metrics, *that.metrics}]
    return this.passed == that.passed and all(
        a is b or (None not in (a, b) and math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE))
        for a, b in values
    )


def _brief(score: Score) -> str:
    metrics = ", ".join(f"{name} {value:.6g}" for name, value in sorted(score.metrics.items()))
    reward = "None" if score.reward is None else f"{score.reward:.6g}"
    return f"reward {reward}, passed {score.passed}{', ' if metrics else ''}{metrics}"
