"""Search records by who, when, where and how sure, within what the reader may know.

A steward knows of the hits from the governed collections, and of nothing else in a search: what is
counted, called confident or filtered by is counted over those hits alone, so that no filter tells
whether somebody else's collection held an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import (
    Count,
    Exists,
    F,
    FloatField,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from audit.models import CollectionSet, Influence, SearchRecord
from audit.scope import AuditScope
from audit.selectors import search_record_list

NOT_SHOWN = ("kept_query", "held_query", "query_hmac")


@dataclass(frozen=True, kw_only=True)
class SearchAuditFilters:
    """What to list; None and the empty word mean any. Confidence is 0 to 1, higher is better.

    ``user`` is the id of an account: for readers who may know names.
    """

    user: UUID | None = None
    actor: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    collection: UUID | None = None
    query_modality: str = ""
    modality: str = ""  # of what was searched
    model: str = ""  # name@version
    confident: bool | None = None
    hits_at_least: int | None = None
    hits_at_most: int | None = None
    confidence_at_least: float | None = None
    confidence_at_most: float | None = None


@dataclass(frozen=True, kw_only=True)
class SearchSeen:
    """One search as one reader may know it.

    ``collections``: of those searched, the ones the reader may know of. ``searched``: how many
    there were in all, and ``total_ms`` and ``parameters``: for readers who see everything.
    """

    id: UUID
    at: datetime
    actor: UUID
    query_modality: str
    redactions: tuple[str, ...]
    collections: tuple[UUID, ...]
    searched: int | None
    modalities: tuple[str, ...]
    models: tuple[str, ...]
    hits: int
    matches: int
    confident: bool
    best: float | None
    kept_until: datetime | None
    total_ms: int | None
    purpose: str


def search_audit_rows(
    *, scope: AuditScope, filters: SearchAuditFilters = SearchAuditFilters()
) -> QuerySet[SearchRecord]:
    """Records that ``scope`` lets see, newest first; the query is not loaded.

    Unevaluated, so that a view can page through it and sort by ``seen_hits``, ``seen_matches`` and
    ``best``, the highest confidence.
    """
    rows = _plain(search_record_list(scope=scope), scope, filters)
    rows = _by_hits(rows, scope, filters)
    return rows.annotate(
        seen_hits=_counted(scope, Q()) if not scope.everything else F("hit_count"),
        seen_matches=_counted(scope, Q(verdict="match")),
        best=Subquery(
            _hits(scope).values("record_id").annotate(most=Max("confidence")).values("most"),
            output_field=FloatField(),
        ),
    ).defer(*NOT_SHOWN)


def searches_seen(*, scope: AuditScope, records: Iterable[SearchRecord]) -> list[SearchSeen]:
    """``records`` of ``search_audit_rows`` as the reader may know them. Two queries at most."""
    page = list(records)
    sets = _sets(page)
    models = {} if scope.everything else _models_of_hits(page, scope)
    return [_seen(record, scope, sets, models) for record in page]


def _plain(
    rows: QuerySet[SearchRecord], scope: AuditScope, filters: SearchAuditFilters
) -> QuerySet[SearchRecord]:
    if filters.user is not None:
        rows = rows.filter(user_id=filters.user) if scope.everything else rows.none()
    if filters.actor is not None:
        rows = rows.filter(actor=filters.actor)
    if filters.since is not None:
        rows = rows.filter(at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(at__lt=filters.until)
    if filters.query_modality:
        rows = rows.filter(query_modality=filters.query_modality)
    if filters.modality:
        rows = rows.filter(modalities__contains=[filters.modality])
    if filters.collection is not None:
        if not scope.everything and filters.collection not in scope.collections:
            return rows.none()
        sets = CollectionSet.objects.filter(collections__contains=[filters.collection])
        named = Q(collections__contains=[filters.collection])
        rows = rows.filter(named | Q(collection_set__in=sets.values("digest")))
    return rows


def _by_hits(
    rows: QuerySet[SearchRecord], scope: AuditScope, filters: SearchAuditFilters
) -> QuerySet[SearchRecord]:
    hits = _hits(scope)
    if filters.model:
        if scope.everything:
            rows = rows.filter(models_used__contains=[filters.model])
        else:
            rows = rows.filter(Exists(hits.filter(signals__contains=[{"model": filters.model}])))
    if filters.confident is not None:
        matched = Exists(hits.filter(verdict="match"))
        rows = rows.filter(matched if filters.confident else ~matched)
    if filters.confidence_at_least is not None:
        rows = rows.filter(Exists(hits.filter(confidence__gte=filters.confidence_at_least)))
    if filters.confidence_at_most is not None:
        above = Exists(hits.filter(confidence__gt=filters.confidence_at_most))
        rows = rows.filter(Exists(hits) & ~above)
    if filters.hits_at_least is None and filters.hits_at_most is None:
        return rows
    rows = rows.alias(counted=F("hit_count") if scope.everything else _counted(scope, Q()))
    if filters.hits_at_least is not None:
        rows = rows.filter(counted__gte=filters.hits_at_least)
    if filters.hits_at_most is not None:
        rows = rows.filter(counted__lte=filters.hits_at_most)
    return rows


def _hits(scope: AuditScope) -> QuerySet[Influence]:
    """The hits of the outer row's search that the reader may know of."""
    hits = Influence.objects.filter(record_id=OuterRef("pk")).order_by()
    return hits if scope.everything else hits.filter(collection_id__in=scope.collections)


def _counted(scope: AuditScope, which: Q) -> Coalesce:
    hits = _hits(scope).filter(which).values("record_id").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(hits, output_field=IntegerField()), Value(0))


def _sets(page: list[SearchRecord]) -> dict[str, list[UUID]]:
    wanted = {one.collection_set_id for one in page if one.collection_set_id is not None}
    if not wanted:
        return {}
    found = CollectionSet.objects.filter(digest__in=wanted)
    return dict(found.values_list("digest", "collections"))


def _models_of_hits(page: list[SearchRecord], scope: AuditScope) -> dict[UUID, set[str]]:
    """A steward learns which models found something in the governed collections, no others."""
    hits = Influence.objects.filter(
        record__in=[one.pk for one in page], collection_id__in=scope.collections
    )
    found: dict[UUID, set[str]] = {}
    for record_id, signals in hits.values_list("record_id", "signals"):
        named = {str(one["model"]) for one in signals if one.get("model")}
        found.setdefault(record_id, set()).update(named)
    return found


def _seen(
    record: SearchRecord,
    scope: AuditScope,
    sets: dict[str, list[UUID]],
    models: dict[UUID, set[str]],
) -> SearchSeen:
    all_of_them = record.collections
    if record.collection_set_id is not None:
        all_of_them = sets.get(record.collection_set_id, [])
    known = [one for one in all_of_them if scope.everything or one in scope.collections]
    annotated = record.__dict__
    return SearchSeen(
        id=record.pk,
        at=record.at,
        actor=record.actor,
        query_modality=record.query_modality,
        redactions=tuple(str(one.get("kind", "")) for one in record.query_redactions),
        collections=tuple(sorted(known)),
        searched=len(all_of_them) if scope.everything else None,
        modalities=tuple(record.modalities),
        models=tuple(record.models_used if scope.everything else sorted(models.get(record.pk, ()))),
        hits=int(annotated["seen_hits"]),
        matches=int(annotated["seen_matches"]),
        confident=int(annotated["seen_matches"]) > 0,
        best=annotated["best"],
        kept_until=record.kept_until,
        total_ms=record.total_ms if scope.everything else None,
        purpose=str(record.parameters.get("purpose") or ""),
    )
