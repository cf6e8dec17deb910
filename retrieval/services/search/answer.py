"""The hits: what was found and passed the last look, as it is answered and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from audit.searches import InfluenceData
from retrieval.fusion import Fused, Signal
from retrieval.models import Asset, Segment
from retrieval.services.search.types import (
    SIMILARITY_DECIMALS,
    AssetAnswer,
    Hit,
    InfluenceAnswer,
    Links,
    SegmentAnswer,
    SignalAnswer,
    plain,
)

CONFIDENCE_DECIMALS = 3
NO_CONSENT_NEEDED = "not required"


def hits_of(*, fused: Sequence[Fused], shown: Mapping[int, Segment], top_k: int) -> list[Hit]:
    """The best ``top_k`` of ``fused`` that may be shown."""
    kept = [one for one in fused if one.best.segment_id in shown]
    return [
        _hit(rank, one, shown[one.best.segment_id])
        for rank, one in enumerate(kept[:top_k], start=1)
    ]


def _hit(rank: int, fused: Fused, segment: Segment) -> Hit:
    return Hit(
        rank=rank,
        confidence=round(fused.confidence, CONFIDENCE_DECIMALS),
        verdict=fused.verdict,
        asset=what_of(segment.asset),
        segment=place_of(segment),
        more_segments=fused.more_segments,
        influence=InfluenceAnswer(
            signals=[signal_of(signal) for signal in fused.signals],
            redactions=sorted({str(found["kind"]) for found in segment.asset.redactions}),
            consent=segment.asset.ground or NO_CONSENT_NEEDED,
        ),
        links=links_to(segment.asset_id),
    )


def signal_of(signal: Signal) -> SignalAnswer:
    """What of a signal leaves the system."""
    return SignalAnswer(
        space=signal.space,
        model=signal.model,
        query_modality=signal.query_modality,
        target_modality=signal.target_modality,
        similarity=round(signal.similarity, SIMILARITY_DECIMALS),
        calibrated=round(signal.calibrated, CONFIDENCE_DECIMALS),
        weight=signal.weight,
        bridge=signal.bridge,
    )


def what_of(asset: Asset) -> AssetAnswer:
    """Which asset it is."""
    return AssetAnswer(
        id=asset.pk, title=asset.title, modality=asset.modality, collection=asset.collection_id
    )


def place_of(segment: Segment) -> SegmentAnswer:
    """Which place in the asset it is."""
    return SegmentAnswer(
        kind=segment.kind,
        text=segment.text or None,
        page=segment.page,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
    )


def links_to(asset_id: UUID) -> Links:
    """Where an asset's rendition and small picture are fetched; each asks for permission again."""
    base = f"/api/v1/assets/{asset_id}"
    return Links(content=f"{base}/content/", thumbnail=f"{base}/thumbnail/")


def influence_of(*, hit: Hit, fused: Fused, asset: Asset) -> InfluenceData:
    """What the record keeps of a hit: more than the answer says, and no finer numbers."""
    return InfluenceData(
        rank=hit.rank,
        asset_id=hit.asset.id,
        collection_id=hit.asset.collection,
        segment_id=fused.best.segment_id,
        confidence=hit.confidence,
        verdict=hit.verdict,
        signals=[signal_recorded(signal, decided=signal is fused.best) for signal in fused.signals],
        redactions=hit.influence.redactions,
        consent=hit.influence.consent,
        versions=versions_of(asset),
    )


def signal_recorded(signal: Signal, *, decided: bool) -> dict[str, Any]:
    """A signal as the answer has it, where it was found, and what its confidence was computed from.

    ``decided``: it is the strongest, and its place is the hit's.
    """
    return plain(vars(signal_of(signal))) | {
        "segment": signal.segment_id,
        "threshold": round(signal.threshold, CONFIDENCE_DECIMALS),
        "decided": decided,
        "route": getattr(signal, "route", ""),
        "source": dict(getattr(signal, "source", None) or {}),
    }


def versions_of(asset: Asset) -> dict[str, str]:
    """Which redaction and which data were found.

    The data's version is the beginning of the content's digest, which is keyed by collection, and
    since when the asset is in its present state: re-redaction and review make a new one.
    """
    return {
        "redaction": asset.profile_version,
        "data": f"{bytes(asset.digest)[:6].hex()}@{asset.state_changed_at.isoformat()}",
    }
