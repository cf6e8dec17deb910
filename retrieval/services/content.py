"""Opening what lies behind an asset. A service, not a selector: no ledger entry, no content."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from audit.ledger import PersonalTo
from retrieval import access, media, scope
from retrieval.access import Permission
from retrieval.errors import Conflict, Gone, Invalid, NotAllowed
from retrieval.models import Asset
from retrieval.selectors.assets import asset_get
from retrieval.selectors.grounds import forbidden
from retrieval.states import RawState, State

THUMBNAIL_TYPE = "image/webp"
MAX_REASON = 300
# A player that seeks asks for many ranges; within this time they belong to the view that was
# recorded.
_ONE_VIEW_SECONDS = 300


@dataclass(frozen=True)
class Content:
    """A decrypting stream for the caller to read, seek, ``iter_range`` and close; size in bytes."""

    stream: media.BlobReader
    media_type: str
    size: int


def rendition_open(
    *, user: User, asset_id: UUID, continued: bool = False, download: bool = False
) -> Content:
    """The redacted rendition, recorded as viewed (or downloaded).

    ``continued``: a request for a later range; it is part of a view recorded a moment ago, or is
    recorded itself.

    Raises:
        NotVisible, NotAllowed: no such asset for this user, or not its content.
        Conflict: it is not searchable, so nothing of it is shown.
        Gone: the rendition's period is over.
    """
    asset = _viewable(user, asset_id)
    content = blob_content(media.Blob.RENDITION, asset, asset.media_type)
    event = "content:rendition:download" if download else "content:rendition:view"
    recorded_or_closed(content, user, asset, event, continued=continued)
    return content


def thumbnail_open(*, user: User, asset_id: UUID) -> Content:
    """The small picture of the redacted rendition. Not recorded: the search that showed it was.

    Raises:
        NotVisible, NotAllowed, Conflict, Gone: as ``rendition_open``; Gone too where there is none.
    """
    return blob_content(media.Blob.THUMBNAIL, _viewable(user, asset_id), THUMBNAIL_TYPE)


def raw_open(*, user: User, asset_id: UUID, reason: str) -> Content:
    """The unredacted original, recorded with the reason (encrypted under the reader's own key).

    Raises:
        NotVisible, NotAllowed: no such asset for this user, or no right to originals.
        Invalid: no reason, or too long a one.
        Conflict: the asset is withheld.
        Gone: the original has been destroyed.
    """
    asset = _readable(user, asset_id)
    access.require(user=user, collection_id=asset.collection_id, permission=Permission.RAW)
    reason = stated_reason(reason)
    if asset.state == State.WITHHELD:
        raise Conflict("The asset is withheld.")
    refuse_run_out(asset)
    refuse_without_consent(asset)
    if asset.raw_state != RawState.KEPT:
        raise Gone("The original has been destroyed, as the retention policy says.")
    content = blob_content(media.Blob.RAW, asset, asset.source_type or "application/octet-stream")
    recorded_or_closed(content, user, asset, "content:raw:view", reason=reason)
    return content


def stated_reason(reason: str) -> str:
    """Why somebody wants to see an original.

    Raises:
        Invalid: nothing is said, or too much.
    """
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        message = f"Say why, in at most {MAX_REASON} characters."
        raise Invalid(message, fields={"reason": [message]})
    return reason


def _readable(user: User, asset_id: UUID) -> Asset:
    view = asset_get(user=user, asset_id=asset_id)
    if not view.readable:
        raise NotAllowed("This needs the permission 'read' in the collection.")
    return view.asset


def _viewable(user: User, asset_id: UUID) -> Asset:
    asset = _readable(user, asset_id)
    if asset.state == State.PURGED:
        raise Gone("The rendition has been destroyed, as the retention policy says.")
    if asset.state != State.SEARCHABLE:
        raise Conflict(f"The asset is {asset.state}; only searchable ones are shown.")
    refuse_run_out(asset)
    return asset


def refuse_run_out(asset: Asset) -> None:
    """What is permitted until a moment is withheld from then on, though nobody has come to do it.

    Raises:
        Conflict: the moment is past.
    """
    if asset.permitted_until is not None and asset.permitted_until <= timezone.now():
        raise Conflict("The asset is withheld.")


def refuse_without_consent(asset: Asset) -> None:
    """Nothing, where everybody in it permits that its original is seen.

    Raises:
        NotAllowed: somebody does not, or the collection requires a consent and there is none.
    """
    with scope.system():
        reason = forbidden([asset.pk], "raw_access").get(asset.pk)
    if reason is not None:
        raise NotAllowed(f"The original may not be seen: {reason}.")


def blob_content(kind: media.Blob, asset: Asset, media_type: str) -> Content:
    """A blob of an asset that the caller has been found to be allowed to see.

    Raises:
        Gone: there is none.
    """
    try:
        stream = media.open_blob(kind, asset.pk)
    except media.BlobMissing:
        raise Gone("It has been destroyed.") from None
    return Content(stream=stream, media_type=media_type, size=stream.size)


def recorded_or_closed(
    content: Content,
    user: User,
    asset: Asset,
    event: str,
    *,
    reason: str = "",
    continued: bool = False,
) -> None:
    """Writes the ledger entry; whatever goes wrong with it, nothing can be read any more.

    ``continued``: part of a view of a moment ago, which is in the ledger already.
    """
    mark = f"content:viewed:{user.pk}:{asset.pk}:{event}"
    try:
        if continued and cache.get(mark) is not None:
            return
        with scope.user(user.pk):
            actor = actor_id(user)
            ledger.record(
                event=event,
                actor=actor,
                refs={"asset": asset.pk, "collection": asset.collection_id},
                payload={"reason": reason} if reason else None,
                personal_to=PersonalTo("actor", actor) if reason else None,
            )
            transaction.on_commit(
                lambda: cache.set(mark, 1, timeout=_ONE_VIEW_SECONDS), robust=True
            )
    except BaseException:
        content.stream.close()
        raise
