"""Requests that cannot be understood are refused with the field that is wrong; others pass."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from retrieval.errors import Invalid
from retrieval.services.search import SearchFilters, SearchRequest
from retrieval.services.search.checks import checked

ONE = uuid.UUID(int=1)


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("text", {}),
        ("text", {"text": ""}),
        ("text", {"text": " \n\t "}),
        ("text", {"text": "x" * 4_001}),
        ("text", {"text": "a\0b"}),
        ("text", {"text": "half \ud800"}),
        ("file", {"file": b""}),
        ("file", {"file": b"x", "asset": ONE}),
        ("top_k", {"top_k": 0}),
        ("top_k", {"top_k": -1}),
        ("top_k", {"top_k": 101}),
        ("top_k", {"top_k": 10**6}),
        ("top_k", {"top_k": True}),
        ("top_k", {"top_k": 2.5}),
        ("collections", {"collections": [uuid.UUID(int=n) for n in range(1_001)]}),
        ("fusion", {"fusion": "borda"}),
        ("weights", {"weights": {"starter": float("nan")}}),
        ("weights", {"weights": {"starter": float("inf")}}),
        ("weights", {"weights": {"starter": -0.1}}),
        ("weights", {"weights": {"starter": "1"}}),
        ("weights", {"weights": {"starter": True}}),
        ("purpose", {"purpose": "a\0"}),
        ("filters.source", {"filters": SearchFilters(source="x" * 301)}),
        ("filters.metadata", {"filters": SearchFilters(metadata={"a": "\0"})}),
        ("filters.metadata", {"filters": SearchFilters(metadata={"a": [float("nan")]})}),
        ("filters.metadata", {"filters": SearchFilters(metadata={str(n): n for n in range(101)})}),
        ("filters.metadata", {"filters": SearchFilters(metadata=[1])}),
        ("filters.captured_after", {"filters": SearchFilters(captured_after=datetime(2024, 1, 1))}),  # noqa: DTZ001 - the naive one is meant
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value)[:40],
)
def test_refused_with_the_field_that_is_wrong(field, request_):
    asked = {"text": "bear", **request_} if field != "text" else request_
    if field == "file":
        asked.pop("text")
    with pytest.raises(Invalid) as raised:
        checked(SearchRequest(**asked))
    assert list(raised.value.fields) == [field]


def test_a_deep_object_is_refused():
    deep: dict[str, object] = {}
    for _ in range(9):
        deep = {"a": deep}
    with pytest.raises(Invalid):
        checked(SearchRequest(text="bear", filters=SearchFilters(metadata=deep)))


@pytest.mark.parametrize(
    "text", ["a", "the of and", "🐻🐻", "熊", "دب", "x" * 4_000, "'; DROP TABLE x; --"]
)
def test_any_words_may_be_asked(text):
    assert checked(SearchRequest(text=f"  {text}\n")).text == text


def test_blank_words_beside_a_file_are_no_words():
    assert checked(SearchRequest(text="  ", file=b"x")).text is None


def test_nothing_twice_and_empty_means_all():
    asked = checked(SearchRequest(text="a", collections=[ONE, ONE], modalities=["image", "image"]))
    assert (asked.collections, asked.modalities) == ((ONE,), ("image",))
    asked = checked(SearchRequest(text="a", collections=[], modalities=[]))
    assert (asked.collections, asked.modalities) == (None, None)


def test_filters_that_can_be_meant():
    filters = SearchFilters(
        captured_after=datetime(2024, 1, 1, tzinfo=UTC),
        source="x",
        metadata={"a": [1, None, {"b": True}]},
    )
    assert checked(SearchRequest(text="a", filters=filters)).request.filters == filters
