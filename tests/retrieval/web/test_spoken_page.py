"""The page of a sound shows what is said in it, redacted, and says in words what was muted."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from retrieval import scope
from retrieval.models import Segment
from tests.cast import Cast
from tests.factories import make_asset
from tests.retrieval.api.conftest import people
from tests.retrieval.ingest.conftest import models, paths, redaction, sent, servers

__all__ = ["models", "paths", "people", "redaction", "sent", "servers"]
pytestmark = pytest.mark.usefixtures("servers", "sent")


@pytest.fixture
def sound(people: Cast):
    asset = make_asset(
        people.collection,
        modality="audio",
        rendition=b"SND1",
        thumbnail=b"tiny",
        title="Call",
        redactions=[{"kind": "VOICE", "count": 2}],
    )
    with scope.system():
        Segment.objects.create(
            asset=asset,
            collection_id=asset.collection_id,
            modality="text",
            kind="time",
            ordinal=5,
            text="<PERSON_1> called",
            start_ms=61_000,
            end_ms=63_000,
        )
    return asset


def shown_to(user, asset) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(reverse("web:asset", args=[asset.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_readers_see_what_is_said_and_when(people: Cast, sound) -> None:
    page = shown_to(people.searcher, sound)
    assert "What is said" in page
    assert "&lt;PERSON_1&gt; called" in page
    assert "1:01–1:03" in page
    assert "voices (muted) × 2" in page


def test_who_governs_without_reading_sees_no_words(people: Cast, sound) -> None:
    from tests.cast import person

    governs = person("governs")
    people.grant(governs, "steward")
    page = shown_to(governs, sound)
    assert "called" not in page
    assert "voices (muted) × 2" in page


def test_a_hit_tells_its_words_and_what_was_muted() -> None:
    hit = {
        "asset": {
            "id": "00000000-0000-0000-0000-000000000001",
            "modality": "audio",
            "title": "x",
            "collection": "c",
        },
        "segment": {
            "kind": "time",
            "text": "<PERSON_1> called",
            "page": None,
            "start_ms": 0,
            "end_ms": 900,
        },
        "more_segments": 0,
        "links": {"content": "/c", "thumbnail": "/t"},
        "influence": {"signals": [], "redactions": ["VOICE"], "consent": "not required"},
        "verdict": "match",
        "confidence": 0.9,
    }
    query = {"redactions": [{"kind": "VOICE", "count": 1}]}
    answer = {
        "confident": True,
        "hits": [hit],
        "query": query,
        "searched": {"collections": 1},
        "timing_ms": {"total": 3},
        "search_id": "00000000-0000-0000-0000-000000000002",
    }
    page = render_to_string(
        "web/partials/results.html", {"answer": answer, "names": {}, "words": "asked"}
    )
    assert "Said there: “&lt;PERSON_1&gt; called”" in page
    assert page.count("voices (muted)") == 2
