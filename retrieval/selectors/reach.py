"""Which collections a visitor of the console answers for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from audit.scope import AuditScope
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.models import Collection


@dataclass(frozen=True)
class Reach:
    """Every collection (governors), or those governed; ``operates``: also the machine's health."""

    everything: bool
    governed: frozenset[UUID]
    operates: bool

    def covers(self, collection_id: UUID | None) -> bool:
        """Whether what belongs to this collection may be told of."""
        return self.everything or collection_id in self.governed

    def narrow(self, rows: QuerySet[Any], column: str = "collection") -> QuerySet[Any]:
        """``rows`` of the collections in reach; ``column`` holds the collection's id."""
        if self.everything:
            return rows
        narrowed: QuerySet[Any] = rows.filter(Q(**{f"{column}__in": sorted(self.governed)}))
        return narrowed

    @property
    def key(self) -> object:
        """By which what was counted for this reach may be remembered."""
        return "everything" if self.everything else self.governed

    @property
    def of_audit(self) -> AuditScope:
        """The same, as the audit room says it."""
        return AuditScope(everything=self.everything, collections=self.governed)


def reach_of(user: User) -> Reach:
    """What ``user`` answers for. One query."""
    governs = user.is_active and user.is_governor
    mine = [] if governs else access.collections_with(user=user, permission=Permission.GOVERN)
    return Reach(governs, frozenset(mine), user.is_active and (user.is_operator or governs))


def names_of(reach: Reach) -> dict[UUID, str]:
    """Names of the collections in reach, by id. One query."""
    with scope.system():
        rows = reach.narrow(Collection.objects.order_by("name"), "pk")
        return dict(rows.values_list("pk", "name"))
