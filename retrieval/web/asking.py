"""From the search form to a search request, and back to a form that asks the same again."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from retrieval.errors import Invalid
from retrieval.purposes import SEARCH
from retrieval.services.search import SearchFilters, SearchRequest

TOP_K = 24
# What a form that asks again repeats; a file cannot be repeated by HTML alone.
_REPEATED = (
    *("text", "asset", "modalities", "collections"),
    *("captured_after", "captured_before", "source"),
)


def request_of(request: HttpRequest) -> SearchRequest:
    """What the posted form asks.

    Raises:
        Invalid: nothing is asked, or a field holds what no page of ours sends.
    """
    form = request.POST
    file = request.FILES.get("file")
    parts: dict[str, Any] = {
        "text": form.get("text", "").strip() or None,
        "file": file.read() if file else None,
        "file_modality": form.get("file_modality", "") if _is_array(file) else "",
        "include_uncertain": form.get("include_uncertain") == "1",
        "top_k": TOP_K,
        "purpose": SEARCH,
    }
    try:
        parts["asset"] = UUID(form["asset"]) if form.get("asset") else None
        parts["collections"] = [UUID(one) for one in form.getlist("collections")] or None
        parts["filters"] = SearchFilters(
            captured_after=_day(form.get("captured_after", "")),
            captured_before=_day(form.get("captured_before", ""), later=timedelta(days=1)),
            source=form.get("source", "").strip(),
        )
    except (ValueError, OverflowError):
        raise Invalid("This form is broken; reload the page.") from None
    parts["modalities"] = [one for one in form.getlist("modalities") if one] or None
    if not (parts["text"] or parts["file"] or parts["asset"]):
        raise Invalid("Type something, or choose a picture or a sound.")
    return SearchRequest(**parts)


def repeated(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that asks the same again, but for a file."""
    return [
        (name, value) for name in _REPEATED for value in request.POST.getlist(name) if value.strip()
    ]


def _day(given: str, *, later: timedelta = timedelta()) -> datetime | None:
    """Midnight, here, of a day as a date field sends it; ``later``, to take in the day itself."""
    if not given:
        return None
    return timezone.make_aware(datetime.combine(date.fromisoformat(given) + later, time()))


def _is_array(file: Any) -> bool:
    return file is not None and (file.name or "").endswith(".npy")
