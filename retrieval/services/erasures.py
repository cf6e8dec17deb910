"""Requests for erasure: asked for, looked at, approved by another person, refused.

What then happens is in ``erasure_run``. An asset that is data of several people goes as a whole
when one of them is erased: there is no part of it that is not also theirs. The list that is shown
before the approval says of each asset how many other people it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger, second_person
from audit.blind import blind_lookup
from audit.erasure_models import ErasureCandidate, ErasureItem, ErasureRequest, Tombstone
from audit.subject_models import DataSubject
from audit.subjects import identifier_of
from audit.tombstones import Filed, filed_from
from retrieval import queue, scope
from retrieval.access import Permission, access_to
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.models import Asset
from retrieval.redaction.blind import forms_of
from retrieval.selectors.erasures import LIVING, Plan, may_see, plan_now, still_held
from retrieval.services.erasing import assets_erase, assets_lock, outside_erase, subject_erase
from retrieval.states import State
from retrieval.subject_models import AssetSubject

logger = structlog.get_logger("vitrine.erasure")

MOST_REASON = 300
_APPLY_BATCH = 100
_STATES = ErasureRequest.State
_DECISIONS = ErasureCandidate.Decision


def erasure_request(
    *,
    by: User,
    subject_id: UUID | None = None,
    asset_id: UUID | None = None,
    wait: bool = False,
) -> ErasureRequest:
    """The request, new, or the one that is under way for the same.

    It waits for another person's approval where the policy asks for one, and with ``wait`` also
    where it does not; otherwise it is queued.

    Raises:
        Invalid: not exactly one of the two is named.
        NotVisible: there is no such subject or asset that the user may know of.
        NotAllowed: people are erased by governors, assets by stewards of their collection too.
        Conflict: it has been erased.
    """
    if (subject_id is None) == (asset_id is None):
        raise Invalid("Name either a subject or an asset.", fields={"subject": ["Name one."]})
    try:
        with scope.system():
            collection = None if asset_id is None else _asset_allowed(by, asset_id)
            if subject_id is not None:
                _subject_allowed(by, subject_id)
            known = _under_way(subject_id, asset_id)
            return known or _made(by, subject_id, asset_id, collection, wait=wait)
    except IntegrityError:  # somebody asked for the same at the same moment
        with scope.system():
            known = _under_way(subject_id, asset_id)
        if known is None:
            raise
        return known


def erasure_preview(
    *, by: User, subject_id: UUID | None = None, asset_id: UUID | None = None
) -> Plan:
    """What a request would take with it now, candidates aside; nothing is asked for yet.

    Raises:
        As ``erasure_request``.
    """
    if (subject_id is None) == (asset_id is None):
        raise Invalid("Name either a subject or an asset.", fields={"subject": ["Name one."]})
    with scope.system():
        if asset_id is not None:
            _asset_allowed(by, asset_id)
        if subject_id is not None:
            _subject_allowed(by, subject_id)
        return plan_now(ErasureRequest(subject=subject_id, asset=asset_id))


def _made(
    by: User, subject_id: UUID | None, asset_id: UUID | None, collection: UUID | None, *, wait: bool
) -> ErasureRequest:
    waits = wait or second_person.needed("erasure")
    request = ErasureRequest.objects.create(
        subject=subject_id,
        asset=asset_id,
        collection=collection,
        state=_STATES.AWAITING_APPROVAL if waits else _STATES.QUEUED,
        requested_by=actor_id(by),
    )
    if subject_id is not None:
        candidates_find(request, subject_id)
    plan = items_take(request)
    ErasureRequest.objects.filter(pk=request.pk).update(plan=plan.digest)
    _note("create", request, by)
    if not waits:
        enqueue_after_commit(request.id)
    return request


def candidates_find(request: ErasureRequest, subject_id: UUID) -> int:
    """How many assets that nobody linked once held the subject's identifier, where it is kept.

    Goes through all blind indexes: seconds for a hundred thousand assets. Inside ``scope.system``.
    """
    subject = DataSubject.objects.filter(id=subject_id).first()
    identifier = identifier_of(subject) if subject is not None else None
    forms = forms_of(identifier) if identifier else ()
    if not forms:
        return 0
    linked = set(AssetSubject.objects.filter(subject=subject_id).values_list("asset_id", flat=True))
    found = [one for one in blind_lookup(forms) if one not in linked]
    assets = Asset.objects.filter(id__in=found).exclude(state=State.ERASED)
    rows = [
        ErasureCandidate(request=request, asset=asset_id, collection=collection_id)
        for asset_id, collection_id in assets.values_list("id", "collection_id")
    ]
    return len(ErasureCandidate.objects.bulk_create(rows, ignore_conflicts=True))


def items_take(request: ErasureRequest, *, approved: bool = True) -> Plan:
    """Writes down what goes now; what was written before and no longer goes is left out."""
    plan = plan_now(request)
    named = {one.asset for one in plan.assets}
    items = ErasureItem.objects.filter(request=request)
    due = (ErasureItem.State.DUE, ErasureItem.State.HELD)
    items.filter(state__in=due).exclude(asset__in=named).delete()
    ErasureItem.objects.bulk_create(
        [
            ErasureItem(
                request=request,
                asset=one.asset,
                collection=one.collection,
                via=one.via,
                others=one.others,
                approved=approved or one.via == "reviewed",
            )
            for one in plan.assets
        ],
        ignore_conflicts=True,
    )
    return plan


def erasure_approve(*, by: User, request_id: UUID, plan: str = "") -> ErasureRequest:
    """Lets a request happen. ``plan``: the digest of the list that was looked at, if it is known.

    Raises:
        NotVisible, NotAllowed
        audit.second_person.SecondPersonNeeded: whoever asked for it cannot approve it.
        Conflict: it waits for no approval, or the list has changed since it was looked at.
    """
    with scope.system():
        request = _locked(by, request_id)
        if request.state != _STATES.AWAITING_APPROVAL:
            raise Conflict(f"The erasure is {request.state}; it waits for no approval.")
        actor = actor_id(by)
        second_person.require_other(first=request.requested_by, second=actor, what="erasure")
        now = items_take(request)
        if plan and plan != now.digest:
            raise Conflict("What would be erased has changed since you looked; look again.")
        request.state, request.plan = _STATES.QUEUED, now.digest
        request.decided_by, request.decided_at = actor, timezone.now()
        request.save()
        _note("approve", request, by, {"assets": len(now.assets), "plan": now.digest})
        enqueue_after_commit(request.id)
    return request


def erasure_refuse(*, by: User, request_id: UUID) -> ErasureRequest:
    """Ends a request that waits; nothing is erased. Whoever asked for it may take it back so.

    Raises:
        NotVisible, NotAllowed
        Conflict: it waits for no approval.
    """
    with scope.system():
        request = _locked(by, request_id)
        if request.state != _STATES.AWAITING_APPROVAL:
            raise Conflict(f"The erasure is {request.state}; it waits for no approval.")
        request.state, request.reason = _STATES.FAILED, "refused"
        request.decided_by, request.decided_at = actor_id(by), timezone.now()
        request.save()
        ErasureItem.objects.filter(request=request).delete()
        ErasureCandidate.objects.filter(request=request).delete()
        _note("refuse", request, by)
    return request


def candidate_decide(
    *, by: User, request_id: UUID, candidate_id: UUID, decision: str, reason: str = ""
) -> ErasureRequest:
    """Includes a candidate, or excludes it with a reason.

    One that is included once the request has run goes as well: the request runs again and gives
    another receipt. Before the approval, what is included is part of the list.

    Raises:
        NotVisible, NotAllowed
        Invalid: no such decision, or an exclusion without a reason.
        Conflict: the request was refused, or its asset has gone already.
    """
    wanted = _decision(decision, reason)
    with scope.system():
        request = _locked(by, request_id)
        if request.state == _STATES.FAILED:
            raise Conflict("The erasure has failed or was refused.")
        row = ErasureCandidate.objects.filter(request=request, id=candidate_id).first()
        if row is None:
            raise NotVisible("There is no such candidate.")
        gone = ErasureItem.objects.filter(request=request, asset=row.asset, state="erased")
        if gone.exists():
            raise Conflict("This asset has been erased with the request.")
        row.decision, row.reason = wanted, reason.strip()
        row.by, row.at = actor_id(by), timezone.now()
        row.save()
        ledger.record(
            event="erasure:candidate:review",
            actor=row.by,
            refs={"erasure": request.id, "asset": row.asset, "collection": row.collection},
            payload={"decision": wanted},
        )
        if request.state == _STATES.AWAITING_APPROVAL:
            plan = items_take(request)
            ErasureRequest.objects.filter(pk=request.pk).update(plan=plan.digest)
        elif wanted == _DECISIONS.INCLUDE:
            again(request)
    return request


def _decision(decision: str, reason: str) -> str:
    if decision not in (_DECISIONS.INCLUDE, _DECISIONS.EXCLUDE):
        raise Invalid("Unknown decision.", fields={"decision": ["include or exclude."]})
    if decision == _DECISIONS.EXCLUDE and not reason.strip():
        raise Invalid("An exclusion needs a reason.", fields={"reason": ["Say why."]})
    if len(reason) > MOST_REASON:
        raise Invalid("Too long.", fields={"reason": [f"At most {MOST_REASON} characters."]})
    return decision


def again(request: ErasureRequest) -> None:
    """Lets a request that ran go on: something is due that was not before. In its lock."""
    if request.state in (_STATES.DONE, _STATES.HELD):
        ErasureRequest.objects.filter(pk=request.pk).update(
            state=_STATES.QUEUED, reason="", erased_at=None, scrubbed_at=None, done_at=None
        )
        enqueue_after_commit(request.id)


def holds_released(
    *,
    asset_ids: Iterable[UUID] = (),
    subject_id: UUID | None = None,
    collection_id: UUID | None = None,
) -> int:
    """How many held requests go on, now that a hold was released; in the releasing transaction.

    The ids narrow nothing that matters: held requests are few, and each looks again for itself.
    """
    del asset_ids, subject_id, collection_id
    return held_resume()


def held_resume() -> int:
    """How many held requests go on because something of them is no longer held."""
    resumed = 0
    with scope.system():
        for request in ErasureRequest.objects.select_for_update().filter(state=_STATES.HELD):
            if not still_held(request):
                again(request)
                resumed += 1
    return resumed


def tombstones_apply(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many assets and subjects were erased again: those that an older database brought back.

    ``rows`` are lines of the tombstones' file; others are passed over. Before anything is served.
    What stands in them never returns, whether the database knows of it or not. No hold stands in
    the way: it was placed on what no longer was there, or the tombstone is younger than it.
    """
    filed = [one for row in rows if (one := filed_from(dict(row))) is not None]
    done = 0
    for first in range(0, len(filed), _APPLY_BATCH):
        some = filed[first : first + _APPLY_BATCH]
        with scope.system():
            done += _apply(some)
    return done


def _apply(filed: list[Filed]) -> int:
    assets = [one.id for one in filed if one.kind == Tombstone.Kind.ASSET]
    subjects = [one.id for one in filed if one.kind == Tombstone.Kind.SUBJECT]
    back = assets_lock(assets)
    assets_erase(back)
    people = DataSubject.objects.filter(id__in=subjects).exclude(state=DataSubject.State.ERASED)
    returned = list(people.values_list("id", flat=True))
    for subject_id in returned:
        subject_erase(subject_id)
    Tombstone.objects.bulk_create(
        [
            Tombstone(
                kind=one.kind,
                object_id=one.id,
                erased_at=one.at,
                request=one.request,
                filed=True,
            )
            for one in filed
        ],
        ignore_conflicts=True,
    )
    # Also of what is not in this database: its files or keys may have come back without it.
    transaction.on_commit(partial(outside_erase, asset_ids=assets, subject_ids=subjects))
    return len(back) + len(returned)


def enqueue_after_commit(request_id: UUID) -> None:
    """Queues the request once the transaction has committed; if that is lost, the sweep does it."""
    transaction.on_commit(partial(_send, request_id), robust=True)


def _send(request_id: UUID) -> None:
    queue.enqueue_erasure(request_id=request_id)


def _locked(by: User, request_id: UUID) -> ErasureRequest:
    request = ErasureRequest.objects.select_for_update().filter(id=request_id).first()
    if request is None or not may_see(by, request):
        raise NotVisible("There is no such erasure.")
    return request


def _under_way(subject_id: UUID | None, asset_id: UUID | None) -> ErasureRequest | None:
    living = ErasureRequest.objects.filter(state__in=LIVING)
    return living.filter(subject=subject_id, asset=asset_id).first()


def _subject_allowed(by: User, subject_id: UUID) -> None:
    if not (by.is_active and by.is_governor):
        raise NotAllowed("People are erased by governors only.")
    row = DataSubject.objects.select_for_update().filter(id=subject_id).first()
    if row is None:
        raise NotVisible("There is no such subject.")
    if row.state == DataSubject.State.ERASED:
        raise Conflict("The subject has been erased.")


def _asset_allowed(by: User, asset_id: UUID) -> UUID:
    """The asset's collection."""
    found = Asset.objects.filter(id=asset_id).values_list("collection_id", "state").first()
    missing = NotVisible("There is no such asset.")
    if found is None or not by.is_active:
        raise missing
    collection_id, state = found
    if not by.is_governor:
        access = access_to(user=by, collection_id=collection_id)
        if not access.visible:
            raise missing
        if not access.allows(Permission.GOVERN):
            raise NotAllowed("Assets are erased by stewards of their collection and by governors.")
    if state == State.ERASED:
        raise Conflict("The asset has been erased.")
    return UUID(str(collection_id))


def _note(
    verb: str,
    request: ErasureRequest,
    by: User | None,
    payload: Mapping[str, Any] | None = None,
) -> None:
    ledger.record(
        event=f"erasure:request:{verb}",
        actor=actor_id(by) if by is not None else None,
        refs=request_refs(request),
        payload=payload,
    )


def request_refs(request: ErasureRequest) -> dict[str, ledger.Ref | Iterable[ledger.Ref]]:
    """How the ledger names a request."""
    refs: dict[str, ledger.Ref | Iterable[ledger.Ref]] = {"erasure": request.id}
    for name in ("subject", "asset", "collection"):
        if getattr(request, name) is not None:
            refs[name] = getattr(request, name)
    return refs
