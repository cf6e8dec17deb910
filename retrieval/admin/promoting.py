"""What the console shows of a model that may take another's place, and the two forms for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import User
from retrieval import access
from retrieval.evaluation.leakage import leakage_in_words
from retrieval.models import Collection, EvaluationRun, ModelVersion
from retrieval.promotion_models import Promotion
from retrieval.selectors.evaluations import evaluation_rows, outcome
from retrieval.selectors.promotions import Review, review_of
from retrieval.selectors.reembed import ReembedStatus, status_of
from retrieval.services.promotion import MAX_REASON

_MOST_RUNS = 8
_COLOURS = {"better": "#16a34a", "same": "#6b7280", "worse": "#dc2626"}
_HALF_WIDTH = 60  # of the drawn interval, in units of its view box
_WIDEST = 0.15  # a difference that reaches the edge of the drawing


@dataclass(frozen=True)
class Drawn:
    """An interval of a difference as a line in a box 120 wide, 0 in its middle."""

    low: float
    value: float
    high: float
    colour: str

    @property
    def width(self) -> float:
        """Of the bar; never invisible."""
        return max(self.high - self.low, 1.0)


@dataclass(frozen=True)
class ShownPair:
    """One pair of modalities of one run, under both models where there were two."""

    name: str
    queries: int
    figures: dict[str, Any]
    compared: dict[str, Any] | None
    drawn: Drawn | None


@dataclass(frozen=True)
class ShownRun:
    """One evaluation, ready for the page; ``findings`` are those not listed above it already."""

    run: EvaluationRun
    outcome: str | None
    pairs: list[ShownPair]
    findings: list[dict[str, Any]]
    leakage: list[str]  # what vectors tell about people, a sentence each


@dataclass(frozen=True)
class ShownModel:
    """One version, what stands against it, and what can be done with it."""

    version: ModelVersion
    review: Review
    reembedding: ReembedStatus | None
    runs: list[ShownRun]
    promotion: Promotion | None  # the one that a rollback would undo

    @property
    def may_be_promoted(self) -> bool:
        """Whether nothing but completeness and force is left to ask."""
        return not self.review.blocked


def shown(version: ModelVersion, *, user: User) -> ShownModel:
    """The version as its page shows it. A handful of queries."""
    same = ModelVersion.objects.filter(
        space_id=version.space_id, status=ModelVersion.Status.ACTIVE
    ).exclude(pk=version.pk)
    job = getattr(version, "reembed", None)
    runs = evaluation_rows(user=user).filter(
        model=version.ref, manifest_sha256=version.manifest_sha256
    )
    active = version.status == ModelVersion.Status.ACTIVE
    review = review_of(version=version, replaced=same.first(), collection=None)
    return ShownModel(
        version=version,
        review=review,
        reembedding=None if job is None else status_of(job, ref=version.ref),
        runs=[_run(run, review) for run in runs.select_related("collection")[:_MOST_RUNS]],
        promotion=version.promotions.filter(collection=None, rolled_back_at=None).first()
        if active
        else None,
    )


def _run(run: EvaluationRun, review: Review) -> ShownRun:
    compared = run.result.get("comparison", {}).get("pairs", {})
    pairs = [
        ShownPair(
            name=name.replace("-", " to "),
            queries=figures["queries"],
            figures={
                "r1": figures["recall@1"],
                "r10": figures["recall@10"],
                "map": figures["map@10"],
            },
            compared=compared.get(name),
            drawn=_drawn(compared[name]) if name in compared else None,
        )
        for name, figures in run.result.get("pairs", {}).items()
    ]
    told = {(one.code, one.where, one.detail) for one in review.gating}
    findings = [
        one
        for one in run.result.get("findings", [])
        if (one["code"], one["where"], one["detail"]) not in told
    ]
    leakage = [leakage_in_words(one) for one in run.result.get("leakage", {}).values()]
    return ShownRun(run, outcome(run), pairs, findings, leakage)


def _drawn(pair: dict[str, Any]) -> Drawn:
    def at(value: float) -> float:
        share = max(-1.0, min(1.0, value / _WIDEST))
        return round(_HALF_WIDTH * (1 + share), 1)

    low, value, high = (at(pair["difference"][name]) for name in ("low", "value", "high"))
    return Drawn(low, value, high, _COLOURS[pair["verdict"]])


class PromoteForm(forms.Form):
    """Why, for whom, and whether in spite of what was found."""

    collection = forms.ChoiceField(
        required=False, label="For", widget=UnfoldAdminSelectWidget, choices=()
    )
    reason = forms.CharField(
        max_length=MAX_REASON, required=False, widget=UnfoldAdminTextareaWidget({"rows": 2})
    )
    force = forms.BooleanField(
        required=False,
        label="Promote it although findings speak against it",
        widget=UnfoldBooleanSwitchWidget,
    )

    def __init__(self, *args: Any, user: User, forcible: bool, **kwargs: Any) -> None:
        """``forcible``: something speaks against it, so that force is offered."""
        super().__init__(*args, **kwargs)
        held = list(access.access_by_collection(user=user))
        names = Collection.objects.filter(pk__in=held).values_list("pk", "name")
        field = self.fields["collection"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [
            ("", "All collections without a version of their own"),
            *((str(pk), f"{name} alone") for pk, name in names),
        ]
        if not forcible:
            del self.fields["force"]

    @property
    def wanted(self) -> dict[str, Any]:
        """Arguments of ``promote``, of a valid form."""
        given = self.cleaned_data
        return {
            "collection": UUID(given["collection"]) if given["collection"] else None,
            "reason": given["reason"],
            "force": bool(given.get("force")),
        }


class RollbackForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        max_length=MAX_REASON, required=False, widget=UnfoldAdminTextareaWidget({"rows": 2})
    )

    @property
    def wanted(self) -> dict[str, Any]:
        """Arguments of ``rollback``, of a valid form."""
        return {"reason": self.cleaned_data["reason"]}
