"""Erasing assets and subjects: every registered store is emptied of them, in one place for all.

A curator's deletion, a request for erasure and a restored backup all come through here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.erasure_models import Tombstone
from audit.tombstones import tombstones_add, tombstones_file_all
from retrieval import scope
from retrieval.erasure_stores import stores
from retrieval.models import Asset
from retrieval.states import RawState, State

logger = structlog.get_logger("vitrine.erasure")

DELETED = ("deleted", "Deleted by a curator.")
ERASED = ("erased", "Erased on request.")


def assets_lock(asset_ids: Sequence[UUID]) -> list[Asset]:
    """Those that are not erased yet, locked to the end of the transaction, by id.

    Always in the same order, so that two that erase overlapping assets wait for each other once.
    """
    rows = Asset.objects.select_for_update().filter(id__in=list(asset_ids)).order_by("id")
    return [asset for asset in rows if asset.state != State.ERASED]


def assets_erase(
    assets: Sequence[Asset],
    *,
    why: tuple[str, str] = ERASED,
    event: str = "erasure:asset:erase",
    actor: UUID | None = None,
    request: UUID | None = None,
) -> None:
    """Erases locked assets: rows in the caller's transaction, files and keys after its commit.

    What a dying process leaves of the latter is destroyed by the hourly purge. Of a ``request``,
    the run that erases takes care of them (``outside_erase``). Inside ``scope.system``.
    """
    ids = [asset.id for asset in assets]
    if not ids:
        return
    for store in stores():
        if store.phase == "database":
            store.erase(asset_ids=ids, subject_ids=[])
    for asset in assets:
        _blank(asset, why)
        ledger.record(
            event=event,
            actor=actor,
            refs={
                "asset": asset.id,
                "collection": asset.collection_id,
                **({"erasure": request} if request else {}),
            },
        )
    tombstones_add(kind=Tombstone.Kind.ASSET, ids=ids, request=request)
    if request is not None:
        return
    # robust: the erasure is committed; what fails here is tried again by the sweep and the purge.
    transaction.on_commit(tombstones_file_all, robust=True)
    transaction.on_commit(partial(outside_erase, asset_ids=ids), robust=True)


def subject_erase(subject_id: UUID, *, request: UUID | None = None) -> None:
    """Erases what is kept of a person besides assets; as ``assets_erase``."""
    for store in stores():
        if store.phase == "database":
            store.erase(asset_ids=[], subject_ids=[subject_id])
    tombstones_add(kind=Tombstone.Kind.SUBJECT, ids=[subject_id], request=request)
    if request is None:
        transaction.on_commit(tombstones_file_all, robust=True)
        transaction.on_commit(partial(outside_erase, subject_ids=[subject_id]), robust=True)


def outside_erase(*, asset_ids: Sequence[UUID] = (), subject_ids: Sequence[UUID] = ()) -> None:
    """Files, keys and caches of what is erased in the database. Idempotent.

    Every store is gone through, whatever fails in another; the first failure is raised afterwards.
    """
    if not (asset_ids or subject_ids):
        return
    failed: Exception | None = None
    with scope.system():
        for store in stores():
            if store.phase != "outside":
                continue
            try:
                store.erase(asset_ids=list(asset_ids), subject_ids=list(subject_ids))
            except Exception as error:  # noqa: BLE001 - raised below
                logger.warning("store_not_emptied", store=store.name, error=type(error).__name__)
                failed = failed or error
    if failed is not None:
        raise failed


def stores_count(*, asset_ids: Sequence[UUID], subject_ids: Sequence[UUID]) -> dict[str, int]:
    """How much each store holds of these, by its name. Inside ``scope.system``."""
    return {
        store.name: store.count(asset_ids=asset_ids, subject_ids=subject_ids) for store in stores()
    }


def _blank(asset: Asset, why: tuple[str, str]) -> None:
    """Leaves id, collection and dates. With a random digest the same content can come anew."""
    Asset.objects.filter(id=asset.id).update(
        state=State.ERASED,
        state_changed_at=timezone.now(),
        reason=why[0],
        reason_detail=why[1],
        raw_state=RawState.PURGED,
        raw_kept_until=None,
        modality="",
        source_type="",
        media_type="",
        title="",
        source="",
        captured_at=None,
        metadata={},
        digest=os.urandom(32),
        size_bytes=0,
        width=None,
        height=None,
        duration_ms=None,
        redactions=[],
        language="",
        profile_version="",
        uploaded_by=None,
        ground="",
        permitted_until=None,
        withheld_from="",
        claim=None,
        claimed_until=None,
        claimed_by="",
        attempts=0,
    )
