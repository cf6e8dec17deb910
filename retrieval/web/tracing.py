"""What is logged about the visitor, in words: everything, page by page, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET

from accounts.models import User
from audit.chaining import chain_pending
from retrieval import scope
from retrieval.errors import NotVisible
from retrieval.selectors.traces import (
    KINDS,
    Trace,
    reading,
    trace_rows,
    traces_of,
    traces_shown,
)
from retrieval.web.common import page, visitor

ROWS: Final = 50
TITLES: Final = {
    "searches": "Searches",
    "uploads": "Uploads",
    "views": "Looks at content",
    "feedback": "What you said of hits",
    "disclosures": "Others reading your queries",
    "flags": "Flags about you",
    "entries": "Everything in the ledger",
}
_EVENTS: Final = {
    "search:query:run": "You searched",
    "ingest:asset:upload": "You uploaded a file",
    "content:rendition:view": "You looked at a redacted rendition",
    "content:rendition:download": "You downloaded a redacted rendition",
    "content:raw:view": "You looked at an original",
    "search:disclosure:request": "Somebody asked to read what you had asked",
    "search:query:disclose": "Somebody read what you had asked",
    "search:monitoring:flag": "Something unusual was noticed",
    "search:feedback:give": "You judged a hit",
    "auth:session:login": "You logged in",
    "auth:session:logout": "You logged out",
}
_PAGES: Final = {"search": "web:record", "asset": "web:asset"}


@dataclass(frozen=True)
class Row:
    """One trace as a line: what happened, pages it leads to, and details as (name, value)."""

    at: datetime
    what: str
    links: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, str], ...]
    until: datetime | None


@require_GET
@page
def traces_page(request: HttpRequest, what: str = "searches") -> HttpResponseBase:
    """One kind of trace, with links to the others and how many of each there are."""
    if what not in KINDS:
        raise NotVisible("There is no such list.")
    user = visitor(request)
    chain_pending()
    with scope.user(user.pk):
        known = traces_of(user=user, latest=0)
    rows, shown = _page(user, what, request.GET.get("page", "1"))
    counts = {one.what: one.count for one in known.lists}
    context = {
        "page": "traces",
        "known": known,
        "what": what,
        "title": TITLES[what],
        "kept": KINDS[what],
        "kinds": [(name, title, counts[name]) for name, title in TITLES.items()],
        "rows": rows,
        "shown": shown,
    }
    return render(request, "web/traces.html", context)


def _page(user: User, what: str, number: str) -> tuple[list[Row], Page[Any]]:
    with reading(user=user, what=what):
        shown = Paginator(trace_rows(user=user, what=what), ROWS).get_page(number)
        traces = traces_shown(user=user, what=what, rows=list(shown.object_list))
    return [_row(one) for one in traces], shown


def _row(trace: Trace) -> Row:
    return Row(
        at=trace.at,
        what=_EVENTS.get(trace.event, trace.event),
        links=tuple(_links(trace)),
        details=tuple(_details(trace.detail)),
        until=trace.until,
    )


def _links(trace: Trace) -> Iterator[tuple[str, str]]:
    for name, view in _PAGES.items():
        value = trace.refs.get(name)
        if isinstance(value, str):
            yield name, reverse(view, args=[value])


def _details(detail: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in detail.items():
        if value is None or value in ("", []):
            continue
        yield name.replace("_", " "), _said(value)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    moment = _moment(value) if isinstance(value, str) else None
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else str(value)


def _moment(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None
