"""Search records as JSON lines, any number of them, in the memory of one batch.

Batches are read one after another by (time, id), each in a statement of its own: no transaction
stays open while a slow reader takes what was sent, so that an export holds up neither vacuum nor a
purge.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Func, IntegerField, Q
from django.utils import timezone

from audit import ledger
from audit.errors import AuditError
from audit.models import CollectionSet, Influence, SearchRecord
from audit.search_audit.ocsf import ExportedHit, ExportedSearch, search_event

BATCH = 1000
FORMATS = ("ocsf",)
EVENT = "search:record:export"
# A search is given its time and then committed; one that is younger may still have an older one
# coming in behind it. Whoever goes on from where an export ended must not lose that.
SETTLED = timedelta(seconds=30)
_PRODUCT_VERSION = "1"
_FIELDS = (
    *("id", "at", "actor", "query_modality", "query_redactions", "collections"),
    *("collection_set_id", "modalities", "models_used", "parameters", "confident"),
    *("hit_count", "total_ms"),
)


class ExportStopped(AuditError):
    """Whoever asked for the export may not have it any more."""

    status = 403


def export_noted(
    *, by: UUID | None, since: datetime | None, until: datetime | None, to: str
) -> datetime:
    """Records in the ledger that search records leave the appliance; until when they are exported.

    ``to``: ``rest``, ``console`` or ``command``. In the caller's transaction, before any line.
    """
    settled = timezone.now() - SETTLED
    until = settled if until is None else min(until, settled)
    ledger.record(
        event=EVENT,
        actor=by,
        refs={},
        payload={
            "format": "ocsf",
            "since": since.isoformat() if since else None,
            "until": until.isoformat(),
            "to": to,
        },
    )
    return until


def export_lines(
    *,
    since: datetime | None,
    until: datetime,
    allowed: Callable[[], bool] = lambda: True,
    batch: int = BATCH,
) -> Iterator[bytes]:
    """One JSON text a line for every search from ``since`` to before ``until``, oldest first.

    Three queries a batch. ``allowed`` is asked before each: a right that ends, ends the export.

    Raises:
        ExportStopped: ``allowed`` said no. What was sent so far is then cut short.
    """
    after: tuple[datetime, UUID] | None = None
    while True:
        if not allowed():
            raise ExportStopped("The export was stopped: you may not read these records any more.")
        rows = _next(since, until, after, batch)
        if rows:
            yield b"".join(map(_line, _searches(rows)))
        if len(rows) < batch:
            return
        after = (rows[-1]["at"], rows[-1]["id"])


def _line(search: ExportedSearch) -> bytes:
    event = search_event(search, product_version=_PRODUCT_VERSION)
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def _next(
    since: datetime | None, until: datetime, after: tuple[datetime, UUID] | None, batch: int
) -> list[dict[str, Any]]:
    rows = SearchRecord.objects.filter(at__lt=until)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if after is not None:
        at, last = after
        rows = rows.filter(at__gte=at).filter(Q(at__gt=at) | Q(id__gt=last))
    return list(rows.order_by("at", "id").values(*_FIELDS)[:batch])


def _searches(rows: list[dict[str, Any]]) -> Iterator[ExportedSearch]:
    hits = _hits([row["id"] for row in rows])
    sizes = _sizes({row["collection_set_id"] for row in rows} - {None})
    for row in rows:
        many = row["collection_set_id"]
        yield ExportedSearch(
            id=row["id"],
            at=row["at"],
            actor=row["actor"],
            query_modality=row["query_modality"],
            redactions=row["query_redactions"],
            collections=row["collections"],
            collection_set=many,
            collection_count=len(row["collections"]) if many is None else sizes.get(many, 0),
            modalities=row["modalities"],
            models=row["models_used"],
            purpose=str(row["parameters"].get("purpose") or ""),
            top_k=row["parameters"].get("top_k"),
            confident=row["confident"],
            hit_count=row["hit_count"],
            total_ms=row["total_ms"],
            hits=hits.get(row["id"], ()),
        )


def _hits(ids: list[UUID]) -> dict[UUID, list[ExportedHit]]:
    found: dict[UUID, list[ExportedHit]] = {}
    rows = Influence.objects.filter(record_id__in=ids).order_by("record_id", "rank")
    fields = ("record_id", "rank", "asset_id", "collection_id", "confidence", "verdict", "consent")
    for record_id, *hit in rows.values_list(*fields):
        found.setdefault(record_id, []).append(ExportedHit(*hit))
    return found


def _sizes(digests: set[str]) -> dict[str, int]:
    if not digests:
        return {}
    counted = CollectionSet.objects.filter(digest__in=digests).annotate(
        size=Func("collections", function="cardinality", output_field=IntegerField())
    )
    return dict(counted.values_list("digest", "size"))
