"""What goes next: by day (UTC), collection and kind, with counts. Inside ``scope.system``.

Whoever shows it to a person passes the ``collections`` that the person governs; None stands for all
of them, with what belongs to no collection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, DateTimeField, DurationField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import TruncDate

from audit.models import RetentionPolicy, SearchRecord
from audit.retention_rules import ASSET_PARTS, MODALITIES, after_days
from retrieval.feedback_models import Feedback
from retrieval.models import Collection, EvaluationRun
from retrieval.selectors.due import Due, DueOnDay, due_counts, due_days
from retrieval.services.evaluation_retention import EVALUATION_DAYS
from retrieval.services.feedback_retention import FEEDBACK_DAYS

MOST_DAYS = 366
KINDS = (*ASSET_PARTS, "feedback", "evaluation", "query")


@dataclass(frozen=True)
class Calendar:
    """``overdue``: due already, for the next purge; ``days``: what falls due later."""

    start: datetime
    until: datetime
    overdue: tuple[Due, ...]
    days: tuple[DueOnDay, ...]

    def by_kind(self) -> dict[str, dict[date, int]]:
        """How much of each kind falls due on each day, over all collections; for a chart."""
        found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        for one in self.days:
            found[one.what][one.day] += one.count
        return {what: dict(days) for what, days in found.items()}

    @property
    def total(self) -> int:
        """All that falls due in these days and does not stay because of a hold."""
        return sum(one.count - one.held for one in self.days) + sum(
            one.free + one.paused for one in self.overdue
        )


def calendar_of(*, now: datetime, days: int, collections: Sequence[UUID] | None = None) -> Calendar:
    """What is due at ``now`` and what falls due in the following ``days``."""
    until = now + timedelta(days=min(days, MOST_DAYS))
    coming: list[DueOnDay] = []
    overdue: list[Due] = []
    for what in ASSET_PARTS:
        overdue += due_counts(what, until=now, now=now, collections=collections)
        coming += due_days(what, after=now, until=until, collections=collections)
    coming += _feedback(now, until, collections)
    coming += _evaluations(now, until, collections)
    if collections is None:
        coming += _queries(now, until)
    coming.sort(key=lambda one: (one.day, KINDS.index(one.what), str(one.collection)))
    return Calendar(start=now, until=until, overdue=tuple(overdue), days=tuple(coming))


def _feedback(
    now: datetime, until: datetime, collections: Sequence[UUID] | None
) -> Iterator[DueOnDay]:
    voted = Feedback.objects.filter(collection__isnull=False).order_by()
    for collection, rules in _with_rules(voted.values("collection_id"), collections):
        own = {m: after_days(rules, what="feedback", modality=m) for m in MODALITIES}
        groups: dict[int, list[str]] = defaultdict(list)
        for modality, days in own.items():
            groups[FEEDBACK_DAYS if days is None else days].append(modality)
        votes = Feedback.objects.filter(collection_id=collection)
        for kept, modalities in groups.items():
            some = votes.filter(target_modality__in=modalities)
            yield from _on_days(some, "at", kept, now, until, "feedback", collection)


def _evaluations(
    now: datetime, until: datetime, collections: Sequence[UUID] | None
) -> Iterator[DueOnDay]:
    runs = EvaluationRun.objects.filter(collection__isnull=False).order_by()
    for collection, rules in _with_rules(runs.values("collection_id"), collections):
        days = after_days(rules, what="evaluation", modality="")
        kept = EVALUATION_DAYS if days is None else days
        own = EvaluationRun.objects.filter(collection_id=collection)
        yield from _on_days(own, "created_at", kept, now, until, "evaluation", collection)


def _queries(now: datetime, until: datetime) -> Iterator[DueOnDay]:
    kept = SearchRecord.objects.filter(kept_query__isnull=False)
    yield from _on_days(kept, "kept_until", 0, now, until, "query", None)


def _with_rules(
    having: Any, collections: Sequence[UUID] | None
) -> Iterator[tuple[UUID, list[dict[str, Any]]]]:
    rows = Collection.objects.filter(id__in=having).order_by()
    if collections is not None:
        rows = rows.filter(id__in=collections)
    rules = dict(RetentionPolicy.objects.order_by().values_list("id", "rules"))
    for collection, policy in rows.values_list("id", "retention_policy_id"):
        yield collection, rules.get(policy, [])


def _on_days(
    rows: Any,
    field: str,
    kept_days: int,
    now: datetime,
    until: datetime,
    what: str,
    collection: UUID | None,
) -> Iterator[DueOnDay]:
    kept = timedelta(days=kept_days)
    due = ExpressionWrapper(
        F(field) + Value(kept, output_field=DurationField()), output_field=DateTimeField()
    )
    coming = rows.filter(Q(**{f"{field}__gt": now - kept, f"{field}__lte": until - kept}))
    counted: Iterable[tuple[date, int]] = (
        coming.order_by()
        .annotate(day=TruncDate(due, tzinfo=UTC))
        .values_list("day")
        .annotate(n=Count("pk"))
    )
    for day, number in counted:
        yield DueOnDay(day, what, collection, number, 0)
