"""More taken out of a rendition: what stewards drew, and what the second look itself still found.

It works on the stored rendition, so it does not need the original. Segments are rewritten in the
transaction that publishes the rendition; the vectors went when the steward decided.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.utils import timezone

from audit import ledger
from audit.keystore import default_keystore
from retrieval import clients, media, scope
from retrieval.models import Asset
from retrieval.redaction.amended import Amended
from retrieval.redaction.amending import DRAWN, Edit, findings_moved, moved, takeable, unaccepted
from retrieval.redaction.base import Finding, finding_to
from retrieval.redaction.types import Prepared, SegmentPlan
from retrieval.review_models import RedactionReport, Review
from retrieval.services.claims import Claimed, ClaimLost
from retrieval.services.provenance import step_add
from retrieval.services.retention import thumbnail_wanted
from retrieval.services.review_queue import findings_of, report_latest
from retrieval.services.segments import segments_read, segments_write

_SAME_AGAIN = frozenset({"image", "audio"})
# Kept in a report's ``low``: the original was redacted anew, and what a steward had drawn in the
# text of before cannot be placed in the new one.
LOST = Finding(kind=DRAWN, score=0.0, recognizer="steward")


def rendition_digest(*, collection_id: UUID, rendition: bytes) -> bytes:
    """32 bytes (HMAC-SHA-256) that tell whether a text is still the one that was drawn on."""
    key = default_keystore().get_or_create("collection", str(collection_id))
    return hmac.digest(key, b"rendition\0" + hashlib.sha256(rendition).digest(), "sha256")


def pending_apply(claimed: Claimed) -> None:
    """Takes out what stewards drew since the rendition was written; nothing to do if they did not.

    Idempotent: regions of a text are applied to the very rendition they were drawn on. One that was
    published by a process that died before its commit only gets its segments.

    Raises:
        RedactionRefused, RedactionUnavailable, BlobMissing, BlobDamaged, ClaimLost.
    """
    with scope.system():
        pending = list(
            Review.objects.filter(
                asset_id=claimed.asset_id, state=Review.State.REDACTED, applied_at=None
            ).order_by("decided_at")
        )
    if not pending:
        return
    rendition = media.read_blob(media.Blob.RENDITION, claimed.asset_id)
    here = rendition_digest(collection_id=claimed.collection_id, rendition=rendition)
    due = [one for one in pending if not one.base or bytes(one.base) == here]
    _take_out(
        claimed,
        rendition,
        regions=[region for one in due for region in findings_of(one.regions)],
        told=[region for one in pending for region in findings_of(one.regions)],
        reviews=pending,
    )


def found_apply(claimed: Claimed, *, rendition: bytes, found: Sequence[Finding]) -> bool:
    """Takes out of a picture or sound what the second look still found; False if it cannot be.

    Raises:
        RedactionRefused, RedactionUnavailable, ClaimLost.
    """
    with scope.system():
        sides = Asset.objects.values_list("width", "height").get(id=claimed.asset_id)
    pixels = (sides[0] or 0) * (sides[1] or 0)
    if not takeable(found, pixels=pixels):
        return False
    _take_out(claimed, rendition, regions=found, told=found)
    return True


def _take_out(
    claimed: Claimed,
    rendition: bytes,
    *,
    regions: Sequence[Finding],
    told: Sequence[Finding],
    reviews: Sequence[Review] = (),
) -> None:
    """Publishes the rendition without ``regions``; ``told`` are counted and kept in the report."""
    amended = clients.redaction().amend(
        rendition, media_type=claimed.media_type, regions=regions, profile=claimed.profile
    )
    blobs = []
    try:
        blobs.append(media.write_blob(media.Blob.RENDITION, claimed.asset_id, amended.rendition))
        if thumbnail_wanted(asset_id=claimed.asset_id):
            small = media.write_blob(media.Blob.THUMBNAIL, claimed.asset_id, amended.thumbnail)
            blobs.append(small)
        with scope.system():
            _store(claimed, told, reviews, amended)
            for blob in blobs:
                blob.publish()
    finally:
        for blob in blobs:
            blob.discard()


def _store(
    claimed: Claimed, regions: Sequence[Finding], reviews: Sequence[Review], amended: Amended
) -> None:
    held = Asset.objects.select_for_update().filter(id=claimed.asset_id, claim=claimed.token)
    redactions = held.values_list("redactions", flat=True).first()
    if redactions is None:
        raise ClaimLost(str(claimed.asset_id))
    segments_write(
        asset_id=claimed.asset_id,
        collection_id=claimed.collection_id,
        modality=claimed.modality,
        plans=_segments(segments_read(asset_id=claimed.asset_id), regions, amended),
    )
    held.update(redactions=_counted(redactions, regions))
    _report_amended(claimed, regions, amended.edits)
    Review.objects.filter(id__in=[one.pk for one in reviews]).update(applied_at=timezone.now())
    step_add(asset_id=claimed.asset_id, step="amend", component="redaction", version="1")
    ledger.record(
        event="ingest:asset:amend",
        actor=None,
        refs={"asset": claimed.asset_id, "collection": claimed.collection_id},
        payload={"regions": len(regions)},
    )


def _segments(
    before: Sequence[SegmentPlan], regions: Sequence[Finding], amended: Amended
) -> Sequence[SegmentPlan]:
    """Those that there are, moved or without what was muted, or those that were made anew."""
    if amended.edits:
        kept = [_moved(plan, amended) for plan in before]
    elif amended.segments is not None:
        return amended.segments
    else:
        kept = [plan for plan in before if not (plan.text and _overlaps(plan, regions))]
    full = [plan for plan in kept if plan.text.strip() or plan.start is None]
    return [replace(plan, ordinal=number) for number, plan in enumerate(full)]


def _moved(plan: SegmentPlan, amended: Amended) -> SegmentPlan:
    if plan.start is None or plan.end is None:
        return plan
    start, end = moved(plan.start, amended.edits), moved(plan.end, amended.edits)
    text = amended.rendition.decode("utf-8", errors="replace")[start:end]
    return replace(plan, start=start, end=end, text=text)


def _overlaps(plan: SegmentPlan, regions: Sequence[Finding]) -> bool:
    """Whether anything said in this stretch was muted; without a time of its own, it may be."""
    if plan.start_ms is None or plan.end_ms is None:
        return True
    return any(
        region.start_ms is not None
        and region.end_ms is not None
        and region.start_ms < plan.end_ms
        and plan.start_ms < region.end_ms
        for region in regions
    )


def _counted(
    redactions: list[dict[str, object]], regions: Sequence[Finding]
) -> list[dict[str, object]]:
    counts = Counter({str(one["kind"]): int(str(one["count"])) for one in redactions})
    counts.update(region.kind for region in regions)
    return [{"kind": kind, "count": count} for kind, count in sorted(counts.items())]


def _report_amended(claimed: Claimed, regions: Sequence[Finding], edits: Sequence[Edit]) -> None:
    """A report of the amended rendition: places moved, the steward's regions among the findings."""
    before = report_latest(asset_id=claimed.asset_id)
    if before is None:
        before = RedactionReport(asset_id=claimed.asset_id, collection_id=claimed.collection_id)
    accepted = findings_moved(findings_of(before.accepted), edits)
    low = unaccepted(findings_moved(findings_of(before.low), edits), accepted)
    RedactionReport.objects.create(
        asset_id=claimed.asset_id,
        collection_id=claimed.collection_id,
        profile_version=before.profile_version,
        language=before.language,
        findings=[*before.findings, *(finding_to(region) for region in regions)],
        low=[finding_to(one) for one in low],
        accepted=[finding_to(one) for one in accepted],
        accepted_reasons=before.accepted_reasons,
    )


def redrawn(*, asset_id: UUID, prepared: Prepared) -> tuple[Finding, ...]:
    """What stewards had drawn before an asset was redacted anew from its original.

    On a picture or sound of the same size it is applied once more, before the second look. In a
    text it cannot be placed: ``LOST`` then, which sends the asset before a steward.
    """
    drawn = Review.objects.filter(asset_id=asset_id, state=Review.State.REDACTED)
    if not drawn.exists():
        return ()
    same = Asset.objects.filter(
        id=asset_id,
        modality=prepared.modality,
        width=prepared.width,
        height=prepared.height,
        duration_ms=prepared.duration_ms,
    )
    if prepared.modality in _SAME_AGAIN and same.exists():
        drawn.update(applied_at=None, base=b"")
        return ()
    drawn.update(applied_at=timezone.now())
    return (LOST,)
