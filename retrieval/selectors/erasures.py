"""What an erasure takes with it, and how far it has come; shown by ids alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785
from django.db.models import Count, QuerySet

from accounts.models import User
from audit import second_person
from audit.erasure_models import ErasureCandidate, ErasureItem, ErasureReceipt, ErasureRequest
from audit.holds import holds_on
from retrieval import scope
from retrieval.access import Permission, access_to, collections_with
from retrieval.errors import NotAllowed, NotVisible
from retrieval.models import Asset
from retrieval.selectors.holds import held
from retrieval.states import State
from retrieval.subject_models import AssetSubject

LIVING = (
    ErasureRequest.State.QUEUED,
    ErasureRequest.State.AWAITING_APPROVAL,
    ErasureRequest.State.RUNNING,
    ErasureRequest.State.HELD,
)


_COMMON = (
    *("id", "subject", "asset", "collection", "state", "reason", "requested_by", "requested_at"),
    *("decided_by", "decided_at", "done_at"),
)


@dataclass(frozen=True, kw_only=True)
class PlannedAsset:
    """One asset that goes. ``others``: how many other people's data it is, and goes as such."""

    asset: UUID
    collection: UUID
    modality: str
    state: str
    via: str
    others: int
    holds: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that goes now; ``digest`` (hex) names exactly this list."""

    subject: UUID | None
    assets: tuple[PlannedAsset, ...]
    digest: str

    @property
    def held(self) -> int:
        """How many of the assets a hold keeps."""
        return sum(bool(one.holds) for one in self.assets)

    @property
    def shared(self) -> int:
        """How many of the assets are other people's data as well."""
        return sum(bool(one.others) for one in self.assets)


@dataclass(frozen=True, kw_only=True)
class CandidateRow:
    """An asset that once held the identifier, and what was decided about it."""

    id: UUID
    asset: UUID
    collection: UUID
    decision: str
    reason: str
    by: UUID | None
    at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ErasureRow:
    """One request in a list."""

    id: UUID
    subject: UUID | None
    asset: UUID | None
    collection: UUID | None
    state: str
    reason: str
    requested_by: UUID | None
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    done_at: datetime | None
    progress: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ErasureDetail(ErasureRow):
    """One request with all that is known of it. ``receipts``: documents as they are handed over."""

    plan: Plan
    candidates: tuple[CandidateRow, ...]
    receipts: tuple[dict[str, Any], ...]

    @property
    def receipt(self) -> dict[str, Any] | None:
        """The latest of the receipts."""
        return self.receipts[-1] if self.receipts else None


def plan_of(*, subject_id: UUID | None, asset_ids: Iterable[tuple[UUID, str]]) -> Plan:
    """What goes, of pairs of asset and how it came to be named. Inside ``scope.system``."""
    via = dict(asset_ids)
    assets = Asset.objects.filter(id__in=via).exclude(state=State.ERASED).order_by("id")
    links = AssetSubject.objects.filter(asset_id__in=via).order_by()
    if subject_id is not None:
        links = links.exclude(subject=subject_id)
    others = Counter(links.values_list("asset_id", flat=True))
    holds = held(via)
    planned = tuple(
        PlannedAsset(
            asset=asset.id,
            collection=asset.collection_id,
            modality=asset.modality,
            state=asset.state,
            via=via[asset.id],
            others=others[asset.id],
            holds=holds.get(asset.id, ()),
        )
        for asset in assets
    )
    named = {"subject": str(subject_id), "assets": [str(one.asset) for one in planned]}
    return Plan(
        subject=subject_id, assets=planned, digest=hashlib.sha256(rfc8785.dumps(named)).hexdigest()
    )


def plan_now(request: ErasureRequest) -> Plan:
    """What the request would take with it at this moment. Inside ``scope.system``."""
    return plan_of(subject_id=request.subject, asset_ids=assets_named(request).items())


def assets_named(request: ErasureRequest) -> dict[UUID, str]:
    """Each asset the request names, with how; those erased already too while links are left."""
    if request.asset is not None:
        return {request.asset: "named"}
    if request.subject is None:
        return {}
    included = ErasureCandidate.objects.filter(
        request=request.id, decision=ErasureCandidate.Decision.INCLUDE
    )
    named = dict.fromkeys(included.values_list("asset", flat=True), "reviewed")
    linked = AssetSubject.objects.filter(subject=request.subject)
    return named | dict.fromkeys(linked.values_list("asset_id", flat=True), "linked")


def still_held(request: ErasureRequest) -> bool:
    """Whether everything that a hold kept from it is still kept. Inside ``scope.system``."""
    kept = set(
        ErasureItem.objects.filter(request=request, state=ErasureItem.State.HELD).values_list(
            "asset", flat=True
        )
    )
    if kept:
        return kept <= set(held(kept))
    return request.subject is not None and bool(holds_on(subject=request.subject))


def may_see(user: User, request: ErasureRequest) -> bool:
    """Whether the user may know of it: governors of all, stewards of their collections' assets."""
    if not user.is_active:
        return False
    if user.is_governor:
        return True
    if request.asset is None or request.collection is None:
        return False
    return access_to(user=user, collection_id=request.collection).allows(Permission.GOVERN)


def erasures_visible(*, user: User) -> QuerySet[ErasureRequest]:
    """Requests the user may know of, newest first. Inside ``scope.system``.

    Raises:
        NotAllowed: the user governs nothing.
    """
    rows = ErasureRequest.objects.order_by("-requested_at", "id")
    if user.is_active and user.is_governor:
        return rows
    governed = collections_with(user=user, permission=Permission.GOVERN)
    if not governed:
        raise NotAllowed("Erasures are for governors and stewards.")
    return rows.filter(asset__isnull=False, collection__in=governed)


def erasure_rows(requests: Sequence[ErasureRequest]) -> list[ErasureRow]:
    """Rows for a list; two queries. Inside ``scope.system``."""
    counted = _progress([one.id for one in requests])
    return [ErasureRow(**_common(one, counted.get(one.id, {}))) for one in requests]


def erasure_get(*, user: User, request_id: UUID) -> ErasureDetail:
    """All that is known of a request.

    Raises:
        NotVisible: there is none, or none the user may know of.
    """
    with scope.system():
        request = ErasureRequest.objects.filter(id=request_id).first()
        if request is None or not may_see(user, request):
            raise NotVisible("There is no such erasure.")
        return erasure_detail(request)


def erasure_detail(request: ErasureRequest) -> ErasureDetail:
    """As ``erasure_get``, of a row that was read. Inside ``scope.system``."""
    living = request.state in LIVING
    plan = plan_now(request) if living else plan_of(subject_id=request.subject, asset_ids=())
    rows = ErasureCandidate.objects.filter(request=request).order_by("asset")
    receipts = ErasureReceipt.objects.filter(request=request).exclude(signature={})
    return ErasureDetail(
        **_common(request, _progress([request.id]).get(request.id, {})),
        plan=plan,
        candidates=tuple(
            CandidateRow(
                id=row.id,
                asset=row.asset,
                collection=row.collection,
                decision=row.decision,
                reason=row.reason,
                by=row.by,
                at=row.at,
            )
            for row in rows
        ),
        receipts=tuple(receipt_document(one) for one in receipts.order_by("seq")),
    )


def receipt_document(receipt: ErasureReceipt) -> dict[str, Any]:
    """What is handed over: the body with the ledger's proof of it, and the signature over both."""
    return {**receipt.body, "signature": receipt.signature}


def needs_other_person() -> bool:
    """Whether whoever asks for an erasure cannot approve it."""
    return second_person.needed("erasure")


def _common(request: ErasureRequest, progress: dict[str, int]) -> dict[str, Any]:
    return {name: getattr(request, name) for name in _COMMON} | {"progress": progress}


def _progress(ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many assets of each request are in each state."""
    rows = ErasureItem.objects.filter(request__in=ids).order_by()
    found: dict[UUID, dict[str, int]] = {}
    for request_id, state, count in rows.values_list("request", "state").annotate(Count("id")):
        found.setdefault(request_id, {})[state] = count
    return found
