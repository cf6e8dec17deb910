"""Reading the calibrations of one collection: what is proposed, what is in force, what was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.models import Calibration

_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class ProposalView:
    """A calibration of a collection as its steward sees it: figures, nobody's words or votes.

    ``before`` and ``after``: ``ece``, ``log_loss`` and ``bins`` (low, high, said, true, count) of
    the version's own curve and of this one, on votes that it was not fitted to.
    """

    id: int
    model: str
    query_modality: str
    target_modality: str
    status: str
    proposed_at: datetime
    votes: int
    voters: int
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str


def proposals_of(collection_id: UUID, *, user: User) -> list[ProposalView]:
    """What was proposed for a collection, the newest first, at most 50.

    Raises:
        NotVisible, NotAllowed: ``user`` is not its steward.
    """
    access.require(user=user, collection_id=collection_id, permission=Permission.GOVERN)
    with scope.system():
        rows = Calibration.objects.filter(collection_id=collection_id)
        newest = list(rows.select_related("model_version").order_by("-created_at")[:_SHOWN])
    return [
        ProposalView(
            id=row.pk,
            model=row.model_version.ref,
            query_modality=row.query_modality,
            target_modality=row.target_modality,
            status=row.status,
            proposed_at=row.created_at,
            votes=int(row.provenance.get("votes", 0)),
            voters=int(row.provenance.get("voters", 0)),
            before=dict(row.provenance.get("before", {})),
            after=dict(row.provenance.get("after", {})),
            reason=str(row.provenance.get("reason", "")),
        )
        for row in newest
    ]
