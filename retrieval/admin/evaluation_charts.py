"""The plots of an evaluation, from its stored result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from retrieval.admin.plots import Axis, Bar, Chart, Line, Point, bar_chart, line_chart, unit_axis
from retrieval.evaluation.tasks import LOWER_IS_BETTER, SHARES, figure_in
from retrieval.models import Calibration, EvaluationRun

Result = Mapping[str, Any]
_MOST_BARS = 20
_LETTERS = 18  # of a bar's name
_WIDE = 1.96  # standard deviations on each side of a 95 % interval
# What the parts are, and in words for the description.
SLICES = {
    "by_length": ("Words in the query", "how many words the query has"),
    "long_tail": ("The long tail", "how many things its rarest word is said of, or bear its label"),
    "by_language": ("Language", "the language of the query"),
    "by_label": ("Label, the worst first", "label"),
}


def reliability_charts(result: Result) -> list[Chart]:
    """What was said against how often it was true, over all pairs and for each; maybe none."""
    calibration = result.get("calibration") or {}
    parts = {"all pairs": calibration, **calibration.get("by_pair", {})}
    if len(calibration.get("by_pair", {})) == 1:
        parts.pop("all pairs")
    return [
        _reliability(name.replace("-", " to "), part)
        for name, part in parts.items()
        if part.get("bins")
    ]


def calibration_charts(calibration: Calibration, runs: Sequence[EvaluationRun]) -> list[Chart]:
    """What one calibration was seen to be worth: by the votes it was learnt from, and measured.

    ``runs`` are of its model version, newest first; the newest that measured its pair is drawn.
    """
    kept = calibration.provenance
    charts = [
        _reliability(f"{name} the change, by votes", kept[key])
        for key, name in (("before", "before"), ("after", "after"))
        if isinstance(kept.get(key), dict) and kept[key].get("bins")
    ]
    pair = f"{calibration.query_modality}-{calibration.target_modality}"
    for run in runs:
        part = (run.result.get("calibration") or {}).get("by_pair", {}).get(pair, {})
        if part.get("bins"):
            return [*charts, _reliability(f"{pair.replace('-', ' to ')} on {run.dataset}", part)]
    return charts


def _reliability(name: str, part: Result) -> Chart:
    points, rows = [], []
    for low, high, said, true, count in part["bins"]:
        lower, upper = wilson(true, count)
        points.append(
            Point(said, true, f"said {said:.2f}, true {true:.2f} of {count}", lower, upper)
        )
        rows.append(
            (
                f"{low:.3f} to {high:.3f}",
                f"{said:.3f}",
                f"{true:.3f}",
                f"{lower:.2f} to {upper:.2f}",
                str(count),
            )
        )
    return line_chart(
        title=f"Reliability, {name}",
        description=(
            f"How often hits were right, over how likely they were said to be, in {len(points)} "
            f"bins of equal mass. On the broken diagonal both are the same. Calibration error: "
            f"{part['ece']:.3f}."
        ),
        x=unit_axis("Said probability"),
        y=unit_axis("Share that was right"),
        lines=[Line("Hits", points)],
        head=("Said", "on average", "Right", "95 % interval", "Hits"),
        rows=rows,
        diagonal=True,
    )


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    z2 = _WIDE**2 / count
    middle = (share + z2 / 2) / (1 + z2)
    half = _WIDE / (1 + z2) * (share * (1 - share) / count + z2 / (4 * count)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def abstention_charts(result: Result) -> list[Chart]:
    """Kept against held, and risk over coverage; of those there is something to draw."""
    abstention = result.get("abstention") or {}
    charts = []
    curve = abstention.get("curve")
    if curve:
        charts.append(_kept_and_held(curve))
    covered = abstention.get("risk_coverage")
    if covered:
        charts.append(_risk(covered))
    return charts


_HELD = (
    ("held", "Gibberish"),
    ("absent_held", "Absent topics"),
    ("near_misses_held", "Near misses"),
)


def _kept_and_held(curve: Sequence[Result]) -> Chart:
    lines = [
        Line(
            said,
            [
                Point(one[key], one["kept"], f"bar {one['bar']:+.2f}")
                for one in curve
                if one.get(key) is not None and one.get("kept") is not None
            ],
        )
        for key, said in _HELD
    ]
    now = next((one for one in curve if one["bar"] == 0), None)
    where = (
        ""
        if now is None or now.get("kept") is None or now.get("held") is None
        else f" As it is, {now['kept']:.0%} are kept and {now['held']:.0%} of gibberish is held."
    )
    return line_chart(
        title="Kept and held",
        description=(
            "Share of answerable queries that keep a confident answer, over the share of queries "
            f"without an answer that are held back, as the bar is moved.{where}"
        ),
        x=unit_axis("Held back"),
        y=unit_axis("Answerable queries kept"),
        lines=[line for line in lines if line.points],
        head=("Bar moved by", "Kept", "Gibberish held", "Absent held", "Near misses held", "Risk"),
        rows=[
            (
                f"{one['bar']:+.2f}",
                *(
                    _share(one.get(key))
                    for key in ("kept", "held", "absent_held", "near_misses_held", "risk")
                ),
            )
            for one in curve
        ],
    )


def _risk(covered: Sequence[Result]) -> Chart:
    points = [
        Point(one["coverage"], one["risk"], f"{one['coverage']:.0%}: {one['risk']:.0%} wrong")
        for one in covered
    ]
    return line_chart(
        title="Risk and coverage",
        description=(
            "Share of answers without a right hit among the first ten, over the share of queries "
            f"answered, the surest first. Answering all, {points[-1].y:.0%} have none."
        ),
        x=unit_axis("Queries answered"),
        y=unit_axis("Answers without a right hit"),
        lines=[Line("Risk", points)],
        head=("Answered", "Risk"),
        rows=[(f"{point.x:.3f}", f"{point.y:.3f}") for point in points],
    )


def slice_charts(failures: Result) -> list[Chart]:
    """Bars of each kind of part of one pair's queries."""
    return [
        bar_chart(
            title=title,
            description=(
                f"{failures[key][0]['figure']} of the queries, by {said}, with 95 % "
                f"intervals: from {min(part['value'] for part in failures[key]):.2f} to "
                f"{max(part['value'] for part in failures[key]):.2f}."
            ),
            figure=failures[key][0]["figure"],
            bars=[
                Bar(
                    _short(part["part"]),
                    part["value"],
                    part["low"],
                    part["high"],
                    str(part["queries"]),
                )
                for part in failures[key][:_MOST_BARS]
            ],
        )
        for key, (title, said) in SLICES.items()
        if failures.get(key)
    ]


def trend_chart(runs: Sequence[EvaluationRun], *, pair: str, figure: str) -> Chart | None:
    """One figure over time, a line a model version; None where no run has it.

    ``runs`` are of one data set, oldest first.
    """
    found = [
        (run, value) for run in runs if (value := figure_in(run.result, pair, figure)) is not None
    ]
    if not found:
        return None
    values = [value for _, value in found]
    top = 1.0 if figure in SHARES and max(values) > 1 / 4 else _top(max(values))
    times = [run.created_at for run, _ in found]
    models = list(dict.fromkeys(run.model for run, _ in found))
    lines = [
        Line(
            model,
            [
                Point(_when(run.created_at), value, f"{run.created_at:%Y-%m-%d %H:%M}: {value:.3f}")
                for run, value in found
                if run.model == model
            ],
        )
        for model in models
    ]
    better = "lower is better" if figure in LOWER_IS_BETTER else "higher is better"
    name = f"{pair.replace('-', ' to ')} {figure.replace('_', ' ')}".strip()
    return line_chart(
        title=name,
        description=(
            f"{name} of {len(models)} model versions over {len(found)} runs ({better}); last "
            f"{values[-1]:.3f} by {found[-1][0].model}."
        ),
        x=_time_axis(times),
        y=Axis(figure, 0.0, top, tuple((top * t / 4, f"{top * t / 4:.3g}") for t in range(5))),
        lines=lines,
        head=("When", "Model", figure),
        rows=[
            (f"{run.created_at:%Y-%m-%d %H:%M}", run.model, f"{value:.3f}") for run, value in found
        ],
    )


def _top(most: float) -> float:
    """A round number at or above ``most``."""
    step = 10.0 ** (len(str(int(most))) - 1) if most >= 1 else 0.05
    return max(step, step * -(-most // step))


def _when(at: datetime) -> float:
    return at.timestamp()


def _time_axis(times: Sequence[datetime]) -> Axis:
    first, last = min(times), max(times)
    span = (last - first).total_seconds()
    form = "%Y-%m-%d" if span > 3 * 86400 else "%d %b %H:%M"
    if not span:
        at = first.timestamp()
        return Axis("", at - 1, at + 1, ((at, f"{first:{form}}"),))
    ends = (first.timestamp(), last.timestamp())
    return Axis("", *ends, ((ends[0], f"{first:{form}}"), (ends[1], f"{last:{form}}")))


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
