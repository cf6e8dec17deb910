"""Reading what was searched, and why it came up. What is shown is decided anew at every read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from audit.models import Influence, SearchRecord
from audit.searches import kept_query
from retrieval import scope
from retrieval.errors import NotVisible
from retrieval.models import Segment
from retrieval.services.search.answer import (
    links_to,
    place_of,
    segments_shown,
    what_of,
)
from retrieval.services.search.types import (
    AssetAnswer,
    InfluenceAnswer,
    Links,
    Searched,
    SegmentAnswer,
    SignalAnswer,
    Timing,
    plain,
)


@dataclass(frozen=True, kw_only=True)
class ExplainedQuery:
    """What is left of the query; ``text`` and ``asset`` only for the searcher, while it is kept."""

    modality: str
    redactions: list[dict[str, Any]]
    kept: bool
    kept_until: str | None
    text: str | None
    asset: str | None


@dataclass(frozen=True, kw_only=True)
class ExplainedHit:
    """One hit as recorded; of a ``withheld`` one, which the reader may not see, only its rank."""

    rank: int
    withheld: bool
    confidence: float | None = None
    verdict: str | None = None
    asset: AssetAnswer | None = None
    segment: SegmentAnswer | None = None
    influence: InfluenceAnswer | None = None
    links: Links | None = None


@dataclass(frozen=True, kw_only=True)
class SearchExplanation:
    """The explanation record of one search; ``as_json`` is the body of ``GET searches/{id}/``."""

    search_id: UUID
    at: str
    query: ExplainedQuery
    confident: bool
    searched: Searched
    models: list[str]
    parameters: dict[str, Any]
    hits: list[ExplainedHit]
    timing_ms: Timing

    def as_json(self) -> dict[str, Any]:
        """The body, of JSON types only."""
        return plain(asdict(self))


def search_list(*, user: User, limit: int = 100) -> list[SearchRecord]:
    """The user's own latest searches, newest first, without what was asked. One query."""
    records = SearchRecord.objects.filter(user_id=user.pk).defer("kept_query", "query_hmac")
    return list(records[:limit])


def search_explain(*, user: User, search_id: UUID) -> SearchExplanation:
    """Why the hits of a search came up, for whoever searched or a governor. Five queries.

    Each hit is shown only if the reader's grants and the asset's state allow it now; a governor
    without a grant sees that there was a hit, and no more.

    Raises:
        NotVisible: no such search, or somebody else's.
    """
    record = SearchRecord.objects.filter(id=search_id).first()
    own = record is not None and record.user_id == user.pk
    if record is None or not user.is_active or not (own or user.is_governor):
        raise NotVisible("There is no such search.")
    influences = list(record.influences.order_by("rank"))
    with scope.user(user.pk):
        shown = segments_shown(user=user, segment_ids=[i.segment_id for i in influences])
    return SearchExplanation(
        search_id=record.id,
        at=_text(record.at) or "",
        query=_query(record, own=own),
        confident=record.confident,
        searched=Searched(collections=len(record.collections), modalities=list(record.modalities)),
        models=list(record.models_used),
        parameters=record.parameters,
        hits=_hits(influences, shown),
        timing_ms=Timing(total=record.total_ms or 0),
    )


def _query(record: SearchRecord, *, own: bool) -> ExplainedQuery:
    kept = kept_query(record)
    # Telling a governor what somebody else asked is a disclosure, which needs a second person.
    content: dict[str, str] = json.loads(kept) if kept is not None and own else {}
    return ExplainedQuery(
        modality=record.query_modality,
        redactions=record.query_redactions,
        kept=kept is not None,
        kept_until=_text(record.kept_until) if kept is not None else None,
        text=content.get("text"),
        asset=content.get("asset"),
    )


def _hits(influences: Sequence[Influence], shown: dict[int, Segment]) -> list[ExplainedHit]:
    hits: list[ExplainedHit] = []
    for influence in influences:
        segment = shown.get(influence.segment_id)
        if segment is None or segment.asset_id != influence.asset_id:
            hits.append(ExplainedHit(rank=influence.rank, withheld=True))
            continue
        hits.append(
            ExplainedHit(
                rank=influence.rank,
                withheld=False,
                confidence=influence.confidence,
                verdict=influence.verdict,
                asset=what_of(segment.asset),
                segment=place_of(segment),
                influence=InfluenceAnswer(
                    signals=[SignalAnswer(**signal) for signal in influence.signals],
                    redactions=list(influence.redactions),
                    consent=influence.consent,
                ),
                links=links_to(segment.asset_id),
            )
        )
    return hits


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
