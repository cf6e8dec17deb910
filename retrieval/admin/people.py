"""How the console names people: governors read names, others the ledger's random ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from audit.actors import identity_of
from audit.scope import AuditScope, scope_of


def scope_for(request: HttpRequest) -> AuditScope:
    """The visitor's scope of the audit, asked for once a request and visitor."""
    kept: tuple[Any, AuditScope] | None = getattr(request, "audit_scope_kept", None)
    if kept is None or kept[0] != request.user:
        kept = (request.user, scope_of(request.user))
        request.audit_scope_kept = kept  # type: ignore[attr-defined] # kept for this request
    return kept[1]


def naming(request: HttpRequest) -> Callable[[UUID | None], str]:
    """Tells who an actor is: the name for governors while it is known, else the id."""
    shown = scope_for(request).everything
    known: dict[UUID, str] = {}

    def name(actor: UUID | None) -> str:
        if actor is None:
            return "the appliance"
        if actor not in known:
            identity = identity_of(actor) if shown else None
            known[actor] = identity.label if identity else str(actor)
        return known[actor]

    return name
