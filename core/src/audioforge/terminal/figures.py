"""Rates, means and their intervals as people read them; files hold them as plain numbers."""

from __future__ import annotations

import re

UNKNOWN = "n/a"

A_MEAN = re.compile(r"(^|_)mean_(?!reward$)")
"""Names of metrics that have a unit of their own, such as `mean_pace`, letters a second. All others
are rates, and the mean reward is shown as one."""


def percent(rate: float | None, digits: int = 1) -> str:
    """Return a rate in percent.

    >>> percent(0.1234), percent(0.1234, digits=2), percent(None)
    ('12.3 %', '12.34 %', 'n/a')

    Args:
        rate: The rate as a fraction; None where nothing was measured.
        digits: Behind the point.
    """
    return UNKNOWN if rate is None else f"{100 * rate:.{digits}f} %"


def small_percent(rate: float) -> str:
    """Return a rate in percent to three digits, so that a small one is not nought.

    >>> small_percent(0.00012), small_percent(0.5)
    ('0.012 %', '50 %')
    """
    return f"{100 * rate:.3g} %"


def relative_change(rate: float, before: float) -> str:
    """Return by how much a rate is larger than it was, in percent of what it was, with its sign.

    >>> relative_change(0.15, before=0.3)
    '-50 %'
    """
    return f"{100 * (rate / before - 1):+.0f} %"


def percent_interval(low: float, high: float, digits: int = 1) -> str:
    """Return the bounds of a rate in percent.

    >>> percent_interval(0.1, 0.25)
    '10.0 to 25.0'
    """
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f}"


def point_interval(low: float, high: float) -> str:
    """Return the bounds of a difference of rates in percentage points, with signs.

    >>> point_interval(-0.1, 0.25)
    '-10.0 to +25.0'
    """
    return f"{100 * low:+.1f} to {100 * high:+.1f}"


def decimal(value: float | None, digits: int = 4) -> str:
    """Return a mean, or a rate as a fraction.

    >>> decimal(0.5), decimal(0.5, digits=3), decimal(None)
    ('0.5000', '0.500', 'n/a')

    Args:
        value: The mean or rate; None where nothing was measured.
        digits: Behind the point.
    """
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def decimal_interval(low: float, high: float) -> str:
    """Return the bounds of a mean, or of a rate as a fraction.

    >>> decimal_interval(0.25, 0.5)
    '0.2500 to 0.5000'
    """
    return f"{low:.4f} to {high:.4f}"


def measured(metric: str, value: float | None, digits: int = 1) -> str:
    """Return a metric's value: a rate in percent, a mean in its own unit.

    >>> measured("wer", 0.1234), measured("mean_pace", 8.3), measured("mean_reward", 0.5)
    ('12.3 %', '8.3', '50.0 %')

    Args:
        metric: Its name.
        value: The value; None where nothing was measured.
        digits: Behind the point.
    """
    is_mean = A_MEAN.search(metric) is not None
    return decimal(value, digits) if is_mean else percent(value, digits)


def measured_interval(metric: str, low: float, high: float, digits: int = 1) -> str:
    """Return the bounds of a metric: of a rate in percent, of a mean in its own unit.

    >>> measured_interval("wer", 0.1, 0.25), measured_interval("mean_pace", 8, 8.5)
    ('10.0 to 25.0', '8.0 to 8.5')

    Args:
        metric: Its name.
        low: The lower bound.
        high: The upper bound.
        digits: Behind the point.
    """
    if A_MEAN.search(metric):
        return f"{low:.{digits}f} to {high:.{digits}f}"
    return percent_interval(low, high, digits)
