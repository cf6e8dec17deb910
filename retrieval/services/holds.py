"""Who may place and release legal holds, and what a hold would keep.

Governors may on anything. Stewards may on their collections and the assets in them; subjects and
queries are the governors'. What one may not know of answers as if it were not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.trail import actor_id
from audit import holds
from audit.hold_models import LegalHold
from audit.holds import Held, HoldMissing
from audit.models import SearchRecord
from audit.subject_models import DataSubject
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import NotAllowed, NotVisible
from retrieval.models import Asset, Collection
from retrieval.selectors.assets import asset_rows
from retrieval.selectors.holds import assets_of
from retrieval.services.erasures import holds_released
from retrieval.states import State


@dataclass(frozen=True)
class Reach:
    """What a hold keeps, or would: so many assets; of a query whether it is still kept itself."""

    on: Held
    home: UUID | None
    assets: int
    query_kept: bool | None = None


def holds_visible(*, user: User) -> QuerySet[LegalHold]:
    """The holds that ``user`` may know of, newest first. Evaluate inside ``scope.system``.

    Raises:
        NotAllowed: the user governs nothing.
    """
    if user.is_active and user.is_governor:
        return LegalHold.objects.all()
    governed = access.collections_with(user=user, permission=Permission.GOVERN)
    if not governed:
        raise NotAllowed("Holds are for stewards and governors.")
    return LegalHold.objects.filter(home__in=governed)


def hold_get(*, user: User, hold_id: UUID) -> LegalHold:
    """One hold.

    Raises:
        NotAllowed: the user governs nothing. HoldMissing: none, or none the user may know of.
    """
    with scope.system():
        hold = holds_visible(user=user).filter(id=hold_id).first()
    if hold is None:
        raise HoldMissing("There is no such hold.")
    return hold


def hold_reach(*, user: User, on: Held) -> Reach:
    """What a hold placed by ``user`` would keep. Changes nothing.

    Raises:
        NotVisible: there is no such thing, or none the user may know of.
        NotAllowed: the user may know of it, but does not govern it.
    """
    home = _home(user, on)
    kept = None
    with scope.system():
        if on.query is not None:
            record = SearchRecord.objects.get(id=on.query)
            kept = record.held_query is not None or record.kept_query is not None
        assets = assets_of(on).exclude(state=State.ERASED).count()
    return Reach(on=on, home=home, assets=assets, query_kept=kept)


def reach_of(hold: LegalHold) -> QuerySet[Asset]:
    """The assets that a hold keeps. Inside ``scope.system``, once the reader may see the hold."""
    on = Held(subject=hold.subject, asset=hold.asset, collection=hold.collection, query=hold.query)
    return assets_of(on).exclude(state=State.ERASED)


def hold_place(*, user: User, on: Held, reason: str) -> LegalHold:
    """A hold in force when this returns: no purge, erasure or deletion touches what it reaches.

    Raises:
        NotVisible, NotAllowed: as ``hold_reach``. HoldInvalid: no usable reason.
    """
    home = _home(user, on)
    with scope.system():
        return holds.hold_place(actor=actor_id(user), on=on, reason=reason, home=home)


def hold_release(*, user: User, hold_id: UUID, reason: str) -> LegalHold:
    """The hold, released by somebody else than who placed it; erasures that it stopped go on.

    Raises:
        HoldMissing, HoldReleased, HoldInvalid, SecondPersonNeeded
        NotAllowed: the user governs nothing.
    """
    hold_get(user=user, hold_id=hold_id)
    with scope.system():
        hold = holds.hold_release(actor=actor_id(user), hold_id=hold_id, reason=reason)
        holds_released(
            asset_ids=[hold.asset] if hold.asset else [],
            subject_id=hold.subject,
            collection_id=hold.collection,
        )
    return hold


def _home(user: User, on: Held) -> UUID | None:
    """The collection whose stewards may know of a hold on this, once ``user`` may place it."""
    governor = user.is_active and user.is_governor
    if on.subject is not None or on.query is not None:
        if not (governor and _there(on)):
            raise NotVisible("There is no such subject or search.")
        return None
    if governor:
        with scope.system():
            home = _collection_of(on)
        if home is None:
            raise NotVisible("There is no such asset or collection.")
        return home
    if on.collection is not None:
        home = on.collection
    else:
        with scope.user(user.pk):
            known = asset_rows(user=user).filter(pk=on.asset or UUID(int=0))
            found = known.values_list("collection_id", flat=True).first()
        if found is None:
            raise NotVisible("There is no such asset.")
        home = found
    access.require(user=user, collection_id=home, permission=Permission.GOVERN)
    return home


def _there(on: Held) -> bool:
    """Whether there is such a subject, or such a search."""
    with scope.system():
        if on.subject is not None:
            known = DataSubject.objects.filter(id=on.subject)
            return known.exclude(state=DataSubject.State.ERASED).exists()
        return on.query is not None and SearchRecord.objects.filter(id=on.query).exists()


def _collection_of(on: Held) -> UUID | None:
    if on.collection is not None:
        return Collection.objects.filter(id=on.collection).values_list("id", flat=True).first()
    if on.asset is None:
        return None
    living = Asset.objects.filter(id=on.asset).exclude(state=State.ERASED)
    return living.values_list("collection_id", flat=True).first()
