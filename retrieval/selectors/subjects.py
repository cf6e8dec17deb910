"""Reading people: by ids, never by who they are. For governors."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from accounts.models import User
from audit.consents import consents_in
from audit.subject_models import ConsentRecord, DataSubject
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import NotAllowed, NotVisible
from retrieval.models import Asset
from retrieval.selectors.assets import asset_get
from retrieval.subject_models import AssetSubject


@dataclass(frozen=True)
class SubjectRow:
    """A subject with how many assets and records of consent there are."""

    subject: DataSubject
    assets: int
    consents: int

    @property
    def has_identifier(self) -> bool:
        """Whether it can be found by an identifier."""
        return self.subject.identifier is not None


def subject_rows(*, user: User, state: str = "") -> QuerySet[DataSubject]:
    """Subjects, newest first. Evaluate inside ``scope.system``.

    Raises:
        NotAllowed, NotVisible: ``user`` is no governor.
    """
    access.require_governor(user=user)
    rows = DataSubject.objects.order_by("-created_at", "id").defer("identifier_blind")
    return rows.filter(state=state) if state else rows


def subject_views(rows: list[DataSubject]) -> list[SubjectRow]:
    """``rows`` with what belongs to them. Two queries. Inside ``scope.system``."""
    ids = [row.id for row in rows]
    linked = AssetSubject.objects.filter(subject__in=ids).order_by()
    assets = Counter(dict(linked.values_list("subject").annotate(n=Count("id"))))
    records = ConsentRecord.objects.filter(subject__in=ids).order_by()
    consents = Counter(dict(records.values_list("subject").annotate(n=Count("id"))))
    return [SubjectRow(row, assets[row.id], consents[row.id]) for row in rows]


def subject_get(*, user: User, subject_id: UUID) -> SubjectRow:
    """One subject. Inside ``scope.system``.

    Raises:
        NotAllowed, NotVisible: ``user`` is no governor, or there is no such subject.
    """
    found = list(subject_rows(user=user).filter(id=subject_id))
    if not found:
        raise NotVisible("There is no such subject.")
    return subject_views(found)[0]


def subject_assets(*, subject_id: UUID) -> QuerySet[Asset]:
    """Assets that the subject is in, newest first; ids and states are for governors' eyes.

    Inside ``scope.system``, after ``subject_get``.
    """
    ids = AssetSubject.objects.filter(subject=subject_id).values("asset_id")
    return Asset.objects.filter(id__in=ids).order_by("-created_at", "id")


def consent_rows(
    *, user: User, subject: UUID | None = None, state: str = "", purpose: str = ""
) -> QuerySet[ConsentRecord]:
    """Records of consent, newest first. Evaluate inside ``scope.system``.

    Raises:
        NotAllowed, NotVisible: ``user`` is no governor.
    """
    access.require_governor(user=user)
    rows = ConsentRecord.objects.order_by("-recorded_at", "id")
    if subject is not None:
        rows = rows.filter(subject=subject)
    if purpose:
        rows = rows.filter(purposes__contains=[purpose])
    return consents_in(state, rows) if state else rows


def asset_links(*, user: User, asset_id: UUID) -> list[AssetSubject]:
    """Whom an asset is linked to, for governors and who curates or governs its collection.

    Raises:
        NotVisible, NotAllowed: the asset is not theirs.
    """
    if not (user.is_active and user.is_governor):
        view = asset_get(user=user, asset_id=asset_id)
        held = access.access_to(user=user, collection_id=view.asset.collection_id)
        if not (held.allows(Permission.CURATE) or held.allows(Permission.GOVERN)):
            raise NotAllowed("Who is in it is for curators, stewards and governors.")
    with scope.system():
        if not Asset.objects.filter(id=asset_id).exists():
            raise NotVisible("There is no such asset.")
        return list(AssetSubject.objects.filter(asset_id=asset_id))
