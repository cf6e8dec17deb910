"""Reading the ledger and the search records, within what the reader may see."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.models import CollectionSet, LedgerEntry, RetentionPolicy, SearchRecord
from audit.scope import AuditScope


def entry_list(
    *,
    scope: AuditScope,
    event: str = "",
    actor: UUID | None = None,
    since: datetime | None = None,
) -> QuerySet[LedgerEntry]:
    """Chained entries, newest first. ``event`` is the beginning of an event's name."""
    entries = LedgerEntry.objects.order_by("-seq")
    if not scope.everything:
        entries = entries.filter(
            refs__collection__has_any_keys=[str(one) for one in scope.collections]
        )
    if event:
        entries = entries.filter(event__startswith=event)
    if actor is not None:
        entries = entries.filter(actor=actor)
    if since is not None:
        entries = entries.filter(at__gte=since)
    return entries


def search_record_list(*, scope: AuditScope) -> QuerySet[SearchRecord]:
    """Records of searches, newest first: a steward's are those that searched their collections."""
    records = SearchRecord.objects.order_by("-at")
    if not scope.everything:
        governed = list(scope.collections)
        sets = CollectionSet.objects.filter(collections__overlap=governed).values("digest")
        records = records.filter(Q(collections__overlap=governed) | Q(collection_set__in=sets))
    return records


def policy_list() -> QuerySet[RetentionPolicy]:
    """Retention policies by name."""
    return RetentionPolicy.objects.order_by("name")
