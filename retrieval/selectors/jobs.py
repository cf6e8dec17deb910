"""What the appliance is at, and what of it did not go well; from the database.

Within a ``Reach``: of re-embedding, indexes and purges of the whole appliance operators and
governors are told, of a collection's own its stewards too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.utils import timezone

from audit.erasure_models import ErasureRequest
from audit.hold_models import PurgeRun, PurgeTally
from retrieval import scope
from retrieval.models import Asset, EvaluationRun, ReembedJob
from retrieval.profile_models import Reredaction
from retrieval.selectors.reach import Reach
from retrieval.states import IN_PROGRESS, State
from retrieval.vector_models import CollectionShard

LATEST: Final = 20
_PUT_ASIDE_SINCE: Final = timedelta(days=7)
_UNFINISHED: Final = (
    ErasureRequest.State.QUEUED,
    ErasureRequest.State.RUNNING,
    ErasureRequest.State.HELD,
    ErasureRequest.State.FAILED,
)


@dataclass(frozen=True)
class Moving:
    """Assets of a collection in one stage: since when the oldest, and the most attempts."""

    collection: UUID
    state: str
    assets: int
    since: datetime
    attempts: int


@dataclass(frozen=True)
class PutAside:
    """Assets of a collection that did not get through lately, by reason."""

    collection: UUID
    state: str
    reason: str
    assets: int
    latest: datetime


@dataclass(frozen=True)
class Purged:
    """A purge run with what of it is in reach."""

    run: PurgeRun
    purged: int
    held: int
    failed: int


def ingestion(reach: Reach) -> list[Moving]:
    """Assets on their way, those that wait longest first. One statement."""
    with scope.system():
        rows = reach.narrow(Asset.objects.filter(state__in=IN_PROGRESS)).order_by()
        counted = (
            rows.values_list("collection_id", "state")
            .annotate(Count("id"), Min("state_changed_at"), Max("attempts"))
            .order_by("state_changed_at__min")
        )
        return [Moving(*row) for row in counted]


def put_aside(reach: Reach) -> list[PutAside]:
    """What was rejected or quarantined in the last week, the latest first. One statement."""
    since = timezone.now() - _PUT_ASIDE_SINCE
    aside = (State.REJECTED, State.QUARANTINED)
    with scope.system():
        rows = Asset.objects.filter(state__in=aside, state_changed_at__gte=since)
        counted = (
            reach.narrow(rows)
            .order_by()
            .values_list("collection_id", "state", "reason")
            .annotate(Count("id"), Max("state_changed_at"))
            .order_by("-state_changed_at__max")
        )
        return [PutAside(*row) for row in counted[:LATEST]]


def reembeddings(reach: Reach) -> list[ReembedJob]:
    """Jobs that embed anew, the latest first; for who operates. One statement."""
    if not reach.operates:
        return []
    with scope.system():
        rows = ReembedJob.objects.select_related("model_version").order_by("-started_at")
        return list(rows[:LATEST])


def reredactions(reach: Reach) -> list[Reredaction]:
    """Runs that redact anew, the latest first. One statement."""
    return _latest(reach.narrow(Reredaction.objects.order_by("-started_at")))


def erasures(reach: Reach) -> list[ErasureRequest]:
    """Requests for erasure that are under way or stuck. One statement."""
    rows = ErasureRequest.objects.filter(state__in=_UNFINISHED).order_by("-requested_at")
    return _latest(reach.narrow(rows))


def indexes(reach: Reach) -> list[CollectionShard]:
    """Collections with an index of their own, those being built first. One statement."""
    with scope.system():
        rows = CollectionShard.objects.order_by("state", "shard")
        return list(reach.narrow(rows, "collection_id")[:LATEST])


def evaluations(reach: Reach) -> list[EvaluationRun]:
    """The latest evaluations; of own data only those of collections in reach. One statement."""
    rows = EvaluationRun.objects.defer("result").order_by("-created_at")
    if not reach.operates:
        rows = rows.filter(collection_id__in=sorted(reach.governed))
    elif not reach.everything:
        rows = rows.filter(collection=None)
    return _latest(rows)


def purges(reach: Reach) -> list[Purged]:
    """The latest purge runs with what they did in reach. Two statements."""
    with scope.system():
        runs = list(PurgeRun.objects.order_by("-started_at")[:LATEST])
        tallies = reach.narrow(PurgeTally.objects.filter(run__in=runs)).order_by()
        sums = {
            run: rest
            for run, *rest in tallies.values_list("run").annotate(
                Sum("purged"), Sum("held"), Sum("failed")
            )
        }
    return [Purged(run, *sums.get(run.pk, (0, 0, 0))) for run in runs]


def _latest(rows: QuerySet[Any]) -> list[Any]:
    with scope.system():
        return list(rows[:LATEST])
