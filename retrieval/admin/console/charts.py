"""Small charts of counts, drawn on the server: bars that lie, and a line over days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from retrieval.admin.plots import Axis, Bar, Chart, Line, Point, bar_chart, line_chart

MOST_BARS = 12


def count_bars(
    *, title: str, what: str, counts: Sequence[tuple[str, int]], description: str = ""
) -> Chart:
    """Counts as bars, the most first; what comes behind the first dozen is one bar.

    ``what`` is what is counted ("Assets").
    """
    ranked = sorted(counts, key=lambda one: (-one[1], one[0]))
    rest = sum(number for _, number in ranked[MOST_BARS:])
    shown = ranked[:MOST_BARS] + ([("others", rest)] if rest else [])
    high = _round_up(max((number for _, number in shown), default=1))
    said = description or "; ".join(f"{name}: {number:,}" for name, number in shown[:4])
    return bar_chart(
        title=title,
        description=said,
        figure=what,
        bars=[Bar(_short(name), number, number, number, what) for name, number in shown],
        high=high,
        counts=True,
    )


def days_line(
    *, title: str, what: str, days: Sequence[tuple[date, float]], share: bool = False
) -> Chart:
    """One value a day, oldest first; ``share``: values are from 0 to 1, shown in per cent."""
    values = [value for _, value in days]
    high = 1.0 if share else float(_round_up(max(values, default=1)))
    marks = tuple((high * tick / 4, _said(high * tick / 4, share=share)) for tick in range(5))
    last = max(len(days) - 1, 1)
    picked = sorted({0, last // 2, last}) if days else []
    ticks = tuple((float(at), f"{days[at][0]:%d %b}") for at in picked if at < len(days))
    points = [
        Point(number, value, f"{day:%Y-%m-%d}: {_said(value, share=share)}")
        for number, (day, value) in enumerate(days)
    ]
    return line_chart(
        title=title,
        description=_in_short(days, share=share),
        x=Axis("Day", 0.0, float(last), ticks),
        y=Axis(what, 0.0, high, marks),
        lines=[Line(what, points)],
        head=("Day", what),
        rows=[(f"{day:%Y-%m-%d}", _said(value, share=share)) for day, value in days],
    )


def _in_short(days: Sequence[tuple[date, float]], *, share: bool) -> str:
    if not days:
        return "No day yet."
    if share:
        return f"{days[-1][0]:%Y-%m-%d}: {_said(days[-1][1], share=True)}."
    day, most = max(days, key=lambda one: one[1])
    whole = _said(sum(value for _, value in days), share=False)
    return f"{whole} in {len(days)} days" + (f", the most on {day:%Y-%m-%d}." if most else ".")


def _said(value: float, *, share: bool) -> str:
    return f"{value:.0%}" if share else f"{value:,g}"


def _round_up(most: float) -> int:
    """The next number of one digit and noughts that four marks divide well."""
    if most <= 4:  # noqa: PLR2004 - one mark each
        return 4
    step: int = 10 ** int(math.log10(most))
    return next(size for size in (step, 2 * step, 4 * step, 8 * step, 12 * step) if size >= most)


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"  # noqa: PLR2004 - what fits beside a bar
