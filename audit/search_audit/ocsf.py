"""A search as an event that a SIEM knows: OCSF 1.1.0, Datastore Activity (6005), Query (4).

Source: https://schema.ocsf.io/1.1.0/classes/datastore_activity. What OCSF has no attribute for is
in ``unmapped``, as it asks. ``query_info`` is left out: its ``query_string`` would be what somebody
asked. The person is the ledger's random id; where a request came from is not recorded at all.
Pure: no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

OCSF_VERSION: Final = "1.1.0"
_CATEGORY: Final = 6  # Application Activity
_CLASS: Final = 6005  # Datastore Activity
_QUERY: Final = 4
_INFORMATIONAL: Final = 1
_SUCCESS: Final = 1
_RELATIONAL: Final = 1
_USER: Final = 1
_DATABASE: Final = 1


@dataclass(frozen=True)
class ExportedHit:
    """One hit, by ids. ``confidence`` is 0 to 1, higher is better."""

    rank: int
    asset: UUID
    collection: UUID
    confidence: float
    verdict: str
    consent: str


@dataclass(frozen=True, kw_only=True)
class ExportedSearch:
    """What goes out of one search: nothing of the query but its kind and what was redacted in it.

    Where the collections are many they are named by ``collection_set``, a digest, and counted.
    """

    id: UUID
    at: datetime
    actor: UUID
    query_modality: str
    redactions: Sequence[Mapping[str, Any]]
    collections: Sequence[UUID]
    collection_set: str | None
    collection_count: int
    modalities: Sequence[str]
    models: Sequence[str]
    purpose: str
    top_k: int | None
    confident: bool
    hit_count: int
    total_ms: int | None
    hits: Sequence[ExportedHit]


def search_event(search: ExportedSearch, *, product_version: str) -> dict[str, Any]:
    """The event, of JSON types only."""
    event: dict[str, Any] = {
        "category_uid": _CATEGORY,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "Datastore Activity",
        "activity_id": _QUERY,
        "activity_name": "Query",
        "type_uid": _CLASS * 100 + _QUERY,
        "type_name": "Datastore Activity: Query",
        "time": round(search.at.timestamp() * 1000),
        "severity_id": _INFORMATIONAL,
        "severity": "Informational",
        "status_id": _SUCCESS,
        "status": "Success",
        "metadata": {
            "version": OCSF_VERSION,
            "uid": str(search.id),
            "event_code": "search:query:run",
            "log_name": "searches",
            "log_provider": "Vitrine",
            "original_time": search.at.isoformat(),
            "product": {
                "name": "Vitrine",
                "vendor_name": "Vitrine",
                "version": product_version,
            },
        },
        "actor": {"user": {"uid": str(search.actor), "type_id": _USER, "type": "User"}},
        "src_endpoint": {"name": "not recorded"},
        "type_id": _DATABASE,
        "type": "Database",
        "database": {"name": "vitrine", "type_id": _RELATIONAL, "type": "Relational"},
        "unmapped": _unmapped(search),
    }
    if search.total_ms is not None:
        event["duration"] = search.total_ms
    return event


def _unmapped(search: ExportedSearch) -> dict[str, Any]:
    where: dict[str, Any] = {"collection_count": search.collection_count}
    if search.collection_set is None:
        where["collections"] = [str(one) for one in search.collections]
    else:
        where["collection_set"] = search.collection_set
    return {
        **where,
        "query_modality": search.query_modality,
        "query_redactions": [dict(one) for one in search.redactions],
        "modalities": list(search.modalities),
        "models": list(search.models),
        "purpose": search.purpose or None,
        "top_k": search.top_k,
        "confident": search.confident,
        "hit_count": search.hit_count,
        "hits": [
            {
                "rank": hit.rank,
                "asset": str(hit.asset),
                "collection": str(hit.collection),
                "confidence": round(hit.confidence, 4),
                "verdict": hit.verdict,
                "consent": hit.consent,
            }
            for hit in search.hits
        ],
    }
