"""The segments of an asset, written anew whenever its rendition is."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from retrieval.models import Asset, Segment
from retrieval.redaction.types import SegmentPlan
from retrieval.services.description import clean

_BATCH = 500


def segments_write(
    *, asset_id: UUID, collection_id: UUID, modality: str, plans: Sequence[SegmentPlan]
) -> None:
    """Puts ``plans`` in the place of the segments that there are. Inside the caller's transaction.

    ``modality`` is the asset's; a plan may name its own. Words heard or read are left out where the
    transcript's period was over once.
    """
    if Asset.objects.filter(id=asset_id, transcript_kept=False).exists():
        plans = [one for one in plans if (one.modality or modality) == modality]
    Segment.objects.filter(asset_id=asset_id).delete()
    Segment.objects.bulk_create(
        [
            Segment(
                asset_id=asset_id,
                collection_id=collection_id,
                modality=plan.modality or modality,
                kind=plan.kind,
                ordinal=plan.ordinal,
                text=clean(plan.text),
                page=plan.page,
                start=plan.start,
                end=plan.end,
                start_ms=plan.start_ms,
                end_ms=plan.end_ms,
            )
            for plan in plans
        ],
        batch_size=_BATCH,
    )


def segments_read(*, asset_id: UUID) -> list[SegmentPlan]:
    """The segments that there are, in order."""
    rows = Segment.objects.filter(asset_id=asset_id).order_by("ordinal")
    return [
        SegmentPlan(
            kind=row.kind,  # type: ignore[arg-type]  # the column holds nothing else
            ordinal=row.ordinal,
            text=row.text,
            page=row.page,
            start=row.start,
            end=row.end,
            start_ms=row.start_ms,
            end_ms=row.end_ms,
            modality=row.modality,
        )
        for row in rows
    ]
