"""Ledger entries about people: who did what to whose account, by ids only."""

from __future__ import annotations

from uuid import UUID

from accounts.models import User
from audit import ledger
from audit.actors import actor_for

Refs = dict[str, str | list[str]]


def actor_id(user: User) -> UUID:
    """The random id under which the ledger knows ``user``; made on first use. One query."""
    return actor_for(user.pk, user.get_username())


def note(*, event: str, by: User | None, refs: Refs | None = None) -> None:
    """Append ``event`` to the ledger within the caller's transaction. ``by`` is whoever did it."""
    ledger.record(event=event, actor=actor_id(by) if by is not None else None, refs=refs or {})
