"""Whether people's searching is looked at, under which agreement, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from audit.actors import actors_of
from audit.monitoring_models import AnomalyFlag, MonitoringAgreement
from retrieval import scope
from retrieval.errors import NotAllowed
from retrieval.services.monitoring import agreement_now


@dataclass(frozen=True)
class MonitoringState:
    """``agreement`` is None where nothing is monitored; then there are no flags."""

    agreement: MonitoringAgreement | None
    flags: int


def monitoring_state(*, user: User) -> MonitoringState:
    """The agreement in force. Two queries.

    Raises:
        NotAllowed: ``user`` is no governor.
    """
    _governor(user)
    with scope.system():
        return MonitoringState(agreement_now(), AnomalyFlag.objects.count())


def flag_rows(*, user: User) -> QuerySet[AnomalyFlag]:
    """All flags, newest first, for governors. Evaluate it inside ``retrieval.scope.system``.

    Raises:
        NotAllowed: ``user`` is no governor.
    """
    _governor(user)
    return AnomalyFlag.objects.order_by("-since", "id")


def flags_about(*, user: User) -> QuerySet[AnomalyFlag]:
    """Flags on ``user``'s own doing, for ``user``. Inside ``retrieval.scope.system``."""
    return AnomalyFlag.objects.filter(actor__in=actors_of(user.pk)).order_by("-since", "id")


def _governor(user: User) -> None:
    if not (user.is_active and user.is_governor):
        raise NotAllowed("This is for governors.")
