"""Rows that row-level security shows to the appliance alone, once access has decided on them."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from retrieval import scope

M = TypeVar("M", bound=Model)


class Decided(QuerySet[M]):
    """Rows that are read as the appliance: for lists of the console that page and filter further.

    Only to be made of rows that were limited to what the visitor may know (``decided``); further
    filters can but take away from them.
    """

    def _fetch_all(self) -> None:
        with scope.system():
            super()._fetch_all()

    def count(self) -> int:
        """How many."""
        with scope.system():
            return super().count()

    def exists(self) -> bool:
        """Whether there are any."""
        with scope.system():
            return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Over all of them."""
        with scope.system():
            return super().aggregate(*args, **kwargs)


def decided(rows: QuerySet[M]) -> Decided[M]:
    """``rows``, which have been limited to what the visitor may know, as they really are."""
    return Decided(model=rows.model, query=rows.query, using=rows.db)
