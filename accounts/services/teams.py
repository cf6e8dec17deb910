"""Teams and who is in them. Grants may name a team, so each change goes into the ledger."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts import trail
from accounts.errors import Conflict, NotAllowed
from accounts.models import Membership, Team, User


@transaction.atomic
def team_create(*, by: User | None, slug: str, name: str) -> Team:
    """A new team without members. ``by`` is None for set-up.

    Raises:
        NotAllowed: ``by`` is neither governor nor operator.
        Conflict: the slug is taken.
    """
    _require_may_manage(by)
    team = Team(slug=slug, name=name)
    try:
        with transaction.atomic():
            team.save(force_insert=True)
    except IntegrityError:
        raise Conflict("This slug is taken.", fields={"slug": ["This slug is taken."]}) from None
    trail.note(event="access:team:create", by=by, refs={"team": str(team.pk)})
    return team


@transaction.atomic
def member_add(*, by: User | None, team: Team, user: User) -> tuple[Membership, bool]:
    """The membership, and whether it is new. Being in it already is no error.

    Raises:
        NotAllowed: ``by`` is neither governor nor operator, or an operator who names itself: that
        would open every collection granted to the team.
    """
    _require_may_manage(by)
    if by is not None and by.pk == user.pk and not by.is_governor:
        raise NotAllowed("Somebody else must add you to a team.")
    membership, made = Membership.objects.get_or_create(team=team, user=user)
    if made:
        _note("access:member:create", by=by, membership=membership)
    return membership, made


@transaction.atomic
def member_remove(*, by: User | None, membership: Membership) -> None:
    """Take one user out of one team.

    Raises:
        NotAllowed: ``by`` is neither governor nor operator.
    """
    _require_may_manage(by)
    _note("access:member:delete", by=by, membership=membership)
    membership.delete()


def _note(event: str, *, by: User | None, membership: Membership) -> None:
    member = str(trail.actor_id(membership.user))
    trail.note(event=event, by=by, refs={"team": str(membership.team_id), "user": member})


def _require_may_manage(by: User | None) -> None:
    if by is not None and not by.manages_people:
        raise NotAllowed("Only governors and operators manage teams.")
