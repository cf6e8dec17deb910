"""Evaluations in the console: figures with plots, what failed, and how it went over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin
from unfold.decorators import display

from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.evaluation_charts import (
    abstention_charts,
    reliability_charts,
    slice_charts,
    trend_chart,
)
from retrieval.admin.plots import Chart
from retrieval.errors import NotAllowed, NotVisible
from retrieval.evaluation.leakage import leakage_in_words
from retrieval.evaluation.tasks import PAIR_FIGURES, WHOLE_FIGURES, TaskVerdict
from retrieval.evaluation.words import prompt_in_words
from retrieval.models import EvaluationRun
from retrieval.selectors.evaluation_cases import case_views, cases_readable
from retrieval.selectors.evaluation_tasks import verdicts_of
from retrieval.selectors.evaluations import Series, evaluation_get, evaluation_rows, series_list

_TEMPLATES = "admin/retrieval/evaluationrun"
_MOST_RUNS = 200  # of one data set, the latest, that are drawn over time
_CASES = 200
_COLOURS = {"model": "info", "live": "success", "leakage": "warning"}
HEADS = (
    "Pair",
    "R@1",
    "R@5",
    "R@10",
    "mAP@10",
    "MRR",
    "nDCG@10",
    "Median rank",
    "Queries",
    "Among",
)
CASE_KINDS = {
    "worst": "Worst queries",
    "hub": "Hubs: found for what they do not answer",
    "confusion": "One label taken for another",
    "prompt": "Adversarial and ambiguous prompts that failed",
}


@dataclass(frozen=True)
class ShownFailures:
    """What went wrong for one pair of modalities."""

    pair: str
    hubness: Mapping[str, Any]
    confusions: list[Mapping[str, Any]]
    charts: list[Chart]
    prompts: list[tuple[str, str]]


@dataclass(frozen=True)
class ShownEvaluation:
    """One run, ready for its page."""

    run: EvaluationRun
    verdicts: list[TaskVerdict]
    pairs: list[tuple[str, Mapping[str, Any]]]
    charts: list[Chart]
    failures: list[ShownFailures]
    leakage: list[str]
    has_cases: bool
    heads: tuple[str, ...] = HEADS


def shown_evaluation(run: EvaluationRun, *, has_cases: bool) -> ShownEvaluation:
    """The run as its page shows it. One query."""
    result: Mapping[str, Any] = run.result
    prompts = result.get("prompts", {})
    return ShownEvaluation(
        run=run,
        verdicts=verdicts_of(run),
        pairs=[
            (_name(name), _spelt(one))
            for name, one in result.get("pairs", {}).items()
            if "recall@1" in one
        ],
        charts=[*reliability_charts(result), *abstention_charts(result)],
        failures=[
            ShownFailures(
                pair=_name(name),
                hubness=one["hubness"],
                confusions=one.get("confusions", []),
                charts=slice_charts(one),
                prompts=[
                    (rule.replace("_", " "), prompt_in_words(said))
                    for rule, said in prompts.get(name, {}).items()
                ],
            )
            for name, one in result.get("failures", {}).items()
        ],
        leakage=[leakage_in_words(one) for one in result.get("leakage", {}).values()],
        has_cases=has_cases,
    )


def _name(pair: str) -> str:
    return pair.replace("-", " to ") if not pair.startswith("fused") else pair.replace("-", ", ")


def _spelt(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Keys that a template can name."""
    return {key.replace("@", ""): value for key, value in figures.items()}


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = [
        "model",
        "shown_kind",
        "against",
        "dataset",
        "collection",
        "own_data",
        "created_at",
    ]
    list_filter = ["kind", "model", "dataset", "own_data"]
    list_select_related = ["collection"]
    list_before_template = f"{_TEMPLATES}/series.html"
    change_form_outer_before_template = f"{_TEMPLATES}/figures.html"
    fields = readonly_fields = [
        "model",
        "kind",
        "against",
        "dataset",
        "collection",
        "own_data",
        "created_at",
    ]

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, what failed in a run, and figures over time."""
        site = self.admin_site
        own = [
            path(
                "over-time/",
                site.admin_view(self.over_time_view),
                name="retrieval_evaluationrun_over_time",
            ),
            path(
                "<uuid:run_id>/cases/",
                site.admin_view(self.cases_view),
                name="retrieval_evaluationrun_cases",
            ),
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvaluationRun]:
        """Runs that the visitor may know of."""
        rows: QuerySet[EvaluationRun] = evaluation_rows(user=visitor(request))
        return rows

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with what can be looked at over time above it."""
        found = series_list(user=visitor(request))
        return super().changelist_view(  # type: ignore[no-any-return]
            request, {**(extra_context or {}), "series": found}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The run's page, its figures and plots above its fields."""
        try:
            run = evaluation_get(user=visitor(request), evaluation_id=UUID(object_id))
        except (NotVisible, ValueError):
            raise Http404 from None
        extra = {"shown": shown_evaluation(run, has_cases=_has_cases(request, run))}
        return super().change_view(  # type: ignore[no-any-return]
            request, object_id, *args, **{**kwargs, "extra_context": extra}
        )

    def cases_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Single failures; words and pictures only for who may read the collection."""
        user, kind = visitor(request), request.GET.get("kind", "")
        try:
            run = evaluation_get(user=user, evaluation_id=run_id)
            found = case_views(
                user=user,
                evaluation_id=run_id,
                kind=kind if kind in CASE_KINDS else "",
                pair=request.GET.get("pair", "")[:40],
                limit=_CASES,
            )
        except NotVisible:
            raise Http404 from None
        except NotAllowed:
            raise PermissionDenied from None
        groups = [
            (said, [case for case in found if case.kind == name])
            for name, said in CASE_KINDS.items()
        ]
        return self._page(
            request,
            "cases",
            f"What failed: {run}",
            run=run,
            groups=[(said, cases) for said, cases in groups if cases],
            kinds=CASE_KINDS,
            pairs=list(run.result.get("failures", {})),
            kind=kind,
            pair=request.GET.get("pair", ""),
        )

    def over_time_view(self, request: HttpRequest) -> HttpResponse:
        """Every figure of one data set or collection over time, a line a model version."""
        wanted = Series(
            dataset=request.GET.get("dataset", "")[:200],
            collection_id=_uuid(request.GET.get("collection", "")),
        )
        rows = evaluation_rows(user=visitor(request)).filter(
            dataset=wanted.dataset, collection=wanted.collection_id
        )
        runs = list(rows.exclude(kind=EvaluationRun.Kind.LEAKAGE)[:_MOST_RUNS])[::-1]
        if not runs:
            raise Http404
        pairs = list(dict.fromkeys(name for run in runs for name in run.result.get("pairs", {})))
        drawn = {
            _name(pair): [trend_chart(runs, pair=pair, figure=one) for one in PAIR_FIGURES]
            for pair in pairs
        } | {"All pairs": [trend_chart(runs, pair="", figure=one) for one in WHOLE_FIGURES]}
        return self._page(
            request,
            "over_time",
            f"Over time: {wanted.dataset}",
            runs=runs,
            groups=[
                (name, [chart for chart in charts if chart is not None])
                for name, charts in drawn.items()
                if any(charts)
            ],
        )

    def _page(self, request: HttpRequest, template: str, title: str, **words: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,  # noqa: SLF001 - Django's own way to name a model in templates
            **words,
        }
        return TemplateResponse(request, f"{_TEMPLATES}/{template}.html", context)

    @display(description="kind", label=_COLOURS)
    def shown_kind(self, run: EvaluationRun) -> str:
        """What was measured, coloured."""
        return run.kind


def _has_cases(request: HttpRequest, run: EvaluationRun) -> bool:
    try:
        cases_readable(user=visitor(request), run=run)
    except NotAllowed:
        return False
    return bool(run.result.get("failures"))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Http404 from None
