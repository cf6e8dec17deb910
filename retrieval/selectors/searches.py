"""Reading what was searched, and why it came up. What is shown is decided anew at every read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from audit.models import Influence, SearchRecord
from retrieval import scope
from retrieval.errors import NotVisible
from retrieval.models import Collection, Segment
from retrieval.purposes import SEARCH, legal_basis, permits_search, rule_of
from retrieval.services.search.answer import (
    links_to,
    place_of,
    what_of,
)
from retrieval.services.search.kept import Kept, kept_query_of
from retrieval.services.search.shown import segments_shown
from retrieval.services.search.types import (
    AssetAnswer,
    Links,
    Searched,
    SegmentAnswer,
    SignalRecorded,
    Timing,
    VersionsRecorded,
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
class ExplainedInfluence:
    """Why a hit came up, as recorded; ``legal_basis`` is what its collection names today."""

    signals: list[SignalRecorded]
    redactions: list[str]
    consent: str
    legal_basis: str
    versions: VersionsRecorded


@dataclass(frozen=True, kw_only=True)
class ExplainedHit:
    """One hit as recorded; of a ``withheld`` one, which the reader may not see, only its rank."""

    rank: int
    withheld: bool
    confidence: float | None = None
    verdict: str | None = None
    asset: AssetAnswer | None = None
    segment: SegmentAnswer | None = None
    influence: ExplainedInfluence | None = None
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
    basis: dict[str, Any]
    parameters: dict[str, Any]
    hits: list[ExplainedHit]
    timing_ms: Timing
    own: bool = False  # whether the reader is who searched; not part of the body

    def as_json(self) -> dict[str, Any]:
        """The body, of JSON types only."""
        return plain({key: value for key, value in asdict(self).items() if key != "own"})


def search_list(*, user: User, limit: int = 100) -> list[SearchRecord]:
    """The user's own latest searches, newest first, without what was asked. One query."""
    records = SearchRecord.objects.filter(user_id=user.pk).defer("kept_query", "query_hmac")
    return list(records[:limit])


def search_record(*, user: User, search_id: UUID) -> tuple[SearchRecord, bool]:
    """The record, for whoever searched or a governor, and whether ``user`` is who searched.

    One query.

    Raises:
        NotVisible: no such search, or somebody else's.
    """
    record = SearchRecord.objects.filter(id=search_id).first()
    own = record is not None and record.user_id == user.pk
    if record is None or not user.is_active or not (own or user.is_governor):
        raise NotVisible("There is no such search.")
    return record, own


def search_explain(*, user: User, search_id: UUID) -> SearchExplanation:
    """Why the hits of a search came up, for whoever searched or a governor. Five queries.

    Each hit is shown only if the reader's grants, the asset's state and the collection's purposes
    allow it now; a governor without a grant sees that there was a hit, and no more.

    Raises:
        NotVisible: no such search, or somebody else's.
    """
    record, own = search_record(user=user, search_id=search_id)
    influences = list(record.influences.order_by("rank"))
    with scope.user(user.pk):
        shown = _shown(user, record, influences)
        rules = _purposes(shown)
    return SearchExplanation(
        search_id=record.id,
        at=_text(record.at) or "",
        query=_query(record, own=own),
        confident=record.confident,
        searched=Searched(collections=len(record.searched_in), modalities=list(record.modalities)),
        models=list(record.models_used),
        basis={key: dict(record.basis.get(key, {})) for key in ("models", "bridges")},
        parameters=record.parameters,
        hits=[_hit(influence, shown, rules) for influence in influences],
        timing_ms=Timing(total=record.total_ms or 0),
        own=own,
    )


def _query(record: SearchRecord, *, own: bool) -> ExplainedQuery:
    kept = kept_query_of(record)
    # Telling a governor what somebody else asked is a disclosure, which needs a second person.
    told = kept if kept is not None and own else Kept()
    return ExplainedQuery(
        modality=record.query_modality,
        redactions=record.query_redactions,
        kept=kept is not None,
        kept_until=_text(record.kept_until) if kept is not None else None,
        text=told.text,
        asset=str(told.asset) if told.asset else None,
    )


def hit_shown(user: User, record: SearchRecord, influence: Influence) -> Segment | None:
    """The segment of one hit, if ``user`` may see it now. Call inside ``scope.user``; two queries.

    None too where it is no longer that asset's segment.
    """
    shown = _shown(user, record, [influence])
    return _own_segment(influence, shown)


def _shown(user: User, record: SearchRecord, influences: Sequence[Influence]) -> dict[int, Segment]:
    shown = segments_shown(user=user, segment_ids=[i.segment_id for i in influences])
    rules = _purposes(shown)
    purpose = str(record.parameters.get("purpose", ""))
    return {
        pk: one
        for pk, one in shown.items()
        if permits_search(rules.get(one.collection_id, {}), purpose)
        and (one.asset.ground or not rule_of(rules.get(one.collection_id, {}), SEARCH).required)
    }


def _purposes(shown: Mapping[int, Segment]) -> dict[UUID, dict[str, Any]]:
    wanted = {segment.collection_id for segment in shown.values()}
    return dict(Collection.objects.filter(id__in=wanted).values_list("id", "purposes"))


def _own_segment(influence: Influence, shown: Mapping[int, Segment]) -> Segment | None:
    segment = shown.get(influence.segment_id)
    return segment if segment is not None and segment.asset_id == influence.asset_id else None


def _hit(
    influence: Influence, shown: Mapping[int, Segment], rules: Mapping[UUID, dict[str, Any]]
) -> ExplainedHit:
    segment = _own_segment(influence, shown)
    if segment is None:
        return ExplainedHit(rank=influence.rank, withheld=True)
    return ExplainedHit(
        rank=influence.rank,
        withheld=False,
        confidence=influence.confidence,
        verdict=influence.verdict,
        asset=what_of(segment.asset),
        segment=place_of(segment),
        influence=ExplainedInfluence(
            signals=signals_recorded(influence.signals),
            redactions=list(influence.redactions),
            consent=influence.consent,
            legal_basis=legal_basis(rules.get(segment.collection_id, {})),
            versions=VersionsRecorded(**influence.versions),
        ),
        links=links_to(segment.asset_id),
    )


def signals_recorded(signals: Sequence[Mapping[str, Any]]) -> list[SignalRecorded]:
    """The signals of a record, of whatever age."""
    known = SignalRecorded.__dataclass_fields__
    return [
        SignalRecorded(**{key: value for key, value in signal.items() if key in known})
        for signal in signals
    ]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
