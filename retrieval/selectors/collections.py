"""Reads of collections and grants, only what the user's own grants show."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from retrieval import access
from retrieval.access import NO_ACCESS, Access, Permission
from retrieval.errors import NotVisible
from retrieval.models import Collection, Grant, Role

_STRONGEST_FIRST = (Role.CURATOR, Role.CONTRIBUTOR, Role.SEARCHER, Role.STEWARD)


@dataclass(frozen=True)
class HeldCollection:
    """A collection and what the user holds in it."""

    collection: Collection
    access: Access

    @property
    def role(self) -> str:
        """The strongest reading role held, or ``steward`` where that is the only one."""
        return next(role.value for role in _STRONGEST_FIRST if role.value in self.access.roles)

    @property
    def roles(self) -> list[str]:
        """All roles held, the reading ones first."""
        return [role.value for role in _STRONGEST_FIRST if role.value in self.access.roles]


def visible_collections(*, user: User) -> QuerySet[Collection]:
    """Collections in which ``user`` holds any role, by name."""
    held = access.valid_grants(user=user).order_by().values("collection_id")
    return Collection.objects.filter(pk__in=held).order_by("name", "id")


def held(*, user: User, collections: list[Collection]) -> list[HeldCollection]:
    """The given collections with the user's access; those without any are left out. One query."""
    by_id = access.access_by_collection(user=user, collections=[one.pk for one in collections])
    found = [HeldCollection(one, by_id.get(one.pk, NO_ACCESS)) for one in collections]
    return [one for one in found if one.access.visible]


def readable_collections(*, user: User) -> list[HeldCollection]:
    """Every collection whose content ``user`` may search, by name. Two queries."""
    found = held(user=user, collections=list(visible_collections(user=user)))
    return [one for one in found if one.access.allows(Permission.READ)]


def collection_get(*, user: User, collection_id: UUID) -> HeldCollection:
    """One collection that ``user`` holds a role in. Two queries.

    Raises:
        NotVisible: there is none, or none for this user.
    """
    found = visible_collections(user=user).filter(pk=collection_id).first()
    if found is None:
        raise NotVisible("There is no such collection.")
    return held(user=user, collections=[found])[0]


def grant_list(*, user: User, collection_id: UUID) -> QuerySet[Grant]:
    """All grants in a collection that ``user`` governs, with their holders.

    Raises:
        NotVisible, NotAllowed: ``user`` does not govern it.
    """
    access.require(user=user, collection_id=collection_id, permission=Permission.GOVERN)
    grants = Grant.objects.filter(collection_id=collection_id)
    return grants.select_related("user", "team").order_by("created_at", "id")
