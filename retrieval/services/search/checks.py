"""What is wrong with a search request, before anything is read for it."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from retrieval.errors import Invalid
from retrieval.fusion import METHODS
from retrieval.services.search.types import SearchFilters, SearchRequest

MAX_TEXT_CHARACTERS = 4_000  # a sentence encoder reads some 200 words; the rest would be ignored
MAX_COLLECTIONS = 1_000
MAX_TOP_K = 100
MAX_WEIGHT = 1_000.0
_MAX_WORD = 300
_MAX_METADATA_DEPTH = 8
_MAX_METADATA_VALUES = 100

Fields = dict[str, list[str]]


@dataclass(frozen=True)
class Checked:
    """A request that can be understood: blanks trimmed, nothing twice."""

    request: SearchRequest
    text: str | None
    modalities: tuple[str, ...] | None
    collections: tuple[UUID, ...] | None

    @property
    def words_alone(self) -> bool:
        """Whether there is a text and nothing else to look for."""
        return self.text is not None and self.request.asset is None and self.request.file is None


def checked(request: SearchRequest) -> Checked:
    """The request, trimmed.

    Raises:
        Invalid: with everything that is wrong, by field.
    """
    fields: Fields = {}
    text = (request.text or "").strip() or None
    if text is not None and not _visible(text):
        text = None
    _check_query(request, text, fields)
    _check_options(request, fields)
    _check_filters(request.filters, fields)
    if fields:
        raise Invalid("The search cannot be understood.", fields=fields)
    return Checked(
        request=request,
        text=text,
        modalities=tuple(dict.fromkeys(request.modalities or ())) or None,
        collections=tuple(dict.fromkeys(request.collections or ())) or None,
    )


def _visible(text: str) -> bool:
    """Whether anything in it shows: more than blanks, controls and joiners (categories C and Z)."""
    return any(unicodedata.category(char)[0] not in "CZ" for char in text)


def _check_query(request: SearchRequest, text: str | None, fields: Fields) -> None:
    if request.asset is not None and request.file is not None:
        fields["file"] = ["Give a file or an asset, not both."]
    if text is None and request.asset is None and request.file is None:
        fields["text"] = ["Say what to look for: a text, an asset or a file."]
    if request.file is not None and not request.file:
        fields["file"] = ["The file is empty."]
    if text is not None and len(text) > MAX_TEXT_CHARACTERS:
        fields["text"] = [f"At most {MAX_TEXT_CHARACTERS} characters."]
    if text is not None and not storable(text):
        fields["text"] = ["The text holds characters that are not valid Unicode."]


def _check_options(request: SearchRequest, fields: Fields) -> None:
    if type(request.top_k) is not int or not 1 <= request.top_k <= MAX_TOP_K:
        fields["top_k"] = [f"A whole number from 1 to {MAX_TOP_K}."]
    if len(request.collections or ()) > MAX_COLLECTIONS:
        fields["collections"] = [f"At most {MAX_COLLECTIONS} collections."]
    if request.fusion not in METHODS:
        fields["fusion"] = [f"One of: {', '.join(METHODS)}."]
    if not all(_is_weight(weight) for weight in request.weights.values()):
        fields["weights"] = [f"Each weight is a number from 0 to {MAX_WEIGHT:.0f}."]
    if len(request.purpose) > _MAX_WORD or not storable(request.purpose):
        fields["purpose"] = ["No such purpose."]


def _is_weight(weight: object) -> bool:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        return False
    return math.isfinite(weight) and 0 <= weight <= MAX_WEIGHT


def _check_filters(filters: SearchFilters, fields: Fields) -> None:
    if len(filters.source) > _MAX_WORD or not storable(filters.source):
        fields["filters.source"] = [f"Text of at most {_MAX_WORD} characters."]
    if not isinstance(filters.metadata, dict) or not _metadata_fits(filters.metadata):
        fields["filters.metadata"] = [
            f"A JSON object of at most {_MAX_METADATA_VALUES} values, {_MAX_METADATA_DEPTH} deep."
        ]
    for name in ("captured_after", "captured_before"):
        moment: datetime | None = getattr(filters, name)
        if moment is not None and moment.tzinfo is None:
            fields[f"filters.{name}"] = ["A date and time with its time zone."]


def _metadata_fits(metadata: dict[str, Any]) -> bool:
    seen = 0
    level: list[Any] = [metadata]
    for _ in range(_MAX_METADATA_DEPTH):
        seen += len(level)
        if seen > _MAX_METADATA_VALUES:
            return False
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                if not all(isinstance(key, str) and storable(key) for key in value):
                    return False
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif not _is_scalar(value):
                return False
        level = below
    return not level


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int)


def storable(text: str) -> bool:
    """Whether Postgres and JSON can hold it: no NUL, no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
