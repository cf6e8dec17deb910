"""Retention: originals go when their period is over; the redacted rendition stays searchable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

import structlog
from django.db.models import Q
from django.utils import timezone

from audit import ledger
from audit.blind import blind_due, blind_purge
from retrieval import media, scope
from retrieval.models import Asset
from retrieval.services.evaluation_retention import evaluations_purge
from retrieval.services.feedback_retention import feedback_purge
from retrieval.states import IN_PROGRESS, RawState, State

logger = structlog.get_logger("vitrine.retention")

BATCH = 200
_IDS_A_QUERY = 1000
# An upload writes to its file at least this often, and commits this soon after its last byte.
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True)
class Purged:
    """How many originals were (in a dry run: would be) destroyed, and stray blobs removed.

    ``blind``: blind indexes whose period is over; ``feedback``: votes on hits, and
    ``evaluations``: runs, likewise.
    """

    raw: int = 0
    strays: int = 0
    blind: int = 0
    feedback: int = 0
    evaluations: int = 0


def purge(*, dry_run: bool = False, batch: int = BATCH) -> Purged:
    """Destroys originals whose period is over, batch by batch, and blobs that belong to nothing.

    Idempotent; two that run at once share the work. An original that a stage still needs waits
    until the asset rests.
    """
    if dry_run:
        with scope.system():
            raw = Asset.objects.filter(_due()).count()
            blind = blind_due()
        return Purged(
            raw=raw,
            strays=len(set(_strays())),
            blind=blind,
            feedback=feedback_purge(dry_run=True),
            evaluations=evaluations_purge(dry_run=True),
        )
    raw = 0
    while done := _purge_batch(batch):
        raw += done
    strays = strays_remove()
    with scope.system():
        blind = blind_purge()
    purged = Purged(
        raw=raw,
        strays=strays,
        blind=blind,
        feedback=feedback_purge(),
        evaluations=evaluations_purge(),
    )
    if any(vars(purged).values()):
        logger.info("purged", **vars(purged))
    return purged


def _due() -> Q:
    return Q(raw_state=RawState.KEPT, raw_kept_until__lte=timezone.now()) & ~Q(
        state__in=[*IN_PROGRESS, State.ERASED]
    )


def _purge_batch(batch: int) -> int:
    """Destroyed first, recorded second: an entry in the ledger never says more than has happened.

    A crash in between leaves rows that still say ``kept``; the next run destroys nothing more and
    records them.
    """
    with scope.system():
        due = list(
            Asset.objects.select_for_update(skip_locked=True)
            .filter(_due())
            .order_by("raw_kept_until")
            .values_list("id", "collection_id")[:batch]
        )
        for asset_id, collection_id in due:
            media.destroy_raw(asset_id)
            Asset.objects.filter(id=asset_id).update(raw_state=RawState.PURGED)
            ledger.record(
                event="retention:raw:purge",
                actor=None,
                refs={"asset": asset_id, "collection": collection_id},
            )
    return len(due)


def strays_remove() -> int:
    """Removes what a dead process left: unfinished uploads, blobs of no asset or an erased one.

    And what is redacted of assets that a steward rejected.
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
                elif states[asset_id][1] == State.REJECTED:
                    yield asset_id, media.destroy_redacted
