"""Reading the review queue: stewards see their collections' reviews, others see that there is none.

What a steward sees of an asset here are kinds, places and reasons. The redacted preview is opened
by ``retrieval.services.review_content``, which records it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from retrieval import access, media, scope
from retrieval.access import Access, Permission
from retrieval.errors import NotVisible
from retrieval.models import Asset
from retrieval.redaction.base import finding_to
from retrieval.review_models import RedactionReport, Review
from retrieval.services.review_queue import in_doubt
from retrieval.states import RawState, State

DRAWABLE = frozenset({"text", "image", "audio"})
_DESTROYED = "The original has been destroyed, so it cannot be run again"
_RESTS_IN = {
    Review.Kind.QUARANTINED: State.QUARANTINED,
    Review.Kind.LOW_CONFIDENCE: State.SEARCHABLE,
}


class Decision(StrEnum):
    """What a steward can decide."""

    ACCEPT = "accept"
    REDACT = "redact"
    REJECT = "reject"
    RETRY = "retry"


@dataclass(frozen=True)
class ReviewFilters:
    """What to list; None means any."""

    collection: UUID | None = None
    state: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Option:
    """A decision, and why it cannot be taken now; ``why_not`` is empty where it can."""

    decision: Decision
    why_not: str = ""


@dataclass(frozen=True)
class ReviewView:
    """A review as a steward may see it.

    ``doubts`` are findings still in the rendition, ``findings`` those that were taken out.
    """

    review: Review
    asset: Asset
    findings: list[dict[str, Any]]
    doubts: list[dict[str, Any]]
    readable: bool
    may_raw: bool
    options: tuple[Option, ...]
    has_preview: bool

    @property
    def title(self) -> str:
        """The asset's redacted title, for stewards who read the collection as well."""
        return self.asset.title if self.readable else ""

    def why_not(self, decision: Decision) -> str:
        """Why ``decision`` cannot be taken; empty where it can."""
        return next(one.why_not for one in self.options if one.decision is decision)


def review_rows(*, user: User, filters: ReviewFilters = ReviewFilters()) -> QuerySet[Review]:
    """The reviews of the collections that ``user`` stewards, those that wait longest first.

    Unevaluated; evaluate it inside ``scope.user(user.pk)``.

    Raises:
        NotVisible: the collection asked for is not one that the user stewards.
    """
    governed = access.collections_with(user=user, permission=Permission.GOVERN)
    if filters.collection is not None and filters.collection not in governed:
        raise NotVisible("There is no such collection.")
    rows = Review.objects.filter(collection_id__in=governed)
    rows = rows.select_related("asset", "report", "collection", "decided_by")
    if filters.collection is not None:
        rows = rows.filter(collection_id=filters.collection)
    if filters.state is not None:
        rows = rows.filter(state=filters.state)
    if filters.kind is not None:
        rows = rows.filter(kind=filters.kind)
    return rows.order_by("opened_at", "id")


def review_views(*, user: User, rows: list[Review]) -> list[ReviewView]:
    """``rows`` of ``review_rows`` with what can be decided. One query, however many rows."""
    held = access.access_by_collection(user=user, collections={row.collection_id for row in rows})
    return [_view(row, held.get(row.collection_id, access.NO_ACCESS)) for row in rows]


def review_get(*, user: User, review_id: UUID) -> ReviewView:
    """One review.

    Raises:
        NotVisible: no such review, or none of a collection that the user stewards.
    """
    with scope.user(user.pk):
        row = review_rows(user=user).filter(pk=review_id).first()
    if row is None:
        raise NotVisible("There is no such review.")
    return review_views(user=user, rows=[row])[0]


def next_open(*, user: User, after: Review) -> UUID | None:
    """The open review that waits longest besides ``after``, in its collection if there is one."""
    with scope.user(user.pk):
        rows = review_rows(user=user, filters=ReviewFilters(state=Review.State.OPEN))
        others = rows.exclude(pk=after.pk).values_list("pk", flat=True)
        return others.filter(collection_id=after.collection_id).first() or others.first()


def _view(row: Review, held: Access) -> ReviewView:
    report = row.report
    has_rendition = report is not None and media.has_blob(media.Blob.RENDITION, row.asset_id)
    return ReviewView(
        review=row,
        asset=row.asset,
        findings=list(report.findings) if report else [],
        doubts=[finding_to(one) for one in in_doubt(report)],
        readable=held.allows(Permission.READ),
        may_raw=held.allows(Permission.RAW),
        options=options(row, row.asset, report, has_rendition=has_rendition),
        has_preview=has_rendition and has_preview(row),
    )


def has_preview(row: Review) -> bool:
    """Whether a steward can be shown something: it is open, and what is in doubt is covered."""
    if row.state != Review.State.OPEN or row.report is None:
        return False
    kind = media.Blob.REVIEW if in_doubt(row.report) else media.Blob.RENDITION
    return media.has_blob(kind, row.asset_id)


def options(
    review: Review, asset: Asset, report: RedactionReport | None, *, has_rendition: bool
) -> tuple[Option, ...]:
    """Each decision, with the sentence that says why it cannot be taken on this asset now."""
    reasons = {
        Decision.ACCEPT: _no_accept(asset, report, has_rendition=has_rendition),
        Decision.REDACT: _no_redact(asset, has_rendition=has_rendition),
        Decision.REJECT: "",
        Decision.RETRY: _no_retry(review, asset),
    }
    settled = _settled(review, asset)
    return tuple(Option(one, settled or reasons[one]) for one in Decision)


def _settled(review: Review, asset: Asset) -> str:
    if review.state != Review.State.OPEN:
        return f"It is {review.state} already."
    if asset.state != _RESTS_IN[Review.Kind(review.kind)]:
        return f"The asset is {asset.state}; nothing can be decided about it now."
    return ""


def _no_accept(asset: Asset, report: RedactionReport | None, *, has_rendition: bool) -> str:
    if has_rendition and report is not None and report.verified_at is not None:
        return ""
    missing = "There is no redacted version that was looked at twice, so none can be accepted."
    return f"{missing} {_instead(asset)}"


def _no_redact(asset: Asset, *, has_rendition: bool) -> str:
    if not has_rendition:
        return f"There is no redacted version to draw on. {_instead(asset)}"
    if asset.modality not in DRAWABLE:
        return "Nothing can be drawn on this kind of asset; accept or reject it."
    return ""


def _no_retry(review: Review, asset: Asset) -> str:
    if review.kind != Review.Kind.QUARANTINED:
        return "Only what is quarantined is run again."
    if asset.raw_state != RawState.KEPT:
        return f"{_DESTROYED}."
    return ""


def _instead(asset: Asset) -> str:
    if asset.raw_state == RawState.KEPT:
        return "Run it again from the original, or reject it."
    return f"{_DESTROYED}: upload the file anew, or reject it."
