"""Deleting an asset: everything of it goes but a row that says that something was here."""

from __future__ import annotations

import os
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from audit.blind import blind_forget
from retrieval import access, media, scope
from retrieval.access import Permission
from retrieval.errors import NotVisible
from retrieval.models import Asset, ProvenanceStep, Segment
from retrieval.selectors.assets import asset_rows
from retrieval.services.evaluation_cases import cases_forget
from retrieval.services.feedback_retention import feedback_forget
from retrieval.services.indexing import assets_unindex
from retrieval.services.review_queue import forget
from retrieval.states import RawState, State

logger = structlog.get_logger("vitrine.ingest")


def asset_delete(*, user: User, asset_id: UUID) -> None:
    """Destroys the asset: out of the very next search, blobs and keys gone when this returns.

    Raises:
        NotVisible: no such asset, or none the user may know of.
        NotAllowed: the user may not curate its collection.
    """
    with scope.user(user.pk):
        collection_id = (
            asset_rows(user=user)
            .filter(pk=asset_id)
            .values_list("collection_id", flat=True)
            .first()
        )
    if collection_id is None:
        raise NotVisible("There is no such asset.")
    access.require(user=user, collection_id=collection_id, permission=Permission.CURATE)
    with scope.system():
        asset = Asset.objects.select_for_update().filter(id=asset_id).first()
        if asset is None or asset.state == State.ERASED:
            raise NotVisible("There is no such asset.")
        _blank(asset)
        assets_unindex(asset_ids=[asset_id])
        Segment.objects.filter(asset_id=asset_id).delete()
        ProvenanceStep.objects.filter(asset_id=asset_id).delete()
        blind_forget(asset_ids=[asset_id])
        forget(asset_id=asset_id)
        feedback_forget(asset_id=asset_id)
        cases_forget(asset_id=asset_id)
        ledger.record(
            event="ingest:asset:delete",
            actor=actor_id(user),
            refs={"asset": asset_id, "collection": collection_id},
        )
        # If the process dies before this, the hourly purge finds blobs of an erased asset and
        # destroys them.
        transaction.on_commit(lambda: media.destroy_all(asset_id))
    logger.info("asset_deleted", asset_id=str(asset_id), collection_id=str(collection_id))


def _blank(asset: Asset) -> None:
    """Leaves id, collection and dates. With a random digest the same content can come anew."""
    now = timezone.now()
    Asset.objects.filter(id=asset.id).update(
        state=State.ERASED,
        state_changed_at=now,
        reason="deleted",
        reason_detail="Deleted by a curator.",
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
        claim=None,
        claimed_until=None,
        claimed_by="",
        attempts=0,
    )
