"""Plots: where things are drawn, and that nobody needs to see them to read them."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from django.template.loader import render_to_string

from retrieval.admin.evaluation_charts import (
    abstention_charts,
    reliability_charts,
    slice_charts,
    trend_chart,
    wilson,
)
from retrieval.admin.plots import Bar, Line, Point, bar_chart, line_chart, unit_axis
from retrieval.models import EvaluationRun

PART = {
    "part": "<b>1-3",
    "queries": 9,
    "figure": "recall@10",
    "value": 0.5,
    "low": 0.4,
    "high": 0.6,
}


def test_lines_are_drawn_to_scale() -> None:
    chart = line_chart(
        title="t", description="d", x=unit_axis("x"), y=unit_axis("y"),
        lines=[Line("one", [Point(0, 0), Point(1, 1, low=0.5, high=1.0)])],
        head=("x",), rows=(("0",),), diagonal=True,
    )  # fmt: skip
    first, last = chart.lines[0].dots
    assert (first.x, first.y) == (chart.left, chart.bottom)
    assert (last.x, last.y) == (chart.right, chart.top)
    assert last.bottom == pytest.approx((chart.top + chart.bottom) / 2)
    assert chart.diagonal == chart.lines[0].path


def test_bars_are_drawn_to_scale() -> None:
    chart = bar_chart(title="t", description="d", figure="f", bars=[Bar("a", 1.0, 0.5, 1.0, "9")])
    [bar] = chart.bars
    assert bar.width == pytest.approx(chart.right - chart.left)
    assert bar.low == pytest.approx((chart.left + chart.right) / 2)


def test_intervals_of_a_share() -> None:
    low, high = wilson(0.5, 100)
    assert (round(low, 3), round(high, 3)) == (0.404, 0.596)  # Wilson 1927
    assert wilson(0.0, 10)[0] == 0
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_every_plot_says_what_it_shows_in_words_and_as_a_table() -> None:
    result = {
        "calibration": {"ece": 0.02, "bins": [[0.0, 0.2, 0.1, 0.15, 20], [0.6, 0.9, 0.8, 0.7, 20]]},
        "abstention": {
            "curve": [{"bar": 0, "kept": 0.9, "held": 0.95, "absent_held": None, "risk": 0.1}],
            "risk_coverage": [{"coverage": 0.5, "risk": 0.1}, {"coverage": 1.0, "risk": 0.3}],
        },
    }
    charts = [*reliability_charts(result), *abstention_charts(result)]
    charts += slice_charts({"by_length": [PART]})
    assert [chart.title for chart in charts] == [
        "Reliability, all pairs",
        "Kept and held",
        "Risk and coverage",
        "Words in the query",
    ]
    for chart in charts:
        drawn = render_to_string("admin/retrieval/plots/chart.html", {"chart": chart})
        assert "<b>" not in drawn
        root = ET.fromstring(drawn)  # noqa: S314 - our own template's
        [svg] = [one for one in root.iter("svg") if one.get("role") == "img"]
        named = {one.get("id"): (one.text or "").strip() for one in svg if one.get("id")}
        assert all(named[part] for part in str(svg.get("aria-labelledby")).split())
        assert len(list(root.iter("tr"))) == 1 + len(chart.rows)
    assert "90% are kept and 95% of gibberish" in charts[1].description
    assert charts[1].rows == (("+0.00", "0.900", "0.950", "-", "-", "0.100"),)


def test_nothing_measured_is_nothing_drawn() -> None:
    assert [*reliability_charts({}), *abstention_charts({}), *slice_charts({})] == []
    assert trend_chart([], pair="text-image", figure="recall@10") is None


def test_over_time_there_is_a_line_a_version() -> None:
    def run(model: str, day: int, value: float | None) -> EvaluationRun:
        pairs = {} if value is None else {"text-image": {"recall@10": value}}
        at = datetime(2026, 3, day, tzinfo=UTC)
        return EvaluationRun(model=model, result={"pairs": pairs}, created_at=at)

    runs = [run("a@1", 1, 0.4), run("a@2", 2, None), run("a@2", 11, 0.6)]
    chart = trend_chart(runs, pair="text-image", figure="recall@10")
    assert chart is not None
    assert [line.name for line in chart.lines] == ["a@1", "a@2"]
    assert [line.dots[0].x for line in chart.lines] == [chart.left, chart.right]
    assert chart.rows[1] == ("2026-03-11 00:00", "a@2", "0.600")
    assert [said for _, said in chart.x_ticks] == ["2026-03-01", "2026-03-11"]
