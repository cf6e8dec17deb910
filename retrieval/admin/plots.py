"""Plots as plain numbers for ``plots/chart.html``: an inline SVG with a table beside it. Pure.

No script and no library draws them. What tells lines apart is a dash and a word at the legend, not
a colour alone (the colours are Okabe and Ito's, which colour-blind people tell apart). Every plot
has a title, a description for whoever does not see it, and its numbers as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES: Final = ("", "7 3", "2 3", "9 3 2 3", "5 5", "1 4")
WIDTH, HEIGHT = 420, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 12.0, 44.0
_ids = count(1)


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high`` with marks at ``ticks`` (value, what is written there)."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


UNIT_TICKS = tuple((tick / 5, f"{tick / 5:g}") for tick in range(6))


def unit_axis(label: str) -> Axis:
    """From 0 to 1."""
    return Axis(label, 0.0, 1.0, UNIT_TICKS)


@dataclass(frozen=True)
class Point:
    """A value with its interval, if any; ``said`` is what a pointer over it reads."""

    x: float
    y: float
    said: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """Points joined in their order; ``marked`` draws each."""

    name: str
    points: Sequence[Point]
    marked: bool = True


@dataclass(frozen=True)
class Bar:
    """A bar with its name, and the interval of its value."""

    name: str
    value: float
    low: float
    high: float
    said: str


@dataclass(frozen=True)
class Dot:
    """A mark at a place of the drawing, with the ends of its interval."""

    x: float
    y: float
    said: str
    top: float | None
    bottom: float | None


@dataclass(frozen=True)
class DrawnLine:
    """A line in the drawing's own units."""

    name: str
    colour: str
    dash: str
    path: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class DrawnBar:
    """A bar in the drawing's own units."""

    name: str
    y: float
    width: float
    height: float
    middle: float
    low: float
    high: float
    said: str
    value: str
    interval: bool = True


@dataclass(frozen=True)
class Chart:
    """Everything the template draws; ``head`` and ``rows`` are its numbers as a table."""

    title: str
    description: str
    x_label: str
    y_label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[DrawnLine, ...] = ()
    bars: tuple[DrawnBar, ...] = ()
    diagonal: str = ""
    width: int = WIDTH
    height: int = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    id: str = field(default_factory=lambda: f"plot-{next(_ids)}")

    @property
    def middle_x(self) -> float:
        """Where the horizontal axis' name is centred."""
        return round((self.left + self.right) / 2, 1)

    @property
    def middle_y(self) -> float:
        """Where the vertical axis' name is centred."""
        return round((self.top + self.bottom) / 2, 1)


def _across(axis: Axis, value: float) -> float:
    span = axis.high - axis.low or 1.0
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (value - axis.low) / span, 1)


def _down(axis: Axis, value: float) -> float:
    span = axis.high - axis.low or 1.0
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value - axis.low) / span, 1)


def line_chart(
    *,
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    diagonal: bool = False,
) -> Chart:
    """Lines over two axes; ``diagonal`` draws where x and y are the same."""
    return Chart(
        title=title,
        description=description,
        x_label=x.label,
        y_label=y.label,
        x_ticks=tuple((_across(x, value), said) for value, said in x.ticks),
        y_ticks=tuple((_down(y, value), said) for value, said in y.ticks),
        head=tuple(head),
        rows=tuple(tuple(row) for row in rows),
        lines=tuple(_drawn(line, number, x, y) for number, line in enumerate(lines)),
        diagonal=f"M{_across(x, 0)} {_down(y, 0)}L{_across(x, 1)} {_down(y, 1)}"
        if diagonal
        else "",
    )


def _drawn(line: Line, number: int, x: Axis, y: Axis) -> DrawnLine:
    places = [(_across(x, point.x), _down(y, point.y)) for point in line.points]
    return DrawnLine(
        name=line.name,
        colour=COLOURS[number % len(COLOURS)],
        dash=DASHES[number % len(DASHES)],
        path="M" + "L".join(f"{a} {b}" for a, b in places) if places else "",
        dots=tuple(
            Dot(
                a,
                b,
                point.said,
                None if point.high is None else _down(y, point.high),
                None if point.low is None else _down(y, point.low),
            )
            for (a, b), point in zip(places, line.points, strict=True)
        )
        if line.marked
        else (),
    )


_BAR, _GAP, _NAMES = 16.0, 8.0, 120.0


def bar_chart(
    *,
    title: str,
    description: str,
    figure: str,
    bars: Sequence[Bar],
    high: float = 1.0,
    counts: bool = False,
) -> Chart:
    """Bars that lie, one under another, each with its interval; from 0 to ``high``.

    ``counts``: values are whole numbers without an interval.
    """
    height = round(_TOP + len(bars) * (_BAR + _GAP) + _BOTTOM)
    scale = (WIDTH - _NAMES - _RIGHT - 44) / high
    drawn = []
    for number, bar in enumerate(bars):
        y = _TOP + number * (_BAR + _GAP)
        drawn.append(
            DrawnBar(
                name=bar.name,
                y=y,
                width=round(bar.value * scale, 1),
                height=_BAR,
                middle=round(y + _BAR / 2, 1),
                low=round(_NAMES + bar.low * scale, 1),
                high=round(_NAMES + bar.high * scale, 1),
                said=bar.said,
                value=f"{bar.value:,.0f}" if counts else f"{bar.value:.2f}",
                interval=not counts,
            )
        )
    ticks = tuple(
        (round(_NAMES + high * tick / 4 * scale, 1), _tick(high * tick / 4)) for tick in range(5)
    )
    return Chart(
        title=title,
        description=description,
        x_label=figure,
        y_label="",
        x_ticks=ticks,
        y_ticks=(),
        head=("", figure) if counts else ("Part", figure, "95 % interval", "Queries"),
        rows=tuple(
            (bar.name, f"{bar.value:,.0f}")
            if counts
            else (bar.name, f"{bar.value:.3f}", f"{bar.low:.3f} to {bar.high:.3f}", bar.said)
            for bar in bars
        ),
        bars=tuple(drawn),
        height=height,
        left=_NAMES,
        bottom=height - _BOTTOM,
        right=WIDTH - _RIGHT - 44,
    )


def _tick(value: float) -> str:
    """What is written at a mark: ``1.5k`` where a thousand and more would not fit."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
