"""Whatever is sent, as JSON or as a form: a 400 that names the field, or an honest answer."""

from __future__ import annotations

import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.services.tokens import token_create

pytestmark = pytest.mark.django_db
URL = "/api/v1/search/"
ONE = str(uuid.UUID(int=1))
MANY = [str(uuid.UUID(int=n)) for n in range(10_000)]
DEEP: dict[str, object] = {}
for _ in range(20):
    DEEP = {"a": DEEP}


@pytest.fixture
def reader(holdings):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_create(user=holdings.reader).token}")
    return client


REFUSED = [
    ("text", {"text": ""}),
    ("text", {"text": " \n\u3000\u200b"}),
    ("text", {"text": "bear " * 20_480}),
    ("text", {"text": "b" * 4_001}),
    ("top_k", {"top_k": 0}),
    ("top_k", {"top_k": -1}),
    ("top_k", {"top_k": 10**6}),
    ("top_k", {"top_k": 10**400}),
    ("top_k", {"top_k": "many"}),
    ("top_k", {"top_k": 2.5}),
    ("modalities", {"modalities": ["smell"]}),
    ("modalities", {"modalities": ["x" * 17]}),
    ("modalities", {"modalities": ["image"] * 101}),
    ("collections", {"collections": ["not an id"]}),
    ("asset", {"asset": "not an id"}),
    ("fusion", {"fusion": "borda"}),
    ("include_uncertain", {"include_uncertain": "perhaps"}),
    ("purpose", {"purpose": "entertainment"}),
    ("purpose", {"purpose": "p" * 301}),
    ("weights", {"weights": {"nowhere": 1}}),
    ("weights", {"weights": {"fake": -1}}),
    ("weights", {"weights": {"fake": 1e9}}),
    ("weights", {"weights": {"fake": "heavy"}}),
    ("weights", {"weights": {"fake": 0, "lexical": 0}}),
    ("weights", {"weights": {f"space-{n}": 1 for n in range(10_000)}}),
    ("filters", {"filters": {"captured_after": "yesterday"}}),
    ("filters", {"filters": {"source": "s" * 301}}),
    ("filters", {"filters": {"metadata": [1, 2]}}),
    ("filters", {"filters": {"metadata": DEEP}}),
    ("filters", {"filters": {"metadata": {str(n): n for n in range(10_000)}}}),
    ("filters", {"filters": {"colour": "red"}}),
]
JSON_ALONE = [
    ("text", {"text": {"words": "bear"}}),
    ("text", {"text": ["bear"]}),
    ("text", {"text": True}),
    ("top_k", {"top_k": [1]}),
    ("top_k", {"top_k": True}),
    ("top_k", {"top_k": None}),
    ("modalities", {"modalities": "image"}),
    ("modalities", {"modalities": {"image": 1}}),
    ("modalities", {"modalities": [["image"]]}),
    ("collections", {"collections": ONE}),
    ("collections", {"collections": [7]}),
    ("collections", {"collections": MANY}),
    ("asset", {"asset": [ONE]}),
    ("asset", {"asset": 7}),
    ("filters", {"filters": [1]}),
    ("filters", {"filters": "all"}),
    ("filters", {"filters": None}),
    ("filters", {"filters": {"captured_after": 7}}),
    ("filters", {"filters": {"source": {"a": 1}}}),
    ("filters", {"filters": {"metadata": "red"}}),
    ("weights", {"weights": [1]}),
    ("weights", {"weights": 1}),
    ("weights", {"weights": {"fake": None}}),
    ("weights", {"weights": {"fake": [1]}}),
    ("fusion", {"fusion": ["rrf"]}),
    ("fusion", {"fusion": {}}),
    ("include_uncertain", {"include_uncertain": {}}),
    ("include_uncertain", {"include_uncertain": [True]}),
    ("purpose", {"purpose": {}}),
    ("non_field_errors", {"file": "data:image/png;base64,AAAA"}),
    ("non_field_errors", {"tpo_k": 3}),
]


def as_form(body):
    """The same request as a browser's form sends it: objects as JSON text."""
    return {
        key: json.dumps(value) if isinstance(value, dict) else value for key, value in body.items()
    }


def refuses(answer, field):
    if answer.status_code != 400 or answer["Content-Type"] != "application/problem+json":
        return False
    return any(key.split(".")[0] == field for key in answer.json().get("errors", {}))


def what_passed(send, cases):
    """The cases that were not refused as they must be, with what was answered; one test for all."""
    passed = []
    for field, body in cases:
        answer = send({"text": "bear"} | body)
        if not refuses(answer, field):
            passed.append((repr(body)[:80], answer.status_code, answer.content[:200]))
    return passed


def test_refused_as_json(reader):
    assert what_passed(lambda body: reader.post(URL, body), REFUSED + JSON_ALONE) == []


def test_refused_as_a_form(reader):
    def send(body):
        return reader.post(URL, as_form(body), format="multipart")

    assert what_passed(send, REFUSED) == []
    many = reader.post(URL, {"text": "bear", "collections": MANY}, format="multipart")
    assert many.status_code == 400
    assert many["Content-Type"] == "application/problem+json"


def test_weights_that_are_no_numbers(reader):
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        weights = f'{{"fake": {number}}}'
        body = f'{{"text": "bear", "weights": {weights}}}'
        answer = reader.post(URL, body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["detail"]
        form = reader.post(URL, {"text": "bear", "weights": weights}, format="multipart")
        assert refuses(form, "weights"), form.content
    for number in ('"NaN"', '"inf"', '"1e999"'):
        body = f'{{"text": "bear", "weights": {{"fake": {number}}}}}'
        answer = reader.post(URL, body, content_type="application/json")
        assert refuses(answer, "weights"), answer.content


def test_an_asset_and_a_file(reader, holdings):
    file = SimpleUploadedFile("bear.webp", b"IMG12345", content_type="image/webp")
    answer = reader.post(URL, {"asset": str(holdings.picture.id), "file": file}, format="multipart")
    assert refuses(answer, "file")


def test_an_empty_file_and_two_of_them(reader):
    empty = SimpleUploadedFile("bear.webp", b"", content_type="image/webp")
    assert refuses(reader.post(URL, {"file": empty}, format="multipart"), "file")
    pair = [SimpleUploadedFile(f"{n}.webp", b"IMG12345") for n in range(2)]
    assert reader.post(URL, {"file": pair}, format="multipart").status_code in {200, 400}


def test_no_object_at_all(reader):
    for body in ('"text"', "", "null", "[]", "{", '{"text": "a\\u0000"}', '{"text": "\\ud800"}'):
        answer = reader.post(URL, body, content_type="application/json")
        assert answer.status_code == 400, (body, answer.content)
        assert answer["Content-Type"] == "application/problem+json"


STRANGE = [
    {"text": "the of and"},
    {"text": "der die das und"},
    {"text": "🐻🎉👍🏽"},
    {"text": "?!…"},
    {"text": "привет мир"},
    {"text": "棕色的熊"},
    {"text": "הדוב החום"},
    {"text": "' OR 1=1; --"},
    {"text": "<-> !( & | :*"},
    {"text": "a" * 4_000},
    {"text": "bear", "modalities": []},
    {"text": "bear", "modalities": ["image", "image"]},
    {"text": "bear", "collections": []},
    {"text": "bear", "filters": {}},
    {"text": "bear", "filters": {"source": "nobody's"}},
    {"text": "bear", "filters": {"metadata": {}}},
    {"text": "bear", "weights": {}},
    {"text": "bear", "weights": {"lexical": 0.5, "fake": 1000}},
    {"text": 7},
]


@pytest.mark.parametrize("include_uncertain", [False, True])
def test_strange_and_still_answered(reader, include_uncertain):
    for body in STRANGE:
        answer = reader.post(URL, body | {"include_uncertain": include_uncertain})
        assert answer.status_code == 200, (body, answer.content)
        found = answer.json()
        assert found["confident"] == any(hit["verdict"] == "match" for hit in found["hits"])
        if not found["confident"] and not include_uncertain:
            assert found["hits"] == []


def test_ids_given_twice_are_one(reader, holdings):
    twice = {"collections": [str(holdings.mine.id)] * 3, "modalities": ["image"] * 2}
    answer = reader.post(URL, {"text": "bear"} | twice).json()
    assert answer["searched"] == {"collections": 1, "modalities": ["image"]}
    ids = [hit["asset"]["id"] for hit in answer["hits"]]
    assert len(set(ids)) == len(ids)


def test_a_thousand_collections_are_asked_for_and_one_more_is_not(reader):
    assert reader.post(URL, {"text": "bear", "collections": MANY[:1000]}).status_code == 404
    assert refuses(reader.post(URL, {"text": "bear", "collections": MANY[:1001]}), "collections")


def test_a_body_too_large_to_read(reader):
    answer = reader.post(URL, {"text": "bear", "filters": {"metadata": {"a": "b" * 5_000_000}}})
    assert answer.status_code in {400, 413}
