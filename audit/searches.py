"""The record of a search: written with its answer, and emptied of the query in time.

What is kept of a query is its HMAC under a key of the month and, for a period, the query itself.
That is encrypted under a key of this one search, derived (HKDF) from a key shared by all queries
that are due in the same ten minutes; destroying that key on time makes every copy of them
unreadable, in the write-ahead log and in backups too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actors import actor_for
from audit.clock import clock_check
from audit.crypto import decrypt_small, derive_key, encrypt_small
from audit.ids import Ids
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from audit.models import Influence, SearchRecord
from audit.search_rows import InfluenceData, search_write

__all__ = [
    "DUE_TOGETHER",
    "EVENT",
    "REFS_AT_MOST",
    "InfluenceData",
    "default_query_period",
    "kept_query",
    "purge_kept_queries",
    "query_hmac",
    "record_digest",
    "record_search",
]

EVENT = "search:query:run"
DUE_TOGETHER = timedelta(minutes=10)
# A search over more collections than this names in the ledger only those that hits came from;
# the record itself, whose digest the ledger holds, names all.
REFS_AT_MOST = 32
_DUE_FORMAT = "query-%Y%m%dT%H%MZ"
_MONTH_FORMAT = "hmac-%Y-%m"
_MARKS_KEPT_SECONDS = 7 * 86400.0


@transaction.atomic(savepoint=False)
def record_search(
    *,
    user_id: UUID,
    user_label: str,
    query_modality: str,
    query: bytes,
    query_redactions: list[dict[str, Any]],
    collections: Sequence[UUID],
    modalities: Sequence[str],
    models_used: Sequence[str],
    parameters: dict[str, Any],
    confident: bool,
    influences: Sequence[InfluenceData],
    total_ms: int | None = None,
    search_id: UUID | None = None,
    keep_query_for: timedelta | None = None,
    kept: bytes | None = None,
    basis: dict[str, Any] | None = None,
) -> SearchRecord:
    """The record, its influences and its ledger entry: one statement, in the caller's transaction.

    Many collections are written once for all searches over the same ones.

    ``query`` is the redacted query in one canonical form, of which the HMAC is made; ``kept`` is
    what is kept of it, encrypted, for explanation and replay (by default ``query`` itself).
    ``keep_query_for`` is ``retention.query_period`` of the searched collections, by default
    VITRINE_KEPT_QUERY_HOURS.
    """
    now = timezone.now()
    ids = Ids.of(collections)
    few = len(ids) <= REFS_AT_MOST
    record = SearchRecord(
        id=search_id or uuid.uuid4(),
        at=now,
        actor=actor_for(user_id, user_label),
        user_id=user_id,
        query_modality=query_modality,
        query_hmac=query_hmac(query, at=now),
        query_redactions=query_redactions,
        collections=list(ids) if few else [],
        collection_set_id=None if few else ids.digest.hex(),
        modalities=list(modalities),
        models_used=list(models_used),
        parameters=parameters,
        basis=basis or {},
        confident=confident,
        hit_count=len(influences),
        total_ms=total_ms,
    )
    period = default_query_period() if keep_query_for is None else keep_query_for
    _keep(record, query if kept is None else kept, period)
    named = record.collections if few else [i.collection_id for i in influences]
    search_write(
        record=record,
        influences=influences,
        many=None if few else ids,
        event=EVENT,
        refs={"search": record.id, "collection": sorted({str(c) for c in named})},
        payload={
            "digest": record_digest(record, influences).hex(),
            "hits": len(influences),
            "confident": confident,
        },
    )
    return record


def default_query_period() -> timedelta:
    """How long a query is kept where no retention policy says otherwise."""
    return timedelta(hours=settings.VITRINE_KEPT_QUERY_HOURS)


def query_hmac(query: bytes, *, at: datetime) -> bytes:
    """HMAC-SHA-256 of a query under the key of the month ``at`` lies in, 32 bytes.

    The same query gives the same value within a month and unlinkable ones across months.
    """
    key = default_keystore().get_or_create("period", at.astimezone(UTC).strftime(_MONTH_FORMAT))
    return hmac.digest(key, query, hashlib.sha256)


def kept_query(record: SearchRecord) -> bytes | None:
    """What ``record_search`` was given to keep, or None: the query is not kept (any more)."""
    if record.kept_query is None or record.kept_until is None:
        return None
    if record.kept_until <= timezone.now():
        return None
    try:
        period = default_keystore().get("period", record.kept_until.strftime(_DUE_FORMAT))
    except (KeyDestroyed, KeyMissing):
        return None
    key = _search_key(period, record.id)
    return decrypt_small(key, record.kept_query, purpose="query", object_id=str(record.id))


def purge_kept_queries(*, now: datetime | None = None) -> int:
    """How many kept queries were emptied because their time is up. For beat, every ten minutes.

    Destroys the keys that are due, and the HMAC keys of the months before the last. Where it goes
    by the clock (no ``now`` given), only while that can be trusted.

    Raises:
        ClockImplausible: the clock has jumped; nothing was destroyed.
    """
    if now is None:
        clock_check()
    now = (now or timezone.now()).astimezone(UTC)
    keys = default_keystore()
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_month = (this_month - timedelta(days=1)).strftime(_MONTH_FORMAT)
    for key_id in keys.ids("period"):
        due = key_id <= now.strftime(_DUE_FORMAT)
        old = key_id < last_month
        if (key_id.startswith("query-") and due) or (key_id.startswith("hmac-") and old):
            keys.destroy("period", key_id)
    keys.prune_tombstones("period", older_than_seconds=_MARKS_KEPT_SECONDS)
    return SearchRecord.objects.filter(kept_until__lte=now, kept_query__isnull=False).update(
        kept_query=None
    )


def record_digest(
    record: SearchRecord, influences: Iterable[InfluenceData | Influence] | None = None
) -> bytes:
    """SHA-256, 32 bytes, over what the ledger vouches for: all but query, user and timing.

    Without ``influences`` they are read from the database.
    """
    rows = record.influences.all() if influences is None else influences
    names = [name for name in InfluenceData.__dataclass_fields__ if name != "versions"]
    content: dict[str, Any] = {
        "id": record.id,
        "at": record.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": record.actor,
        "query": [record.query_modality, bytes(record.query_hmac).hex(), record.query_redactions],
        "searched": [
            record.collection_set_id or record.collections,
            record.modalities,
            record.models_used,
        ],
        "parameters": record.parameters,
        "confident": record.confident,
        "hits": [
            [getattr(row, name) for name in names] + ([row.versions] if row.versions else [])
            for row in rows
        ],
    }
    if record.basis:  # records made before there was one keep their digest
        content["basis"] = record.basis
    text = json.dumps(_plain(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    # Postgres' jsonb knows no negative zero and may hand 2e20 back as an int: one spelling each.
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, UUID) else value


def _keep(record: SearchRecord, query: bytes, period: timedelta) -> None:
    """Encrypts the query into the record; rounds its time down, so that none is kept too long."""
    seconds = DUE_TOGETHER.total_seconds()
    due = datetime.fromtimestamp((record.at + period).timestamp() // seconds * seconds, tz=UTC)
    if due <= record.at:
        return
    try:
        shared = default_keystore().get_or_create("period", due.strftime(_DUE_FORMAT))
    except KeyDestroyed:  # it fell due in this very moment
        return
    key = _search_key(shared, record.id)
    record.kept_until = due
    record.kept_query = encrypt_small(key, query, purpose="query", object_id=str(record.id))


def _search_key(period_key: bytes, search_id: UUID) -> bytes:
    return derive_key(period_key, info=b"vitrine kept query\0" + search_id.bytes)
