"""The console's pages on the ledger, searches and retention. The ledger is only ever looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from audit import selectors
from audit.actors import identity_of
from audit.chaining import chain_pending
from audit.ledger import is_confidential
from audit.models import Actor, LedgerEntry, LedgerPending
from audit.scope import AuditScope, scope_of


def _scope(request: HttpRequest) -> AuditScope:
    """The visitor's scope, asked for once a request."""
    found: AuditScope | None = getattr(request, "audit_scope", None)
    if found is None:
        found = scope_of(request.user)
        request.audit_scope = found  # type: ignore[attr-defined] # kept here for this request
    return found


def _who(request: HttpRequest) -> Callable[[Any], str]:
    """A column that tells governors who it was and everybody else the random id.

    Made for each request, since one admin object serves many at once.
    """
    shown = _scope(request).everything
    known: dict[UUID, str] = {}

    @display(description="who")
    def who(row: Any) -> str:
        actor: UUID | None = row.id if isinstance(row, Actor) else row.actor
        if actor is None:
            return "the appliance"
        if actor not in known:
            identity = identity_of(actor) if shown else None
            known[actor] = identity.label if identity else str(actor)
        return known[actor]

    return who  # type: ignore[no-any-return] # as above


def _refs(request: HttpRequest) -> Callable[[LedgerEntry], str]:
    scope = _scope(request)

    @display(description="about")
    def about(entry: LedgerEntry) -> str:
        parts = []
        for name, value in entry.refs.items():
            ids = [value] if isinstance(value, str) else value
            seen = scope.narrowed(ids) if name == "collection" else ids
            parts.append(f"{name}: {', '.join(seen)}")
        return "; ".join(parts)

    return about  # type: ignore[no-any-return] # as above


@display(description="payload")
def said(entry: LedgerEntry | LedgerPending) -> str:
    """The payload, unless it is about a person."""
    return "confidential" if is_confidential(entry.payload) else entry.payload


@display(description="previous hash")
def prev_hex(entry: LedgerEntry) -> str:
    """64 hexadecimal digits."""
    return bytes(entry.prev).hex()


@display(description="hash")
def hash_hex(entry: LedgerEntry) -> str:
    """64 hexadecimal digits."""
    return bytes(entry.hash).hex()


class LookedAt(ModelAdmin):  # type: ignore[misc] # unfold ships no types
    """Read-only pages that do not count millions of rows to draw a list of fifty."""

    show_full_result_count = False
    list_per_page = 50
    actions = None
    governors_only = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        scope = _scope(request)
        return scope.everything if self.governors_only else scope.allowed

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class EventFilter(admin.SimpleListFilter):
    """By the first part of an event's name."""

    title = "area"
    parameter_name = "area"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The areas this appliance writes about."""
        areas = [
            "access",
            "audit",
            "auth",
            "collection",
            "content",
            "ingest",
            "models",
            "retention",
            "search",
        ]
        return [(area, area) for area in areas]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Entries of the chosen area."""
        return queryset.filter(event__startswith=f"{self.value()}:") if self.value() else queryset


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LookedAt):
    """The chained ledger. Numbers, times and ids; confidential payloads stay closed."""

    list_filter = [EventFilter]
    search_fields = ["=actor", "event__startswith"]
    search_help_text = "The beginning of an event's name, or the id of an actor."
    ordering = ["-seq"]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The list, after whatever happened a moment ago has been chained too."""
        chain_pending()
        response: HttpResponse = super().changelist_view(request, *args, **kwargs)
        return response

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerEntry]:
        """What the visitor may see."""
        return selectors.entry_list(scope=_scope(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns."""
        return ["seq", "at", "event", _who(request), _refs(request)]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one entry shows."""
        return ["seq", "at", "event", _who(request), _refs(request), said, prev_hex, hash_hex]

    get_readonly_fields = get_fields


@admin.register(LedgerPending)
class LedgerPendingAdmin(LookedAt):
    """Events that wait for their place in the chain; empty but for about a second after each."""

    governors_only = True
    ordering = ["id"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns."""
        return ["id", "at", "event", _who(request)]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one event shows."""
        return ["id", "at", "event", _who(request), "refs", said]

    get_readonly_fields = get_fields


@admin.register(Actor)
class ActorAdmin(LookedAt):
    """Who stands behind the ledger's random ids; for governors."""

    governors_only = True
    ordering = ["-created_at"]
    search_fields = ["=id"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns."""
        return ["id", _who(request), "created_at"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one actor shows."""
        return ["id", _who(request), "created_at"]

    get_readonly_fields = get_fields
