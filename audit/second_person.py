"""What one person alone may not do: the first asks, another one does it.

Which acts need that is the operator's policy (``VITRINE_SECOND_PERSON``), by default all of them.
"""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from django.conf import settings

from audit.actors import same_person
from audit.errors import AuditError

Act = Literal["erasure", "hold_release", "disclosure"]
ACTS: Final[tuple[Act, ...]] = ("erasure", "hold_release", "disclosure")


class SecondPersonNeeded(AuditError):
    """Whoever asked for it, or began it, may not also be the one who lets it happen."""

    status = 403


def needed(what: Act) -> bool:
    """Whether ``what`` takes two people on this appliance."""
    return what in settings.VITRINE_SECOND_PERSON


def require_other(*, first: UUID | None, second: UUID | None, what: Act) -> None:
    """Passes where ``first`` and ``second``, the ledger's ids of two people, are two people.

    Also passes where the policy needs only one. Somebody unknown (None) is nobody's second.

    Raises:
        SecondPersonNeeded: it takes two, and these are not.
    """
    if needed(what) and (first is None or second is None or same_person(first, second)):
        raise SecondPersonNeeded("This needs a second person; you cannot do it alone.")
