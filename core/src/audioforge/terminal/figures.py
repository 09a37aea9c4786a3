"""Rates, means and their intervals as people read them; files hold them as plain numbers."""

from __future__ import annotations

UNKNOWN = "n/a"


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
