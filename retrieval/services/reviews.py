"""A steward's decision about an asset that redaction was not sure of.

Whoever is first decides: the review's state is moved by a conditional update in the transaction
that moves the asset, and a second steward is told that it is settled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from audit.holds import holds_still
from retrieval import access, clients, media, scope
from retrieval.access import Permission
from retrieval.errors import Conflict, Gone, Invalid, Unavailable, Unprocessable
from retrieval.models import Asset, Segment
from retrieval.queue import enqueue_after_commit
from retrieval.redaction.amending import Extent, RegionError, regions_from
from retrieval.redaction.base import Finding, finding_to
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.review_models import RedactionReport, Review
from retrieval.selectors.holds import held as hold_ids
from retrieval.selectors.profiles import profile_of
from retrieval.selectors.reviews import Decision, ReviewView, options, review_get
from retrieval.services.evaluation_cases import cases_forget
from retrieval.services.feedback_retention import feedback_forget
from retrieval.services.indexing import assets_unindex
from retrieval.services.provenance import step_add
from retrieval.services.retention import raw_deadline_set
from retrieval.services.review_apply import rendition_digest
from retrieval.services.review_queue import in_doubt
from retrieval.states import State, may_move

logger = structlog.get_logger("vitrine.review")

MAX_REASON = 300
_BECOMES = {
    Decision.ACCEPT: Review.State.ACCEPTED,
    Decision.REDACT: Review.State.REDACTED,
    Decision.REJECT: Review.State.REJECTED,
    Decision.RETRY: Review.State.RETRIED,
}
# Where the asset goes, and the stage that is due there.
_LEADS_TO = {
    Decision.ACCEPT: (State.EMBEDDING, "embed"),
    Decision.REDACT: (State.VERIFYING, "verify"),
    Decision.REJECT: (State.REJECTED, ""),
    Decision.RETRY: (State.RECEIVED, "redact"),
}


@dataclass(frozen=True)
class _Drawn:
    """Regions of the very rendition whose keyed digest is ``base`` (texts alone need it)."""

    regions: tuple[Finding, ...] = ()
    base: bytes = b""


def review_decide(
    *,
    user: User,
    review_id: UUID,
    decision: Decision,
    regions: Sequence[Mapping[str, Any]] = (),
    reason: str = "",
) -> None:
    """Decides an open review; the asset goes on, is redacted further, rejected or run again.

    ``accept``: what is in doubt is a false alarm. ``redact``: ``regions`` are taken out as well,
    and what they leave in doubt is a false alarm. Regions are those of
    ``retrieval.redaction.amending.regions_from``. ``reason`` is redacted before it is kept.

    Raises:
        NotVisible: no such review for this user.
        Invalid: regions that cannot be meant, or where none belong; too long a reason.
        Conflict: settled already, or not possible as the asset is; the message says what is.
        Gone: the rendition has been destroyed.
        Unavailable: the redaction server is away, and the reason cannot be redacted.
    """
    view = review_get(user=user, review_id=review_id)
    why_not = view.why_not(decision)
    if why_not:
        raise Conflict(why_not)
    drawn = _drawn(view, decision, regions)
    reason = _reason_redacted(view, reason)
    with scope.system():
        # Again, now that nothing can change any more: grants may have ended meanwhile.
        access.require(
            user=user, collection_id=view.review.collection_id, permission=Permission.GOVERN
        )
        _settle(user, view, decision, drawn, reason)
        _move(view, decision)
        _record(user, view, decision, drawn)
    logger.info("review_decided", review_id=str(review_id), decision=decision.value)


def _drawn(view: ReviewView, decision: Decision, given: Sequence[Mapping[str, Any]]) -> _Drawn:
    if decision is not Decision.REDACT:
        if given:
            message = f"Regions belong to '{Decision.REDACT}' alone."
            raise Invalid(message, fields={"regions": [message]})
        return _Drawn()
    asset = view.asset
    text = None
    base = b""
    if asset.modality == "text":
        try:
            rendition = media.read_blob(media.Blob.RENDITION, asset.pk)
        except (media.BlobMissing, media.BlobDamaged):
            raise Gone("The redacted version cannot be read any more.") from None
        text = len(rendition.decode("utf-8", errors="replace"))
        base = rendition_digest(collection_id=asset.collection_id, rendition=rendition)
    extent = Extent(asset.modality, text, asset.width, asset.height, asset.duration_ms)
    try:
        return _Drawn(regions_from(given, extent=extent), base)
    except RegionError as error:
        raise Invalid(str(error), fields={"regions": [str(error)]}) from None


def _reason_redacted(view: ReviewView, reason: str) -> str:
    """What a steward writes about an asset is redacted as its title is."""
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        message = f"At most {MAX_REASON} characters."
        raise Invalid(message, fields={"reason": [message]})
    if not reason:
        return ""
    with scope.system():
        profile = profile_of(view.review.collection)
    try:
        return clients.redaction().redact_text(reason, profile=profile).text[:MAX_REASON]
    except RedactionUnavailable:
        raise Unavailable("The redaction server does not answer; try again shortly.") from None
    except RedactionRefused as error:
        raise Unprocessable(error.reason) from None


def _settle(user: User, view: ReviewView, decision: Decision, drawn: _Drawn, reason: str) -> None:
    rows = Review.objects.filter(pk=view.review.pk, state=Review.State.OPEN).update(
        state=_BECOMES[decision],
        decided_at=timezone.now(),
        decided_by=user,
        decision_reason=reason,
        regions=[finding_to(region) for region in drawn.regions],
        base=drawn.base,
    )
    if not rows:
        raise Conflict("Somebody else has decided it in this moment.")
    report = view.review.report
    if report is not None and decision in {Decision.ACCEPT, Decision.REDACT}:
        _accept_doubts(report.pk, view.review.reason)


def _accept_doubts(report_id: int, reason: str) -> None:
    """What the steward has seen and let be is passed over from now on."""
    report = RedactionReport.objects.select_for_update().get(pk=report_id)
    report.accepted = [*report.accepted, *(finding_to(one) for one in in_doubt(report))]
    report.accepted_reasons = sorted({*report.accepted_reasons, reason})
    report.save(update_fields=["accepted", "accepted_reasons"])


def _move(view: ReviewView, decision: Decision) -> None:
    """Moves the asset by a conditional update on the state in which the steward saw it."""
    asset_id, old = view.asset.pk, State(view.asset.state)
    holds_still()  # before the row, as everybody does
    held = Asset.objects.select_for_update().get(pk=asset_id)
    again = next(
        one.why_not
        for one in options(
            Review(kind=view.review.kind, state=Review.State.OPEN),
            held,
            view.review.report,
            has_rendition=media.has_blob(media.Blob.RENDITION, asset_id),
        )
        if one.decision is decision
    )
    if again:
        raise Conflict(again)
    if decision is Decision.ACCEPT and old is State.SEARCHABLE:
        transaction.on_commit(lambda: media.remove_previews(asset_id), robust=True)
        return
    new, stage = _LEADS_TO[decision]
    if new is State.REJECTED and hold_ids([asset_id]):
        raise Conflict("A legal hold keeps this asset; it cannot be rejected.")
    if not may_move(old=old, new=new):
        raise ValueError(f"no way from {old} to {new}")
    rejected = new is State.REJECTED
    Asset.objects.filter(pk=asset_id, state=old).update(
        state=new,
        state_changed_at=timezone.now(),
        reason="rejected-in-review" if rejected else "",
        reason_detail="A steward rejected it in review." if rejected else "",
        claim=None,
        claimed_until=None,
        claimed_by="",
        attempts=0,
    )
    raw_deadline_set(asset_id=asset_id)
    if old is State.SEARCHABLE:  # out of the very next search
        assets_unindex(asset_ids=[asset_id])
    _blobs_follow(asset_id, rejected=rejected, decision=decision)
    if stage:
        enqueue_after_commit(stage, asset_id)


def _blobs_follow(asset_id: UUID, *, rejected: bool, decision: Decision) -> None:
    """A rejected asset keeps nothing that could be shown; a decided one needs no preview."""
    if rejected:
        Segment.objects.filter(asset_id=asset_id).delete()
        feedback_forget(asset_id=asset_id)
        cases_forget(asset_id=asset_id)
        transaction.on_commit(lambda: media.destroy_redacted(asset_id), robust=True)
    elif decision is not Decision.REDACT:
        transaction.on_commit(lambda: media.remove_previews(asset_id), robust=True)


def _record(user: User, view: ReviewView, decision: Decision, drawn: _Drawn) -> None:
    actor = actor_id(user)
    step_add(
        asset_id=view.asset.pk,
        step=f"review-{decision}",
        component="steward",
        actor=actor,
    )
    ledger.record(
        event=f"review:asset:{decision}",
        actor=actor,
        refs={
            "asset": view.asset.pk,
            "collection": view.asset.collection_id,
            "review": view.review.pk,
        },
        payload={"kind": view.review.kind, "regions": len(drawn.regions)},
    )
