"""Who may do what in which collection.

Every entry asks here: API, pages, console, tasks and search.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from psycopg import sql

from retrieval.errors import NotAllowed, NotVisible
from retrieval.models import Grant, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class Permission(StrEnum):
    """What can be done in a collection."""

    READ = "read"  # search it, view renditions
    CONTRIBUTE = "contribute"  # upload
    CURATE = "curate"  # describe and delete assets
    GOVERN = "govern"  # grants, policies, the collection's audit and states, without its content
    RAW = "raw"  # see unredacted originals


_GIVEN_BY: dict[Permission, frozenset[str]] = {
    Permission.READ: frozenset({Role.SEARCHER, Role.CONTRIBUTOR, Role.CURATOR}),
    Permission.CONTRIBUTE: frozenset({Role.CONTRIBUTOR, Role.CURATOR}),
    Permission.CURATE: frozenset({Role.CURATOR}),
    Permission.GOVERN: frozenset({Role.STEWARD}),
}


def roles_giving(permission: Permission) -> frozenset[str]:
    """The roles that give ``permission``, for a statement that decides on many rows itself.

    Raises:
        KeyError: for ``RAW``, which no role gives.
    """
    return _GIVEN_BY[permission]


@dataclass(frozen=True)
class Access:
    """What one user holds in one collection, from all valid grants together."""

    roles: frozenset[str] = frozenset()
    raw: bool = False

    def allows(self, permission: Permission) -> bool:
        """Whether any of the roles held gives ``permission``; ``raw`` also needs a reading role."""
        if permission is Permission.RAW:
            return self.raw and self.allows(Permission.READ)
        return bool(self.roles & _GIVEN_BY[permission])

    @property
    def visible(self) -> bool:
        """Whether the collection may be known of at all."""
        return bool(self.roles)


NO_ACCESS = Access()


def valid_grants(*, user: User) -> QuerySet[Grant]:
    """Grants in force for ``user`` now, their own and their teams'. Inactive users hold none."""
    if not user.is_active:
        return Grant.objects.none()
    now = timezone.now()
    return Grant.objects.filter(
        Q(user_id=user.pk) | Q(team__memberships__user_id=user.pk),
        Q(expires_at__isnull=True) | Q(expires_at__gt=now),
    ).distinct()


# The same decision as ``valid_grants`` and ``Access.allows``, for a statement that decides on rows.
_GRANTED = """EXISTS (
    SELECT FROM retrieval_grant granted JOIN accounts_user holder ON holder.id = %b
    WHERE holder.is_active AND granted.collection_id = {column} AND granted.role = ANY(%b::text[])
      AND (granted.expires_at IS NULL OR granted.expires_at > clock_timestamp())
      AND (granted.user_id = holder.id OR EXISTS (
          SELECT FROM accounts_membership member
          WHERE member.team_id = granted.team_id AND member.user_id = holder.id))
)"""


def granted_sql(column: str) -> sql.Composed:
    """A condition: the collection in ``table.column`` is one that somebody has a permission in.

    Its parameters are ``granted_values``.
    """
    return sql.SQL(_GRANTED).format(column=sql.Identifier(*column.split(".")))


def granted_values(*, user: User, permission: Permission) -> tuple[UUID, list[str]]:
    """Parameters of one ``granted_sql``: who asks, and the roles that give ``permission``."""
    return user.pk, sorted(roles_giving(permission))


def access_by_collection(
    *, user: User, collections: Iterable[UUID] | None = None
) -> dict[UUID, Access]:
    """What ``user`` holds, by collection id; collections without a valid grant are absent.

    One query.
    """
    grants = valid_grants(user=user)
    if collections is not None:
        grants = grants.filter(collection_id__in=list(collections))
    held: dict[UUID, Access] = {}
    for collection_id, role, raw in grants.values_list("collection_id", "role", "raw"):
        before = held.get(collection_id, NO_ACCESS)
        held[collection_id] = Access(before.roles | {role}, before.raw or raw)
    return held


def access_to(*, user: User, collection_id: UUID) -> Access:
    """What ``user`` holds in one collection. One query."""
    held = access_by_collection(user=user, collections=[collection_id])
    return held.get(collection_id, NO_ACCESS)


def collections_with(*, user: User, permission: Permission) -> list[UUID]:
    """Ids of the collections where ``user`` has ``permission``. One query."""
    held = access_by_collection(user=user)
    return [collection for collection, access in held.items() if access.allows(permission)]


def require(*, user: User, collection_id: UUID, permission: Permission) -> Access:
    """The user's access, if it allows ``permission``.

    Raises:
        NotVisible: the user holds nothing there, exactly as if there were no such collection.
        NotAllowed: the user holds something, but not this.
    """
    access = access_to(user=user, collection_id=collection_id)
    if not access.visible:
        raise NotVisible("There is no such collection.")
    if not access.allows(permission):
        raise NotAllowed(f"This needs the permission '{permission}' in the collection.")
    return access


def may_enter_console(*, user: User | AnonymousUser) -> bool:
    """Whether ``user`` governs or operates the organisation, or stewards any collection."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.is_governor or user.is_operator:
        return True
    return bool(collections_with(user=user, permission=Permission.GOVERN))


def require_governor(*, user: User) -> None:
    """Nothing, for who governs the organisation: people, their consents and their erasure.

    Raises:
        NotAllowed: the user enters the console, so may know that there is such a thing.
        NotVisible: anybody else.
    """
    if user.is_active and user.is_governor:
        return
    if may_enter_console(user=user):
        raise NotAllowed("This is for governors only.")
    raise NotVisible("There is no such thing.")
