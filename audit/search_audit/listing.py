"""Search records by who, when, where and how sure, within what the reader may know.

A steward knows of the hits from the governed collections, and of nothing else in a search: what is
counted, called confident or filtered by is counted over those hits alone, so that no filter tells
whether somebody else's collection held an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from audit.models import CollectionSet, Influence, SearchRecord
from audit.scope import AuditScope
from audit.selectors import search_record_list

_OWN_HITS = "hits_of_the_governed"
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
    if not scope.everything:  # whose hits tell which models found something
        own = Influence.objects.filter(collection_id__in=scope.collections)
        wanted = own.only("record_id", "signals")
        rows = rows.prefetch_related(Prefetch("influences", queryset=wanted, to_attr=_OWN_HITS))
    return rows.annotate(
        seen_hits=_counted(scope, Q()) if not scope.everything else F("hit_count"),
        seen_matches=_counted(scope, Q(verdict="match")),
        best=Subquery(
            _hits(scope).values("record_id").annotate(most=Max("confidence")).values("most"),
            output_field=FloatField(),
        ),
    ).defer(*NOT_SHOWN)


def searches_seen(*, scope: AuditScope, records: Iterable[SearchRecord]) -> list[SearchSeen]:
    """``records`` of ``search_audit_rows`` as the reader may know them.

    One query for every different set of many collections.
    """
    return list(map(seeing(scope), records))


def seeing(scope: AuditScope) -> Callable[[SearchRecord], SearchSeen]:
    """Tells what of a row of ``search_audit_rows`` may be seen; remembers sets of collections."""
    sets: dict[str, list[UUID]] = {}

    def collections(record: SearchRecord) -> list[UUID]:
        digest = record.collection_set_id
        if digest is None:
            return list(record.collections)
        if digest not in sets:
            found = CollectionSet.objects.filter(digest=digest)
            sets[digest] = next(iter(found.values_list("collections", flat=True)), [])
        return sets[digest]

    return lambda record: _seen(record, scope, collections(record))


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


def _models(record: SearchRecord, scope: AuditScope) -> tuple[str, ...]:
    """A steward learns which models found something in the governed collections, no others."""
    if scope.everything:
        return tuple(record.models_used)
    signals = [one for hit in record.__dict__[_OWN_HITS] for one in hit.signals]
    return tuple(sorted({str(one["model"]) for one in signals if one.get("model")}))


def _seen(record: SearchRecord, scope: AuditScope, searched: list[UUID]) -> SearchSeen:
    known = [one for one in searched if scope.everything or one in scope.collections]
    annotated = record.__dict__
    return SearchSeen(
        id=record.pk,
        at=record.at,
        actor=record.actor,
        query_modality=record.query_modality,
        redactions=tuple(str(one.get("kind", "")) for one in record.query_redactions),
        collections=tuple(sorted(known)),
        searched=len(searched) if scope.everything else None,
        modalities=tuple(record.modalities),
        models=_models(record, scope),
        hits=int(annotated["seen_hits"]),
        matches=int(annotated["seen_matches"]),
        confident=int(annotated["seen_matches"]) > 0,
        best=annotated["best"],
        kept_until=record.kept_until,
        total_ms=record.total_ms if scope.everything else None,
        purpose=str(record.parameters.get("purpose") or ""),
    )
