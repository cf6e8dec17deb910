"""Running an erasure: assets in batches, then the subject, then what is left of them in the stores.

Whoever runs a request holds a claim on it for a while. What has been erased is written down with
the erasure itself, so that another process goes on where a dead one stopped; every step may be
taken twice. Files and keys go after the commit of their batch and once more at the end.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from audit import ledger
from audit.erasure_models import ErasureItem, ErasureRequest
from audit.holds import holds_on, holds_still
from audit.subject_models import DataSubject
from audit.tombstones import tombstones_file_all
from retrieval import queue, scope
from retrieval.models import Asset
from retrieval.selectors.erasures import assets_named
from retrieval.selectors.holds import held
from retrieval.selectors.scrubbing import deletions_due
from retrieval.services.erasing import (
    assets_erase,
    assets_lock,
    outside_erase,
    stores_count,
    subject_erase,
)
from retrieval.services.erasures import held_resume, items_take, request_refs

logger = structlog.get_logger("vitrine.erasure")

BATCH = 20
CLAIM = timedelta(minutes=5)
# Erasures that come together are scrubbed together.
SCRUB_SECONDS = 1.0
# The sweep tries again each minute: an hour of failures is none that passes by itself.
MOST_ATTEMPTS = 60
_STATES = ErasureRequest.State
_ITEMS = ErasureItem.State


class ClaimLost(Exception):
    """Another process has taken the request over."""


def erasure_run(*, request_id: UUID) -> bool:
    """Whether it was run, to the point where scrubbing and the receipt are due.

    False where it is not due, or somebody else is at it. Idempotent.
    """
    claim = _claim(request_id)
    if claim is None:
        return False
    try:
        _run(request_id, claim)
    except ClaimLost:
        return False
    except Exception:
        _let_go(request_id, claim)
        raise
    queue.enqueue_scrub(seconds=SCRUB_SECONDS)
    return True


def _run(request_id: UUID, claim: UUID) -> None:
    while _batch(request_id, claim):
        pass
    while not _subject(request_id, claim):
        while _batch(request_id, claim):
            pass
    _close(request_id, claim)


def _let_go(request_id: UUID, claim: UUID) -> None:
    """The claim is free for the next try; after too many of them the request has failed."""
    with scope.system():
        mine = ErasureRequest.objects.filter(id=request_id, claim=claim)
        mine.filter(attempts__gte=MOST_ATTEMPTS).update(state=_STATES.FAILED, reason="attempts")
        mine.update(claim=None, claimed_until=None)


def erasures_waiting() -> bool:
    """Whether any request that has run still waits for its receipt."""
    with scope.system():
        return _unproven().exists()


def erasures_sweep() -> int:
    """How many requests were queued again: those left behind, and those no longer held.

    Raises:
        RedisError: the broker is not reachable.
    """
    resumed = held_resume()
    tombstones_file_all()
    with scope.system():
        due = list(
            ErasureRequest.objects.filter(_runnable(), erased_at=None).values_list("id", flat=True)
        )
        unscrubbed = _unproven().exists() or bool(deletions_due())
    waiting = queue.erasures_not_queued(due)
    for request_id in waiting:
        queue.enqueue_erasure(request_id=request_id)
    if unscrubbed:
        queue.enqueue_scrub()
    return resumed + len(waiting)


def _unproven() -> QuerySet[ErasureRequest]:
    return ErasureRequest.objects.filter(state=_STATES.RUNNING, erased_at__isnull=False)


def _runnable() -> Q:
    free = Q(claimed_until=None) | Q(claimed_until__lte=timezone.now())
    return Q(state=_STATES.QUEUED) | (Q(state=_STATES.RUNNING) & free)


def _claim(request_id: UUID) -> UUID | None:
    """A claim on a request that is due. The first one writes down what there is of it all."""
    claim = uuid4()
    with scope.system():
        rows = ErasureRequest.objects.filter(_runnable(), id=request_id, erased_at=None)
        taken = rows.update(
            state=_STATES.RUNNING,
            claim=claim,
            claimed_until=timezone.now() + CLAIM,
            attempts=F("attempts") + 1,
        )
        if not taken:
            return None
        request = ErasureRequest.objects.get(id=request_id)
        _new_items(request)
        if request.before is None:
            ErasureRequest.objects.filter(id=request_id).update(before=_counts(request))
            ledger.record(event="erasure:request:run", actor=None, refs=request_refs(request))
    return claim


def _counts(request: ErasureRequest) -> dict[str, int]:
    assets = list(ErasureItem.objects.filter(request=request).values_list("asset", flat=True))
    subjects = [request.subject] if request.subject is not None else []
    return stores_count(asset_ids=assets, subject_ids=subjects)


def _new_items(request: ErasureRequest) -> bool:
    """Takes in what was linked since the approval; whether there was anything."""
    known = set(ErasureItem.objects.filter(request=request).values_list("asset", flat=True))
    fresh = assets_named(request).keys() - known
    if not Asset.objects.filter(id__in=fresh).exclude(state="erased").exists():
        return False
    items_take(request, approved=request.before is None and not request.plan)
    return True


def _mine(request_id: UUID, claim: UUID) -> ErasureRequest:
    """The request, locked, and the claim on it prolonged."""
    request = ErasureRequest.objects.select_for_update().filter(id=request_id, claim=claim).first()
    if request is None:
        raise ClaimLost
    ErasureRequest.objects.filter(id=request_id).update(claimed_until=timezone.now() + CLAIM)
    return request


def _batch(request_id: UUID, claim: UUID) -> bool:
    """Erases what is due, or finds it held or gone, up to a number; whether there may be more."""
    with scope.system():
        holds_still()
        request = _mine(request_id, claim)
        items = ErasureItem.objects.filter(request=request)
        _holds_again(items)
        due = list(items.filter(state=_ITEMS.DUE).order_by("asset")[:BATCH])
        if not due:
            return False
        ids = [item.asset for item in due]
        assets = assets_lock(ids)
        kept = held(ids)
        free = [asset for asset in assets if asset.id not in kept]
        assets_erase(free, actor=request.decided_by or request.requested_by, request=request.id)
        done, there = {asset.id for asset in free}, {asset.id for asset in assets}
        for item in due:
            if item.asset in done:
                item.state, item.erased_at = _ITEMS.ERASED, timezone.now()
            elif item.asset in there:
                item.state, item.holds = _ITEMS.HELD, list(kept[item.asset])
            else:
                item.state = _ITEMS.GONE
        ErasureItem.objects.bulk_update(due, ["state", "erased_at", "holds"])
    tombstones_file_all()
    outside_erase(asset_ids=sorted(done))
    return len(due) == BATCH


def _holds_again(items: QuerySet[ErasureItem]) -> None:
    """What was held and no longer is, is due again."""
    kept = list(items.filter(state=_ITEMS.HELD).values_list("asset", flat=True))
    if kept:
        free = set(kept) - set(held(kept))
        items.filter(asset__in=free).update(state=_ITEMS.DUE, holds=[])


def _subject(request_id: UUID, claim: UUID) -> bool:
    """Whether nothing more is to be done in the database; False: assets were linked meanwhile."""
    with scope.system():
        holds_still()
        request = _mine(request_id, claim)
        if request.subject is None:
            return True
        # Linking takes the same lock, so nothing is linked from here on.
        row = DataSubject.objects.select_for_update().filter(id=request.subject).first()
        if row is not None and row.state == DataSubject.State.ERASED:
            return True
        if _new_items(request):
            return False
        kept = ErasureItem.objects.filter(request=request, state=_ITEMS.HELD).exists()
        if kept or holds_on(subject=request.subject):
            return True
        subject_erase(request.subject, request=request.id)
    tombstones_file_all()
    outside_erase(subject_ids=[request.subject])
    return True


def _close(request_id: UUID, claim: UUID) -> None:
    """Done; files and keys once more where a process may have died between a commit and them."""
    with scope.system():
        request = _mine(request_id, claim)
        erased, subjects = erased_of(request)
        if request.attempts > 1:
            outside_erase(asset_ids=erased, subject_ids=subjects)
        ErasureRequest.objects.filter(id=request.id).update(
            erased_at=timezone.now(), claim=None, claimed_until=None
        )
    logger.info("erased", request_id=str(request_id), assets=len(erased))


def erased_of(request: ErasureRequest) -> tuple[list[UUID], list[UUID]]:
    """Assets that the request has erased or found erased, and its subject if that is."""
    items = ErasureItem.objects.filter(request=request, state__in=[_ITEMS.ERASED, _ITEMS.GONE])
    assets = list(items.values_list("asset", flat=True))
    if request.subject is None:
        return assets, []
    gone = DataSubject.objects.filter(id=request.subject, state=DataSubject.State.ERASED)
    return assets, [request.subject] if gone.exists() else []
