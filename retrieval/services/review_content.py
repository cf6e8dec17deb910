"""What a steward is shown of an asset under review. No ledger entry, nothing shown.

The preview is the redacted rendition with everything covered that is still in doubt, so that
governing a collection never becomes a way of reading what redaction missed. To look under the cover
is to see an original: it needs the right to, and a reason.
"""

from __future__ import annotations

from uuid import UUID

from accounts.models import User
from retrieval import access, media
from retrieval.access import Permission
from retrieval.errors import Conflict, Gone
from retrieval.review_models import Review
from retrieval.selectors.reviews import ReviewView, review_get
from retrieval.services.content import (
    THUMBNAIL_TYPE,
    Content,
    blob_content,
    recorded_or_closed,
    refuse_run_out,
    refuse_without_consent,
    stated_reason,
)
from retrieval.states import State

_NOT_COVERED = (
    "What is still in it cannot be covered, so only whoever may see originals can look at it."
)


def preview_open(*, user: User, review_id: UUID, continued: bool = False) -> Content:
    """The covered rendition, recorded as opened by this steward.

    ``continued``: a later range of a view that was recorded a moment ago.

    Raises:
        NotVisible: no such review for this user.
        Conflict: it is settled, or the asset is not in a state to be shown.
        Gone: there is no redacted version.
    """
    view = _open_review(user, review_id)
    kind = media.Blob.REVIEW if view.doubts else media.Blob.RENDITION
    if view.doubts and not view.has_preview:
        raise Conflict(_NOT_COVERED)
    content = blob_content(kind, view.asset, view.asset.media_type)
    recorded_or_closed(content, user, view.asset, "review:asset:open", continued=continued)
    return content


def preview_thumbnail_open(*, user: User, review_id: UUID) -> Content:
    """A small picture of the preview; recorded, once in a while, as the preview is.

    Raises:
        NotVisible, Conflict, Gone: as ``preview_open``.
    """
    view = _open_review(user, review_id)
    if view.doubts and not view.has_preview:
        raise Conflict(_NOT_COVERED)
    kind = media.Blob.REVIEW_THUMBNAIL if view.doubts else media.Blob.THUMBNAIL
    content = blob_content(kind, view.asset, THUMBNAIL_TYPE)
    recorded_or_closed(content, user, view.asset, "review:asset:glance", continued=True)
    return content


def uncovered_open(*, user: User, review_id: UUID, reason: str, continued: bool = False) -> Content:
    """The rendition with nothing covered: what redaction missed. Recorded with the reason.

    Raises:
        NotVisible: no such review for this user.
        NotAllowed: no right to originals in this collection.
        Invalid: no reason, or too long a one.
        Conflict, Gone: as ``preview_open``.
    """
    view = _open_review(user, review_id)
    asset = view.asset
    access.require(user=user, collection_id=asset.collection_id, permission=Permission.RAW)
    reason = stated_reason(reason)
    refuse_without_consent(asset)
    content = blob_content(media.Blob.RENDITION, asset, asset.media_type)
    recorded_or_closed(
        content, user, asset, "review:asset:uncover", reason=reason, continued=continued
    )
    return content


def _open_review(user: User, review_id: UUID) -> ReviewView:
    view = review_get(user=user, review_id=review_id)
    if view.review.state != Review.State.OPEN:
        raise Conflict("It is decided; what became of it is on the asset's own page.")
    if view.asset.state not in {State.QUARANTINED, State.SEARCHABLE}:
        raise Conflict(f"The asset is {view.asset.state}.")
    refuse_run_out(view.asset)
    if view.review.report is None:
        raise Gone("There is no redacted version of it.")
    return view
