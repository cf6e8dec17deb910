"""Who may pause retention, change a policy, and say that the clock is right."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.trail import actor_id
from audit import clock, pauses
from audit.hold_models import RetentionPause
from audit.models import RetentionPolicy
from audit.pauses import PauseMissing
from audit.retention import policy_update
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import NotAllowed, NotVisible
from retrieval.models import Collection


def pause_place(
    *, user: User, reason: str, until: datetime, collection_id: UUID | None = None
) -> RetentionPause:
    """A pause of one collection, by its stewards and governors; of everything, by governors.

    Raises:
        NotVisible, NotAllowed: the user does not govern it. PauseInvalid, HoldInvalid
    """
    if collection_id is None:
        _governor(user)
    elif not _governs_all(user):
        access.require(user=user, collection_id=collection_id, permission=Permission.GOVERN)
    else:
        _there(collection_id)
    with scope.system():
        return pauses.pause_place(
            actor=actor_id(user), reason=reason, until=until, collection=collection_id
        )


def pause_end(*, user: User, pause_id: UUID) -> RetentionPause:
    """The pause, ended by whoever could have placed it.

    Raises:
        PauseMissing: none in force, or none the user may know of.
        NotAllowed: a pause of everything, which governors end.
    """
    with scope.system():
        pause = pauses_visible(user=user).filter(id=pause_id, ended_at=None).first()
        if pause is None:
            raise PauseMissing("There is no such pause in force.")
        if pause.collection is None:
            _governor(user)
        return pauses.pause_end(actor=actor_id(user), pause_id=pause_id)


def pauses_visible(*, user: User) -> QuerySet[RetentionPause]:
    """Pauses of everything, and of the collections that ``user`` governs. In ``scope.system``.

    Raises:
        NotAllowed: the user governs nothing.
    """
    governed = governed_collections(user=user)
    if governed is None:
        return RetentionPause.objects.all()
    return RetentionPause.objects.filter(collection=None) | RetentionPause.objects.filter(
        collection__in=governed
    )


def governed_collections(*, user: User) -> list[UUID] | None:
    """Ids of the collections whose retention ``user`` may look into; None: of all.

    Raises:
        NotAllowed: the user governs nothing.
    """
    if _governs_all(user):
        return None
    governed = access.collections_with(user=user, permission=Permission.GOVERN)
    if not governed:
        raise NotAllowed("Retention is for stewards and governors.")
    return governed


def policy_change(
    *, user: User, policy_id: UUID, name: str | None = None, rules: object = None
) -> RetentionPolicy:
    """The policy, changed; it touches every collection under it, so by governors.

    Raises:
        NotAllowed: the user is no governor.
        PolicyMissing, RetentionRuleError, PolicyNameTaken
    """
    _governor(user)
    with scope.system():
        return policy_update(actor=actor_id(user), policy_id=policy_id, name=name, rules=rules)


def clock_confirm(*, user: User) -> str:
    """The alarm that stood: the clock is right as it is, says a governor or an operator.

    Raises:
        NotAllowed: the user is neither.
    """
    if not (user.is_active and (user.is_governor or user.is_operator)):
        raise NotAllowed("The clock is confirmed by a governor or an operator.")
    with scope.system():
        return clock.clock_confirm(actor=actor_id(user))


def _governs_all(user: User) -> bool:
    return user.is_active and user.is_governor


def _governor(user: User) -> None:
    if not _governs_all(user):
        raise NotAllowed("This touches every collection, so it is for governors.")


def _there(collection_id: UUID) -> None:
    with scope.system():
        if not Collection.objects.filter(id=collection_id).exists():
            raise NotVisible("There is no such collection.")
