"""Deleting an asset: everything of it goes but a row that says that something was here."""

from __future__ import annotations

from uuid import UUID

import structlog

from accounts.models import User
from accounts.trail import actor_id
from audit.holds import holds_still
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import Conflict, NotVisible
from retrieval.selectors.assets import asset_rows
from retrieval.selectors.holds import held
from retrieval.services.erasing import DELETED, assets_erase, assets_lock

logger = structlog.get_logger("vitrine.ingest")


def asset_delete(*, user: User, asset_id: UUID) -> None:
    """Destroys the asset: out of the very next search, blobs and keys gone when this returns.

    Raises:
        NotVisible: no such asset, or none the user may know of.
        NotAllowed: the user may not curate its collection.
        Conflict: a legal hold keeps it.
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
        holds_still()
        assets = assets_lock([asset_id])
        if not assets:
            raise NotVisible("There is no such asset.")
        if held([asset_id]):
            raise Conflict("A legal hold keeps this asset; it cannot be deleted.")
        assets_erase(assets, why=DELETED, event="ingest:asset:delete", actor=actor_id(user))
    logger.info("asset_deleted", asset_id=str(asset_id), collection_id=str(collection_id))
