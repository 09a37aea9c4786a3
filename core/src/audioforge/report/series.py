"""ECharts options: lines with bands, bars, and intervals of differences, in percent or plain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

Number = float | None
GRID = {"left": 8, "right": 20, "top": 40, "bottom": 8, "containLabel": True}
PERCENT = "{value} %"


@frozen
class Series:
    """One series of a chart.

    Attributes:
        name: What it is called in the legend.
        values: A number for each place on the axis; None leaves a gap.
        low: Lower end of a band around it.
        high: Upper end.
        colour: Token of its colour.
    """

    name: str
    values: Sequence[Number]
    low: Sequence[Number] | None = None
    high: Sequence[Number] | None = None
    colour: str = "--accent"


def lines(
    places: Sequence[str], series: Sequence[Series], unit: str = "", across: str = ""
) -> dict[str, Any]:
    """Return lines over the cycles or steps of a run.

    Args:
        places: Names along the axis.
        series: What is drawn.
        unit: "%" for percent, in which the values are then given, or "reward" for [0, 1].
        across: Name of the axis.
    """
    drawn: list[dict[str, Any]] = []
    for index, one in enumerate(series):
        if one.low is not None and one.high is not None:
            drawn += _band(one, one.low, one.high, f"band-{index}")
        drawn.append(
            {
                "name": one.name,
                "type": "line",
                "data": _rounded(one.values),
                "symbol": SYMBOLS[index % len(SYMBOLS)],
                "symbolSize": 8,
                "showSymbol": len(places) <= 30,
                "lineStyle": {"width": 2, "type": STYLES[index % len(STYLES)]},
                "color": one.colour,
                "z": 3,
            }
        )
    return {
        "grid": GRID | ({"bottom": 30} if across else {}),
        "tooltip": {"trigger": "axis"},
        "legend": {"top": 0, "type": "plain", "data": [one.name for one in series]},
        "xAxis": {
            "type": "category",
            "data": list(places),
            "name": across,
            "nameLocation": "middle",
        }
        | ({"nameGap": 28} if across else {}),
        "yAxis": _value_axis(unit),
        "series": drawn,
    }


SYMBOLS = ("circle", "rect", "triangle", "diamond")
STYLES = ("solid", "dashed", "dotted")
"""Series differ in more than their colour."""


def bars(
    places: Sequence[str],
    series: Sequence[Series],
    unit: str = "",
    *,
    stacked: bool = False,
    lying: bool = False,
) -> dict[str, Any]:
    """Return bars side by side, or stacked, standing or lying.

    Args:
        places: Names along the axis.
        series: What is drawn.
        unit: "%" for percent.
        stacked: Whether bars of one place stand on each other.
        lying: Whether bars lie, so that there is room for long names.
    """
    drawn = [
        {
            "name": one.name,
            "type": "bar",
            "data": _rounded(one.values),
            "color": one.colour,
            "barMaxWidth": 28,
            **({"stack": "all"} if stacked else {}),
            "itemStyle": {"decal": DECALS[index % len(DECALS)]},
        }
        for index, one in enumerate(series)
    ]
    names: dict[str, Any] = {
        "type": "category",
        "data": list(places),
        "inverse": lying,
        "axisLabel": {"width": 130, "overflow": "truncate"} if lying else {},
    }
    axes = {"xAxis": _value_axis(unit), "yAxis": names}
    if not lying:
        axes = {"xAxis": names, "yAxis": _value_axis(unit)}
    return {
        "grid": GRID,
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {"top": 0, "type": "plain", "data": [one.name for one in series]},
        **axes,
        "series": drawn,
    }


DECALS: Sequence[Mapping[str, Any]] = (
    {"symbol": "none"},
    {
        "symbol": "rect",
        "symbolSize": 1,
        "dashArrayX": [1, 0],
        "dashArrayY": [2, 5],
        "rotation": 0.7,
    },
    {"symbol": "circle", "symbolSize": 0.6, "dashArrayX": [6, 6], "dashArrayY": [6, 6]},
    {"symbol": "rect", "symbolSize": 1, "dashArrayX": [1, 0], "dashArrayY": [4, 4]},
)
"""Patterns, so that bars differ in more than their colour."""


@frozen
class Difference:
    """A difference with its interval, in points.

    Attributes:
        name: Whose it is.
        value: The difference; None where only the interval is known.
        low: Lower end of its interval.
        high: Upper end.
        is_own: Whether it is of the run that the page is about.
    """

    name: str
    value: Number
    low: float
    high: float
    is_own: bool = False


def differences(rows: Sequence[Difference], axis: str) -> dict[str, Any]:
    """Return intervals of differences below each other, with a line at nought.

    Args:
        rows: The differences.
        axis: Name of the value.
    """
    names = [row.name for row in rows]
    spans = [
        {
            "name": row.name,
            "type": "line",
            "data": [[round(row.low, 3), row.name], [round(row.high, 3), row.name]],
            "symbol": "rect",
            "symbolSize": [3, 12],
            "lineStyle": {"width": 3},
            "color": "--accent" if row.is_own else "--other",
        }
        for row in rows
    ]
    points = {
        "name": "difference",
        "type": "scatter",
        "data": [[round(row.value, 3), row.name] for row in rows if row.value is not None],
        "symbol": "diamond",
        "symbolSize": 13,
        "color": "--ink",
        "z": 4,
        "markLine": {
            "silent": True,
            "symbol": "none",
            "label": {"show": False},
            "lineStyle": {"color": "--muted", "type": "dashed"},
            "data": [{"xAxis": 0}],
        },
    }
    return {
        "grid": {**GRID, "top": 10, "bottom": 30},
        "tooltip": {"trigger": "item"},
        "xAxis": {"type": "value", "name": axis, "nameLocation": "middle", "nameGap": 26},
        "yAxis": {
            "type": "category",
            "data": names,
            "inverse": True,
            "axisLabel": {"width": 150, "overflow": "break", "lineHeight": 15},
        },
        "series": [*spans, points],
    }


def _band(
    one: Series, low: Sequence[Number], high: Sequence[Number], stack: str
) -> list[dict[str, Any]]:
    """Return two stacked areas, of which the upper one is seen."""
    widths = [
        None if lower is None or upper is None else upper - lower
        for lower, upper in zip(low, high, strict=True)
    ]
    hidden = {
        "type": "line",
        "stack": stack,
        "stackStrategy": "all",
        "symbol": "none",
        "silent": True,
        "lineStyle": {"opacity": 0},
        "tooltip": {"show": False},
        "color": one.colour,
    }
    return [
        {**hidden, "name": f"{one.name}, from", "data": _rounded(low)},
        {
            **hidden,
            "name": f"{one.name}, wide",
            "data": _rounded(widths),
            "areaStyle": {"color": one.colour, "opacity": 0.16},
        },
    ]


def _rounded(values: Sequence[Number]) -> list[Number]:
    return [None if value is None else float(f"{value:.5g}") for value in values]


def _value_axis(unit: str) -> dict[str, Any]:
    if unit == "%":
        return {"type": "value", "axisLabel": {"formatter": PERCENT}}
    return {"type": "value"} | ({"min": 0, "max": 1} if unit == "reward" else {})
