"""Whose audit a person may read: all of it, or that of certain collections.

Collections live in a room above this one, so who stewards which is asked of a provider that
registers here at start-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from audit.actors import actor_for

Visitor = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class AuditScope:
    """What of the audit is visible: ``everything``, or what names one of ``collections``."""

    everything: bool = False
    collections: frozenset[UUID] = field(default_factory=frozenset)

    @property
    def allowed(self) -> bool:
        """Whether there is anything to see at all."""
        return self.everything or bool(self.collections)

    def narrowed(self, ids: Sequence[str]) -> list[str]:
        """Of ``ids`` of collections, those that may be seen."""
        if self.everything:
            return list(ids)
        visible = {str(one) for one in self.collections}
        return [one for one in ids if one in visible]


NOTHING = AuditScope()


class ScopeProvider(Protocol):
    """Says what of the audit an authenticated user may read."""

    def __call__(self, *, user: Any) -> AuditScope:
        """The user's scope; ``NOTHING`` for who governs nothing."""


_providers: list[ScopeProvider] = []


def register_scope_provider(provider: ScopeProvider) -> None:
    """Makes ``provider`` the one that is asked. At start-up."""
    _providers[:] = [provider]


def scope_of(user: Visitor) -> AuditScope:
    """What ``user`` may read; nothing where nobody can say."""
    if not user.is_authenticated or not user.is_active or not _providers:
        return NOTHING
    return _providers[0](user=user)


def actor_of(user: Visitor) -> UUID:
    """The ledger's id of an authenticated user."""
    return actor_for(UUID(str(user.pk)), user.get_username())
