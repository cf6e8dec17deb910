"""What redaction found, kept beside the asset, and the queue of what a steward has to look at.

All of it runs inside the caller's ``scope.system()``: a review is opened by the very transaction
that quarantines an asset, or that makes one searchable in which something was left in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils import timezone

from retrieval.models import Asset
from retrieval.redaction.amending import still_seen, unaccepted
from retrieval.redaction.base import Finding, finding_from, finding_to
from retrieval.review_models import RedactionReport, Review
from retrieval.states import State

LOW_CONFIDENCE = "low-confidence"


def findings_of(rows: Iterable[dict[str, object]]) -> tuple[Finding, ...]:
    """Findings as a report keeps them."""
    return tuple(finding_from(row) for row in rows)


def report_add(
    *,
    asset_id: UUID,
    collection_id: UUID,
    profile_version: str,
    language: str,
    findings: Sequence[Finding],
    low: Sequence[Finding],
) -> RedactionReport:
    """The report of a run of redaction that has just ended; an open review is closed by it."""
    reviews_close(asset_id=asset_id)
    return RedactionReport.objects.create(
        asset_id=asset_id,
        collection_id=collection_id,
        profile_version=profile_version[:64],
        language=language[:16],
        findings=[finding_to(one) for one in findings],
        low=[finding_to(one) for one in still_seen(low, findings)],
    )


def report_latest(*, asset_id: UUID) -> RedactionReport | None:
    """The report of the latest run, if there is one."""
    return RedactionReport.objects.filter(asset_id=asset_id).order_by("-id").first()


def report_verified(*, asset_id: UUID, remaining: Sequence[Finding]) -> None:
    """Notes what the second look still found; it came to an end, whatever it found."""
    report = report_latest(asset_id=asset_id)
    if report is not None:
        report.remaining = [finding_to(one) for one in remaining]
        report.verified_at = timezone.now()
        report.save(update_fields=["remaining", "verified_at"])


def in_doubt(report: RedactionReport | None) -> tuple[Finding, ...]:
    """What a report left for a steward and no steward has accepted, in the rendition."""
    if report is None:
        return ()
    found = findings_of([*report.remaining, *report.low])
    return unaccepted(found, findings_of(report.accepted))


def review_open(
    *, asset_id: UUID, collection_id: UUID, reason: str, detail: str, redacted: bool
) -> None:
    """Puts a quarantined asset before the stewards; what was open before is closed.

    ``redacted``: redaction came to its end, so that the rendition there is belongs to this run.
    Otherwise nothing of it is shown or accepted: it may be of an earlier, laxer profile.
    """
    _open(
        asset_id=asset_id,
        collection_id=collection_id,
        report=report_latest(asset_id=asset_id) if redacted else None,
        kind=Review.Kind.QUARANTINED,
        reason=reason,
        detail=detail,
    )


def doubts_open(*, asset_id: UUID, collection_id: UUID) -> None:
    """Puts a searchable asset before the stewards if something was left in it in doubt."""
    report = report_latest(asset_id=asset_id)
    doubts = in_doubt(report)
    if not doubts:
        reviews_close(asset_id=asset_id)
        return
    kinds = ", ".join(sorted({one.kind for one in doubts}))
    _open(
        asset_id=asset_id,
        collection_id=collection_id,
        report=report,
        kind=Review.Kind.LOW_CONFIDENCE,
        reason=LOW_CONFIDENCE,
        detail=f"Left in, because the machine was not sure: {kinds}.",
    )


def reviews_close(*, asset_id: UUID) -> int:
    """How many open reviews of the asset were closed undecided: it goes another way."""
    return Review.objects.filter(asset_id=asset_id, state=Review.State.OPEN).update(
        state=Review.State.CLOSED, decided_at=timezone.now()
    )


def reviews_missing_open(*, batch: int) -> int:
    """How many quarantined assets without an open review were put into the queue."""
    waiting = (
        Asset.objects.filter(state=State.QUARANTINED)
        .exclude(reviews__state=Review.State.OPEN)
        .order_by("state_changed_at")
        .values_list("id", "collection_id", "reason", "reason_detail")[:batch]
    )
    for asset_id, collection_id, reason, detail in waiting:
        # Whoever decides on it or deletes it meanwhile is waited for, and then it is left alone.
        held = Asset.objects.select_for_update().filter(id=asset_id, state=State.QUARANTINED)
        if held.exclude(reviews__state=Review.State.OPEN).exists():
            review_open(
                asset_id=asset_id,
                collection_id=collection_id,
                reason=reason,
                detail=detail,
                redacted=False,
            )
    return len(waiting)


def forget(*, asset_id: UUID) -> None:
    """Removes reports and reviews of an asset that is erased."""
    Review.objects.filter(asset_id=asset_id).delete()
    RedactionReport.objects.filter(asset_id=asset_id).delete()


def _open(
    *,
    asset_id: UUID,
    collection_id: UUID,
    report: RedactionReport | None,
    kind: str,
    reason: str,
    detail: str,
) -> None:
    reviews_close(asset_id=asset_id)
    Review.objects.create(
        asset_id=asset_id,
        collection_id=collection_id,
        report=report,
        kind=kind,
        reason=reason[:64],
        reason_detail=detail[:300],
    )
