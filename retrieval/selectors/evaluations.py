"""Reading what models were measured at, as far as the reader may know whose data it was on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from accounts.models import User
from retrieval import access
from retrieval.errors import NotVisible
from retrieval.models import EvaluationRun, ModelVersion, ReembedJob
from retrieval.selectors.reembed import ReembedStatus, status_of

Outcome = Literal["better", "same", "worse"]


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """An installed version with how far its re-embedding is and what it was measured at.

    ``evaluations`` are the latest run on each dataset, newest first.
    """

    version: ModelVersion
    reembedding: ReembedStatus | None
    evaluations: list[EvaluationRun]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Runs that can be compared over time: those of one data set, or of one collection."""

    dataset: str
    collection_id: UUID | None
    collection: str = ""
    runs: int = 0


def series_list(*, user: User, limit: int = 50) -> list[Series]:
    """What was measured more than once, as far as ``user`` may know of it, the latest first."""
    rows = (
        evaluation_rows(user=user)
        .exclude(kind=EvaluationRun.Kind.LEAKAGE)
        .order_by()
        .values_list("dataset", "collection_id", "collection__name")
        .annotate(runs=Count("id"), last=Max("created_at"))
        .filter(runs__gt=1)
        .order_by("-last")
    )
    return [
        Series(dataset=dataset, collection_id=pk, collection=name or "", runs=runs)
        for dataset, pk, name, runs, _ in rows[:limit]
    ]


def evaluation_rows(*, user: User) -> QuerySet[EvaluationRun]:
    """Runs that ``user`` may know of, newest first.

    Operators and governors: all. Others: those on datasets, and those on collections in which they
    hold a role.
    """
    rows = EvaluationRun.objects.order_by("-created_at", "id")
    if user.is_active and (user.is_operator or user.is_governor):
        return rows
    held = access.access_by_collection(user=user)
    return rows.filter(Q(collection=None) | Q(collection_id__in=list(held)))


def evaluation_get(*, user: User, evaluation_id: UUID) -> EvaluationRun:
    """One run.

    Raises:
        NotVisible: there is none, or not for this user to know of.
    """
    found = evaluation_rows(user=user).filter(pk=evaluation_id).first()
    if found is None:
        raise NotVisible("There is no such evaluation.")
    return found


def model_views(*, user: User, versions: Sequence[ModelVersion]) -> list[ModelView]:
    """``versions`` with the runs that ``user`` may know of and, for operators, their re-embedding.

    A re-embedding counts every collection's segments, so it is nobody else's to see. Two queries.
    """
    jobs = {
        job.model_version_id: job
        for job in ReembedJob.objects.filter(model_version__in=[one.pk for one in versions])
        if user.is_operator
    }
    runs: dict[tuple[str, str], dict[tuple[str, UUID | None], EvaluationRun]] = {}
    for run in evaluation_rows(user=user).filter(model__in=[one.ref for one in versions]):
        own = runs.setdefault((run.model, run.manifest_sha256), {})
        own.setdefault((run.dataset, run.collection_id), run)
    return [
        ModelView(
            version=version,
            reembedding=status_of(jobs[version.pk], ref=version.ref)
            if version.pk in jobs
            else None,
            evaluations=list(runs.get((version.ref, version.manifest_sha256), {}).values()),
        )
        for version in versions
    ]


def outcome(run: EvaluationRun) -> Outcome | None:
    """How the run's model does against the one it was compared with; None if with none.

    ``worse`` if any pair of modalities is; ``better`` if none is and some are better.
    """
    pairs = run.result.get("comparison", {}).get("pairs", {})
    verdicts = {pair["verdict"] for pair in pairs.values()}
    if "worse" in verdicts:
        return "worse"
    if not verdicts:
        return None
    return "better" if "better" in verdicts else "same"
