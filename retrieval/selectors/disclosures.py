"""Requests to read kept queries, for who may decide on them and for those they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from audit.actors import actors_of
from audit.crypto import DecryptionError, decrypt_small
from audit.disclosure_models import Disclosure
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from audit.selectors import search_record_list
from retrieval import scope
from retrieval.audit_scope import audit_scope
from retrieval.errors import NotAllowed, NotVisible
from retrieval.services.disclosures import PURPOSE


@dataclass(frozen=True)
class DisclosureView:
    """A request as a reader may know it. ``reason`` is None once the searcher is forgotten.

    ``requested_by`` and ``decided_by`` are the ledger's random ids, and None for the searcher, who
    learns their roles.
    """

    id: UUID
    search: UUID
    state: str
    reason: str | None
    requested_at: datetime
    requester_role: str
    requested_by: UUID | None
    decided_at: datetime | None
    decider_role: str
    decided_by: UUID | None
    shown_until: datetime | None
    times_shown: int
    mine: bool

    @property
    def readable(self) -> bool:
        """Whether who requested it can read the query now."""
        return self.mine and self.shown_until is not None and self.shown_until > timezone.now()


def disclosure_rows(*, user: User) -> QuerySet[Disclosure]:
    """Requests ``user`` may know of, newest first.

    A steward's are of searches in governed collections. Evaluate it inside ``scope.system``.

    Raises:
        NotAllowed: ``user`` governs nothing.
    """
    held = audit_scope(user=user)
    if not held.allowed:
        raise NotAllowed("This is for stewards and governors.")
    rows = Disclosure.objects.order_by("-requested_at", "id")
    if held.everything:
        return rows
    return rows.filter(search__in=search_record_list(scope=held).order_by().values("id"))


def disclosure_get(*, user: User, disclosure_id: UUID) -> DisclosureView:
    """One request.

    Raises:
        NotVisible: none, or none of ``user``'s to know of. NotAllowed: ``user`` governs nothing.
    """
    with scope.system():
        found = disclosure_rows(user=user).filter(id=disclosure_id).first()
    if found is None:
        raise NotVisible("There is no such request.")
    return disclosure_views(user=user, rows=[found])[0]


def disclosures_about(*, user: User) -> QuerySet[Disclosure]:
    """Requests to read what ``user`` asked, newest first. Inside ``retrieval.scope.system``."""
    return Disclosure.objects.filter(searcher__in=actors_of(user.pk)).order_by(
        "-requested_at", "id"
    )


def disclosure_views(
    *, user: User, rows: Iterable[Disclosure], about_me: bool = False
) -> list[DisclosureView]:
    """``rows`` as ``user`` may know them; ``about_me``: as the searcher is told, without ids."""
    mine = set(actors_of(user.pk))
    return [
        DisclosureView(
            id=row.pk,
            search=row.search,
            state=_state(row),
            reason=reason_of(row),
            requested_at=row.requested_at,
            requester_role=row.requester_role,
            requested_by=None if about_me else row.requested_by,
            decided_at=row.decided_at,
            decider_role=row.decider_role,
            decided_by=None if about_me else row.decided_by,
            shown_until=row.shown_until,
            times_shown=row.times_shown,
            mine=row.requested_by in mine,
        )
        for row in rows
    ]


def reason_of(row: Disclosure) -> str | None:
    """Why it was asked for; None once the searcher's key is destroyed."""
    try:
        key = default_keystore().get("actor", str(row.searcher))
        plain = decrypt_small(key, row.reason, purpose=PURPOSE, object_id=str(row.pk))
    except (KeyDestroyed, KeyMissing, DecryptionError):
        return None
    return plain.decode()


def _state(row: Disclosure) -> str:
    """As stored; but a request that outlived the query has lapsed, whoever looked."""
    lapsed = row.state == Disclosure.State.REQUESTED and row.kept_until <= timezone.now()
    return Disclosure.State.LAPSED.value if lapsed else row.state
