"""Reads of accounts. Who may call them is the views' business: governors and operators."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.errors import NotVisible
from accounts.models import Membership, Team, User


def user_list() -> QuerySet[User]:
    """All users by name."""
    return User.objects.order_by("username", "id")


def user_get(*, user_id: UUID) -> User:
    """One user.

    Raises:
        NotVisible: there is none with this id.
    """
    try:
        return User.objects.get(pk=user_id)
    except User.DoesNotExist:
        raise NotVisible("There is no such user.") from None


def user_find(*, username: str) -> User | None:
    """The active user with this name, if there is one."""
    return User.objects.filter(username=username, is_active=True).first()


def team_find(*, slug: str) -> Team | None:
    """The team with this slug, if there is one."""
    return Team.objects.filter(slug=slug).first()


def team_list() -> QuerySet[Team]:
    """All teams by slug."""
    return Team.objects.order_by("slug")


def team_get(*, team_id: UUID) -> Team:
    """One team.

    Raises:
        NotVisible: there is none with this id.
    """
    try:
        return Team.objects.get(pk=team_id)
    except Team.DoesNotExist:
        raise NotVisible("There is no such team.") from None


def member_list(*, team: Team) -> QuerySet[Membership]:
    """Who is in ``team``, by name, with the users."""
    return team.memberships.select_related("user").order_by("user__username", "id")


def member_get(*, team: Team, user_id: UUID) -> Membership:
    """One user's membership in ``team``.

    Raises:
        NotVisible: the user is not in it.
    """
    try:
        return team.memberships.select_related("user").get(user_id=user_id)
    except Membership.DoesNotExist:
        raise NotVisible("There is no such member.") from None
