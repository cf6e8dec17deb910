"""Claims of stages on assets, and the moves between states they allow.

Every move is a conditional update whose row count decides the race. A claim is a fencing token:
whoever finishes a stage must still hold it, so a stage that was given up and begun again elsewhere
cannot write twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db.models import F
from django.utils import timezone

from audit import ledger
from retrieval import incarnation, scope
from retrieval.models import Asset
from retrieval.purposes import SEARCH, rule_of
from retrieval.redaction.base import Profile
from retrieval.selectors.grounds import linked
from retrieval.selectors.profiles import profile_of
from retrieval.services.provenance import step_add
from retrieval.services.retention import raw_deadline_set
from retrieval.services.review_queue import review_open, reviews_close
from retrieval.services.withholding import reconsider
from retrieval.states import STAGE_OF, State, may_move

logger = structlog.get_logger("vitrine.ingest")

# Longer than the tasks' hard time limit (workers.tasks): a claim of a living worker never runs out.
LEASE = timedelta(seconds=2400)
MAX_ATTEMPTS = 5
_REST_EVENTS = {
    State.QUARANTINED: "ingest:asset:quarantine",
    State.REJECTED: "ingest:asset:reject",
    State.WITHHELD: "ingest:asset:withhold",
}


class ClaimLost(Exception):
    """The asset was taken over, moved or deleted meanwhile: the stage's result is dropped."""


@dataclass(frozen=True)
class Claimed:
    """An asset whose stage this process holds, as it was when it was claimed."""

    asset_id: UUID
    collection_id: UUID
    token: UUID
    state: State
    attempts: int
    profile: Profile
    received_at: datetime
    modality: str
    media_type: str
    title: str
    source: str


def stage_states(stage: str) -> list[State]:
    """The states in which ``stage`` is due."""
    return [state for state, name in STAGE_OF.items() if name == stage]


def asset_claim(*, stage: str, asset_id: UUID) -> Claimed | None:
    """The claim of ``stage`` on the asset; None if it is not due, or somebody else is at it.

    An asset claimed too often without an end is quarantined here instead, so that poison does not
    go round for ever. One that somebody in it does not permit, or no longer, is withheld here.
    """
    with scope.system():
        known = Asset.objects.select_related("collection").annotate(linked=linked())
        asset = known.filter(id=asset_id).first()
        if asset is None or asset.state not in stage_states(stage) or _held_by_another(asset):
            return None
        if _withheld(asset, linked=asset.linked):
            return None
        now = timezone.now()
        state = State.REDACTING if asset.state == State.RECEIVED else State(asset.state)
        token = uuid4()
        rows = Asset.objects.filter(id=asset_id, state=asset.state, claim=asset.claim).update(
            claim=token,
            claimed_until=now + LEASE,
            claimed_by=incarnation.me(),
            attempts=F("attempts") + 1,
            state=state,
            state_changed_at=now if state != asset.state else asset.state_changed_at,
        )
        if not rows:
            return None
        claimed = Claimed(
            asset_id=asset_id,
            collection_id=asset.collection_id,
            token=token,
            state=state,
            attempts=asset.attempts + 1,
            profile=profile_of(asset.collection),
            received_at=asset.created_at,
            modality=asset.modality,
            media_type=asset.media_type,
            title=asset.title,
            source=asset.source,
        )
        if claimed.attempts <= MAX_ATTEMPTS:
            return claimed
        asset_rest(
            claimed=claimed,
            state=State.QUARANTINED,
            reason="failed-repeatedly",
            detail=f"Processing failed {MAX_ATTEMPTS} times in the stage '{stage}'.",
        )
        return None


def still_permitted(*, claimed: Claimed) -> bool:
    """Whether what is claimed may go on; if not, it is withheld, and the claim is lost.

    Inside ``scope.system``, in a transaction of its own: it must be committed. Asked before an
    asset becomes searchable: time may have run out since the stage began.
    """
    rows = Asset.objects.select_related("collection").annotate(linked=linked())
    asset = rows.filter(id=claimed.asset_id, claim=claimed.token).first()
    return asset is not None and not _withheld(asset, linked=asset.linked)


def _withheld(asset: Asset, *, linked: bool) -> bool:
    """Withholds what may not be processed. No query where nobody is in it or needs to be."""
    if not linked and not rule_of(asset.collection.purposes, SEARCH).required:
        return False
    return asset.pk in reconsider(asset_ids=[asset.pk]).withheld


def _held_by_another(asset: Asset) -> bool:
    if asset.claim is None or asset.claimed_until is None:
        return False
    return asset.claimed_until > timezone.now() and not incarnation.is_gone(asset.claimed_by)


def asset_advance(*, claimed: Claimed, state: State, **fields: Any) -> None:
    """Moves a claimed asset on and gives the claim back. Inside the caller's transaction.

    Raises:
        ClaimLost: the claim is no longer held.
    """
    if not may_move(old=claimed.state, new=state):
        raise ValueError(f"no way from {claimed.state} to {state}")
    rows = Asset.objects.filter(
        id=claimed.asset_id, claim=claimed.token, state=claimed.state
    ).update(
        state=state,
        state_changed_at=timezone.now(),
        claim=None,
        claimed_until=None,
        claimed_by="",
        attempts=0,
        **fields,
    )
    if not rows:
        raise ClaimLost(str(claimed.asset_id))


def asset_rest(*, claimed: Claimed, state: State, reason: str, detail: str) -> None:
    """Puts a claimed asset aside with its reason: quarantined, rejected or withheld. Recorded.

    Raises:
        ClaimLost: the claim is no longer held.
    """
    fields: dict[str, Any] = {"reason": reason[:64], "reason_detail": detail[:300]}
    with scope.system():
        asset_advance(claimed=claimed, state=state, **fields)
        raw_deadline_set(asset_id=claimed.asset_id)
        _reviews_follow(claimed, state, reason=reason, detail=detail)
        step_add(asset_id=claimed.asset_id, step=state.value, component="ingest", version="1")
        ledger.record(
            event=_REST_EVENTS[state],
            actor=None,
            refs={"asset": str(claimed.asset_id), "collection": str(claimed.collection_id)},
            payload={"reason": reason},
        )
    logger.info("asset_put_aside", asset_id=str(claimed.asset_id), state=state, reason=reason)


def _reviews_follow(claimed: Claimed, state: State, *, reason: str, detail: str) -> None:
    """What is quarantined is put before the stewards at once; what is not has no open review."""
    if state is not State.QUARANTINED:
        reviews_close(asset_id=claimed.asset_id)
        return
    review_open(
        asset_id=claimed.asset_id,
        collection_id=claimed.collection_id,
        reason=reason,
        detail=detail,
        redacted=claimed.state is not State.REDACTING,
    )


def claim_release(*, claimed: Claimed, counted: bool) -> None:
    """Gives a claim back without a result; ``counted``: the attempt speaks against the asset."""
    with scope.system():
        Asset.objects.filter(id=claimed.asset_id, claim=claimed.token).update(
            claim=None,
            claimed_until=None,
            claimed_by="",
            attempts=claimed.attempts if counted else max(claimed.attempts - 1, 0),
        )
