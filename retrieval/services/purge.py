"""Retention at work: what is due goes, part by part and batch by batch; holds and pauses win.

A run is one row that a dead process leaves behind and the next one goes on with. Each batch is a
transaction: nobody places a hold while it runs, what it destroys is looked at again once locked,
and what it did is tallied with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from uuid import UUID

import structlog
from django.db import connection
from django.utils import timezone

from audit.blind import blind_due, blind_purge
from audit.clock import ClockImplausible, clock_check
from audit.held_queries import held_keys_prune
from audit.hold_models import PurgeRun
from audit.holds import holds_still
from audit.pauses import everything_paused
from audit.purge_runs import run_begin, run_finish, run_refuse, run_step, tally
from retrieval import media, scope
from retrieval.errors import Conflict
from retrieval.models import Asset
from retrieval.selectors.due import Due, due_among, due_batch, due_counts
from retrieval.selectors.holds import held
from retrieval.services.evaluation_retention import evaluations_purge
from retrieval.services.feedback_retention import feedback_purge
from retrieval.services.purge_parts import PURGES
from retrieval.states import RawState, State

logger = structlog.get_logger("vitrine.retention")

BATCH = 50  # whoever places a hold waits for one batch at most
_IDS_A_QUERY = 1000
# An upload writes to its file at least this often, and commits this soon after its last byte.
_ABANDONED_SECONDS = 3600.0
_NOTHING_REDACTED = frozenset({State.REJECTED, State.PURGED})
_ALONE = 0x7075726765  # one number among our advisory locks


class PurgeRunning(Conflict):
    """Another process is at it; it does all that this one would have done."""


@dataclass(frozen=True)
class Purged:
    """How much was (in a dry run: would be) destroyed, by kind, and what had to be left.

    ``strays``: blobs of nothing. ``blind``: blind indexes; ``feedback``: votes on hits;
    ``evaluations``: runs. ``held``, ``paused``, ``failed``: parts of assets that stay.
    """

    raw: int = 0
    rendition: int = 0
    vectors: int = 0
    transcript: int = 0
    thumbnail: int = 0
    strays: int = 0
    blind: int = 0
    feedback: int = 0
    evaluations: int = 0
    held: int = 0
    paused: int = 0
    failed: int = 0


def purge(*, dry_run: bool = False, batch: int = BATCH, by: UUID | None = None) -> Purged:
    """Destroys what is due, batch by batch, and blobs that belong to nothing. Idempotent.

    ``by`` is the ledger's id of who asked for it; None: the schedule. What a stage still works on
    waits until it rests.

    Raises:
        ClockImplausible: the clock has jumped; nothing was destroyed, and an alarm stands.
        PurgeRunning: another process is at it.
    """
    if dry_run:
        return _foreseen()
    try:
        clock_check()
    except ClockImplausible as error:
        with scope.system():
            run_refuse(by=by, reason=error.code)
        raise
    with _only_one():
        with scope.system():
            run = run_begin(by=by, now=timezone.now())
        counts: Counter[str] = Counter()
        for what in PURGES:
            _purge_part(run, what, batch, counts)
        _purge_the_rest(run, counts)
        with scope.system():
            run_finish(run)
    purged = Purged(**counts)
    if any(asdict(purged).values()):
        logger.info("purged", **asdict(purged))
    return purged


def due_now(what: str) -> list[Due]:
    """What of a part is due at this moment, by collection, as a purge would find it.

    Inside ``scope.system``.
    """
    now = timezone.now()
    found = due_counts(what, until=now, now=now)
    return [_all_paused(one) for one in found] if everything_paused() else found


def _foreseen() -> Purged:
    counts: Counter[str] = Counter()
    with scope.system():
        for what in PURGES:
            for one in due_now(what):
                counts[what] += one.free
                counts["held"] += one.held
                counts["paused"] += one.paused
        counts["blind"] = blind_due()
    counts["strays"] = len(set(_strays()))
    counts["feedback"] = feedback_purge(dry_run=True)
    counts["evaluations"] = evaluations_purge(dry_run=True)
    return Purged(**counts)


def _purge_part(run: PurgeRun, what: str, batch: int, counts: Counter[str]) -> None:
    with scope.system():
        run_step(run, what)
    without: set[UUID] = set()  # held by another transaction, or not to be destroyed
    while _purge_batch(run, what, batch, without, counts):
        pass
    with scope.system():
        for one in due_now(what):
            if one.held or one.paused:
                tally(run, what=what, collection=one.collection, held=one.held, paused=one.paused)
                counts["held"] += one.held
                counts["paused"] += one.paused


def _purge_batch(
    run: PurgeRun, what: str, batch: int, without: set[UUID], counts: Counter[str]
) -> bool:
    """One transaction; False where nothing is left to do."""
    with scope.system():
        holds_still()
        if everything_paused():
            return False
        now = timezone.now()
        ids = due_batch(what, until=run.until, now=now, limit=batch, without=sorted(without))
        if not ids:
            return False
        locked = dict(
            Asset.objects.select_for_update(skip_locked=True)
            .filter(id__in=ids)
            .order_by("id")
            .values_list("id", "collection_id")
        )
        # Somebody may have moved one between the look and the lock.
        still = due_among(what, assets=locked, until=run.until, now=now)
        done = PURGES[what]({asset_id: locked[asset_id] for asset_id in sorted(still)})
        for collection_id, number in Counter(locked[one] for one in done.purged).items():
            tally(run, what=what, collection=collection_id, purged=number)
        for collection_id, number in Counter(locked[one] for one in done.failed).items():
            tally(run, what=what, collection=collection_id, failed=number)
        run_step(run, what)
    counts[what] += len(done.purged)
    counts["failed"] += len(done.failed)
    without.update(set(ids) - still, done.failed)
    return True


def _purge_the_rest(run: PurgeRun, counts: Counter[str]) -> None:
    """What is no part of an asset: votes, evaluations, blind indexes, blobs of nothing."""
    counts["strays"] = strays_remove()
    with scope.system():
        holds_still()
        held_keys_prune()
        counts["blind"] = blind_purge()
        tally(run, what="blind", collection=None, purged=counts["blind"])
        if everything_paused():
            return
        note = partial(tally, run)
        counts["feedback"] = feedback_purge(note=note)
        counts["evaluations"] = evaluations_purge(note=note)


def _all_paused(one: Due) -> Due:
    return Due(one.what, one.collection, 0, one.held, one.free + one.paused)


@contextmanager
def _only_one() -> Iterator[None]:
    """Postgres' session-level lock: a process that dies lets go of it.

    Raises:
        PurgeRunning: another one has it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ALONE])
        (mine,) = cursor.fetchone()
    if not mine:
        raise PurgeRunning("A purge is running already.")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_ALONE])


def strays_remove() -> int:
    """Removes what a dead process left: unfinished uploads, blobs of no asset or an erased one.

    And what is redacted of assets that a steward rejected, unless a hold keeps it.
    """
    for asset_id in media.remove_stale_incoming(older_than_seconds=_ABANDONED_SECONDS):
        with scope.system():
            known = Asset.objects.filter(id=asset_id).exists()
        if not known:
            media.destroy_raw(asset_id)
    removed = 0
    for asset_id, destroy in _strays():
        destroy(asset_id)
        removed += 1
    return removed


def _strays() -> Iterator[tuple[UUID, Callable[[UUID], None]]]:
    """Assets with blobs they should not have, and what rids them of those."""
    for kind in media.Blob:
        stored = media.stored_ids(kind, older_than_seconds=_ABANDONED_SECONDS)
        while some := list(islice(stored, _IDS_A_QUERY)):
            with scope.system():
                living = Asset.objects.filter(id__in=some).exclude(state=State.ERASED)
                kept = held(some)
                states = {
                    asset_id: (raw_state, state)
                    for asset_id, raw_state, state in living.values_list("id", "raw_state", "state")
                }
            for asset_id in some:
                if asset_id not in states:
                    yield asset_id, media.destroy_all
                elif kind in media.RAW_BLOBS:
                    if states[asset_id][0] != RawState.KEPT:
                        yield asset_id, media.destroy_raw
                elif states[asset_id][1] in _NOTHING_REDACTED and asset_id not in kept:
                    yield asset_id, media.destroy_redacted
