"""The console's search: an id of anything, or the beginning of a collection's or user's name.

Of what the visitor may not know there is no trace: each list is asked for the rows that it shows
this visitor. No content is searched here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Model

from retrieval.admin.console.layout import Card, Cell, Table
from retrieval.admin.console.links import page_of
from retrieval.admin.console.pages import ConsolePage, console_page

_LONGEST: Final = 100
_MOST: Final = 20
# Names of these are no content: a steward sees them in lists.
_NAMED: Final = {
    "retrieval.collection": "name",
    "audit.retentionpolicy": "name",
    "accounts.user": "username",
    "accounts.team": "slug",
}


@console_page("find/", "console_find")
class Find(ConsolePage):
    """Looks in every list that the visitor may open."""

    title = "Find"
    lead = "By the id of anything, or the beginning of a collection's, policy's or user's name."
    template = "admin/console/find.html"

    def context(self) -> dict[str, Any]:
        """What was asked for."""
        return {"asked": self.asked}

    @property
    def asked(self) -> str:
        """The words, shortened."""
        return self.request.GET.get("q", "").strip()[:_LONGEST]

    def cards(self) -> Sequence[Card]:
        """What was found, if anything was asked for."""
        if not self.asked:
            return ()
        rows = [
            [Cell(str(row), _page(row)), str(row._meta.verbose_name)]  # noqa: SLF001 - Django's own way to name a model
            for row in self._found()
        ]
        table = Table(["What", "In"], rows, "Found", "Nothing that you may know of is called so.")
        return [Card("Found", table=table)]

    def _found(self) -> Iterator[Any]:
        wanted = _as_id(self.asked)
        for model, one in admin.site._registry.items():  # noqa: SLF001 - Django has no other list of them
            if not one.has_view_permission(self.request):
                continue
            if wanted is not None and _has_id(model):
                yield from one.get_queryset(self.request).filter(pk=wanted)[:1]
            elif wanted is None and model._meta.label_lower in _NAMED:  # noqa: SLF001 - as above
                field = _NAMED[model._meta.label_lower]  # noqa: SLF001 - as above
                rows = one.get_queryset(self.request)
                yield from rows.filter(**{f"{field}__istartswith": self.asked})[:_MOST]


def _has_id(model: type[Model]) -> bool:
    return model._meta.pk.get_internal_type() == "UUIDField"  # noqa: SLF001 - as above


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _page(row: Model) -> str:
    meta = row._meta  # noqa: SLF001 - as above
    return page_of(f"{meta.app_label}_{meta.model_name}_change", row.pk)
