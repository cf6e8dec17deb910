"""Filters of the list of searches: they say what can be chosen.

The list itself does the choosing, so that a steward's choice counts hits of the governed
collections alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import User
from audit.actors import actors_of
from audit.search_audit.listing import SearchAuditFilters
from retrieval.admin.people import scope_for
from retrieval.models import ModelVersion
from retrieval.selectors.reach import names_of, reach_of

_PERIODS: Final = {"day": 1, "week": 7, "month": 30, "quarter": 92}
_HITS: Final[dict[str, tuple[int, int | None]]] = {
    "0": (0, 0),
    "1-3": (1, 3),
    "4-10": (4, 10),
    "11+": (11, None),
}
_BANDS: Final[dict[str, tuple[float, float]]] = {
    "low": (0.0, 0.5),
    "middle": (0.5, 0.9),
    "high": (0.9, 1.0),
}
_MODALITIES: Final = ("text", "image", "audio", "video", "depth", "thermal", "imu")


class Chosen(admin.SimpleListFilter):
    """A choice that ``filters_of`` reads from the address."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The list has done it already."""
        return queryset


class When(Chosen):
    title, parameter_name = "when", "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Periods that end now."""
        return [
            ("day", "Last 24 hours"),
            ("week", "Last 7 days"),
            ("month", "Last 30 days"),
            ("quarter", "Last three months"),
        ]


class In(Chosen):
    title, parameter_name = "collection", "in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The collections that the visitor answers for."""
        names = names_of(reach_of(_user(request)))
        return [(str(pk), name) for pk, name in names.items()]


class AskedWith(Chosen):
    title, parameter_name = "asked with", "asked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Modalities of queries."""
        return [(name, name) for name in (*_MODALITIES[:3], "text+image", "text+audio")]


class LookedIn(Chosen):
    title, parameter_name = "searched in", "modality"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Modalities that were searched."""
        return [(name, name) for name in _MODALITIES]


class ByModel(Chosen):
    title, parameter_name = "model", "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every version that is or was installed."""
        return [(one.ref, one.ref) for one in ModelVersion.objects.order_by("name", "version")]


class Matched(Chosen):
    title, parameter_name = "match", "matched"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Whether any hit was one."""
        return [("yes", "A confident match"), ("no", "None")]


class HowMany(Chosen):
    title, parameter_name = "hits", "hits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Bands of counts."""
        return [("0", "None"), ("1-3", "1 to 3"), ("4-10", "4 to 10"), ("11+", "11 and more")]


class HowSure(Chosen):
    title, parameter_name = "highest confidence", "sure"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Bands of the best hit's confidence."""
        return [("low", "up to 0.5"), ("middle", "0.5 to 0.9"), ("high", "0.9 and more")]


FILTERS: Final = [When, In, AskedWith, LookedIn, ByModel, Matched, HowMany, HowSure]


def filters_of(request: HttpRequest) -> SearchAuditFilters:
    """What the address chooses; what makes no sense there chooses nothing."""
    given = request.GET
    since = parse_datetime(given.get("since", "")) if given.get("since") else None
    days = _PERIODS.get(given.get("when", ""))
    if days is not None:
        since = timezone.now() - timedelta(days=days)
    few, many = _HITS.get(given.get("hits", ""), (None, None))
    low, high = _BANDS.get(given.get("sure", ""), (None, None))
    matched = {"yes": True, "no": False}.get(given.get("matched", ""))
    return SearchAuditFilters(
        since=since if since is None or timezone.is_aware(since) else timezone.make_aware(since),
        collection=_id(given.get("in", "")),
        query_modality=given.get("asked", ""),
        modality=given.get("modality", ""),
        model=given.get("model", ""),
        confident=matched,
        hits_at_least=few,
        hits_at_most=many,
        confidence_at_least=low or None,
        confidence_at_most=high if high and high < 1 else None,
    )


def named(request: HttpRequest, words: str) -> list[UUID] | None:
    """The ledger's ids of whom ``words`` name: an id, or for governors also a user's name.

    None where nothing was asked for; empty where nobody is called so.
    """
    words = words.strip()
    if not words:
        return None
    actor = _id(words)
    if actor is not None:
        return [actor]
    if not scope_for(request).everything:
        return []
    user = User.objects.filter(username__iexact=words).first()
    return actors_of(user.pk) if user is not None else []


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _user(request: HttpRequest) -> User:
    user: Any = request.user
    found: User = user
    return found
