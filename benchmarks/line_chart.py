"""Small charts as SVG, without a plotting library: panels of a line with a band around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from attrs import frozen

WIDTH, HEIGHT, MARGIN = 230, 170, 34
INK, BAND = "#1f4e79", "#c9dcee"


@frozen
class Panel:
    """One chart; all values lie between 0 and 1.

    Attributes:
        title: Above it.
        levels: Names along the horizontal axis.
        low: Lower edge of the band at each level.
        middle: The line.
        high: Upper edge of the band.
    """

    title: str
    levels: Sequence[str]
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]


def write_chart(path: Path, panels: Sequence[Panel], title: str) -> None:
    """Write the panels side by side.

    Args:
        path: The SVG file.
        panels: From left to right.
        title: Says what the line and the band are of; the band is named here.
    """
    width, height = len(panels) * (WIDTH + MARGIN) + MARGIN, HEIGHT + 3 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(width / 2, 18, f"{title} (median, and the middle half)", size=13),
    ]
    for index, panel in enumerate(panels):
        left = MARGIN + index * (WIDTH + MARGIN)
        parts.append(f'<g transform="translate({left},{2 * MARGIN - 8})">')
        parts += _panel(panel)
        parts.append("</g>")
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _panel(panel: Panel) -> list[str]:
    xs = [WIDTH * (i + 0.5) / len(panel.levels) for i in range(len(panel.levels))]
    parts = [_text(WIDTH / 2, -10, panel.title, size=12)]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        y = _y(tick)
        parts.append(f'<line x1="0" y1="{y}" x2="{WIDTH}" y2="{y}" stroke="#dddddd"/>')
        parts.append(_text(-5, y + 4, f"{tick:g}", anchor="end", size=9))
    edge = [*zip(xs, panel.high, strict=True), *reversed([*zip(xs, panel.low, strict=True)])]
    parts.append(f'<polygon points="{_points(edge)}" fill="{BAND}"/>')
    line = [*zip(xs, panel.middle, strict=True)]
    parts.append(
        f'<polyline points="{_points(line)}" fill="none" stroke="{INK}" stroke-width="2"/>'
    )
    parts += [f'<circle cx="{x:.1f}" cy="{_y(v):.1f}" r="3" fill="{INK}"/>' for x, v in line]
    parts += [_text(x, HEIGHT + 15, n) for x, n in zip(xs, panel.levels, strict=True)]
    return parts


def _y(value: float) -> float:
    return round(HEIGHT * (1 - value), 1)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{_y(value)}" for x, value in places)


def _text(x: float, y: float, words: str, anchor: str = "middle", size: int = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(words)}</text>"
    )
