"""What measured figures must reach, such as a word error rate of at most 10 %."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from attrs import frozen

from audioforge.config.setting_kinds import number

ROUNDING = 1e-9
"""How far a figure may miss a limit by rounding alone."""

REWARD = "reward"

UNSCORED = "unscored"
"""The check that nothing is missing of what the limits are for."""

MOST_RATE = 5
"""A rate of errors above this is meant in per cent; that of made-up text may be above 1."""


@frozen
class Threshold:
    """A limit of one figure.

    Attributes:
        option: The option that asks for it.
        metric: `reward`, or a corpus metric.
        limit: Its limit, as a fraction where the metric is a rate.
        is_most: Whether the figure may be at most the limit; otherwise at least.
    """

    option: str
    metric: str
    limit: float
    is_most: bool

    def __str__(self) -> str:
        """What must hold."""
        return f"{self.metric} {'<=' if self.is_most else '>='} {self.limit:g}"

    def failure(self, measured: Mapping[str, float]) -> str | None:
        """Return why it does not hold, None if it does; what was not measured holds nothing.

        Args:
            measured: The mean reward and the corpus metrics.
        """
        value = measured.get(self.metric)
        if value is None:
            return (
                f"no {self.metric} was measured, which {self.option} limits; measured: "
                f"{', '.join(measured) or 'nothing'}"
            )
        beyond = value - self.limit if self.is_most else self.limit - value
        if beyond <= ROUNDING:
            return None
        side = "above" if self.is_most else "below"
        name = "the mean reward" if self.metric == REWARD else self.metric
        return f"{name} {value:.6g} is {side} {self.option} {self.limit:g}"


def least_reward(option: str, text: str) -> Threshold:
    """Return the threshold of a mean reward.

    Raises:
        ValueError: If the text is no reward.
    """
    reward = number(text)
    if not 0 <= reward <= 1:  # NaN too, which nothing would ever be under
        raise ValueError(f"{text} is no reward; rewards lie between 0 and 1")
    return Threshold(option, REWARD, reward, is_most=False)


def most_errors(option: str, text: str) -> Threshold:
    """Return the threshold of the word error rate; rates may be above 1.

    Raises:
        ValueError: If the text is no rate.
    """
    rate = number(text)
    if not 0 <= rate <= MOST_RATE:
        raise ValueError(f"{text} is no rate from 0 to {MOST_RATE}: 0.1 is 10 %")
    return Threshold(option, "wer", rate, is_most=True)


def of_metric(option: str, text: str, *, is_most: bool) -> Threshold:
    """Return the threshold of any corpus metric, stated as METRIC=VALUE.

    Raises:
        ValueError: If the text states no metric, or no number.
    """
    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        raise ValueError(f"{text!r} is not of the form METRIC=VALUE, such as cer=0.05")
    limit = number(value)
    if not math.isfinite(limit):
        raise ValueError(f"{value} is no limit")
    return Threshold(f"{option} {name.strip()}", name.strip(), limit, is_most=is_most)


def checked(
    thresholds: Sequence[Threshold], measured: Mapping[str, float], unpredicted: int
) -> dict[str, str | None]:
    """Return what must hold, and why it does not; None where it does.

    Args:
        thresholds: The limits.
        measured: The mean reward and the corpus metrics.
        unpredicted: How many samples have no prediction: under a limit there may be none, since
            what was left out would be errors.
    """
    checks = {str(t): t.failure(measured) for t in thresholds}
    if thresholds:
        missing = (
            f"without a prediction: {unpredicted:,}, which no limit counts; predict them, or leave "
            "them out with --on-error skip"
        )
        checks[UNSCORED] = missing if unpredicted else None
    return checks
