"""What no honest client sends.

Each gets a problem document and the right status, and none gets a 500.
"""

import json

import pytest
from django.test import Client

from tests.cast import client_of, collection_path, token_of

COLLECTIONS = "/api/v1/collections/"


def is_problem(answer, status):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= set(body)
    return True


def send(people, body, content_type="application/json", path=COLLECTIONS):
    client = Client(raise_request_exception=False)
    token = token_of(people.steward)
    return client.post(path, body, content_type=content_type, HTTP_AUTHORIZATION=f"Token {token}")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"null", b"[]", b'"text"', b"7", b"\xff\xfe", b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": "a\\u0000b"}', b'{"name": "\\ud800"}', b'{"a\\u0000": 1, "name": "x"}',
        b"[" * 100_000, b'{"name": ' + b"[" * 50 + b"]" * 50 + b"}",
        b'{"name": ' + b"9" * 5000 + b"}",
        b'{"name": {"a": 1}}', b'{"name": ["x"]}', b'{"name": null}', b'{"name": true}',
    ],
)  # fmt: skip
def test_malformed_json_is_400(people, body):
    assert is_problem(send(people, body), 400)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""]
)
def test_other_content_types_are_415(people, kind):
    assert is_problem(send(people, b"name=x", content_type=kind), 415)


def test_a_huge_body_is_413(people, settings):
    assert is_problem(send(people, b"{" + b" " * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b"}"), 413)


def test_error_texts_do_not_repeat_what_was_sent(people):
    word = "kumquat-71"
    for body in (
        {"name": "x", "redaction_profile": word},
        {"name": "x", word: 1},
        {"name": "x", "retention_policy": word},
        {"name": "x", "purposes": word},
        {"name": "x", "purposes": {word: {}}},
    ):
        answer = send(people, json.dumps(body))
        assert is_problem(answer, 400)
        assert word not in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing/",
        "/api/v1/assets/not-an-id/",
        f"{COLLECTIONS}123/",
        "/api/v1/assets/%00/",
        "/api/nothing",
    ],
)
def test_addresses_that_lead_nowhere_are_problems(people, path):
    answer = client_of(people.searcher).get(path)
    assert is_problem(answer, 400 if "%00" in path else 404)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("collection=x", 400), ("state=nice", 400), ("modality=smell", 400),
        ("collection=%00", 400),
        ("page=0", 404), ("page=x", 404), ("page=99999999999999999999", 404), ("page_size=x", 200),
        ("page_size=100000", 200), ("collection=00000000-0000-4000-8000-000000000000", 404),
    ],
)  # fmt: skip
def test_queries_that_cannot_be(people, query, status):
    answer = client_of(people.searcher).get(f"/api/v1/assets/?{query}")
    assert answer.status_code == 200 if status == 200 else is_problem(answer, status)


def test_unknown_verbs_and_strangers(people):
    client = client_of(people.steward)
    for call in (client.put, client.delete, client.options):
        assert is_problem(call(COLLECTIONS), 405)
    assert is_problem(client.generic("BREW", COLLECTIONS), 405)
    answer = client_of(None).get(COLLECTIONS)
    assert is_problem(answer, 401)
    assert answer["WWW-Authenticate"] == "Token"


def test_a_session_needs_its_csrf_token(people):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(people.steward)
    assert client.get(COLLECTIONS).status_code == 200
    answer = client.post(COLLECTIONS, {"name": "x"}, content_type="application/json")
    assert is_problem(answer, 403)


def test_a_body_without_its_length_is_411(people):
    client = Client(raise_request_exception=False)
    answer = client.generic(
        "POST", COLLECTIONS, HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH=""
    )
    assert is_problem(answer, 411)


def test_a_wrong_host_is_400(people):
    assert is_problem(
        Client(raise_request_exception=False).get(COLLECTIONS, HTTP_HOST="evil.example"), 400
    )


def test_what_nobody_foresaw_is_a_500_without_its_words(people, monkeypatch, caplog):
    from retrieval.selectors import collections

    def fail(**anything):
        raise RuntimeError("kumquat-71")

    monkeypatch.setattr(collections, "visible_collections", fail)
    answer = client_of(people.searcher).get(COLLECTIONS)
    assert is_problem(answer, 500)
    assert "kumquat" not in answer.content.decode()
    assert "kumquat" not in caplog.text
    assert "request_failed" in caplog.text


def test_an_answer_is_not_kept_framed_or_sniffed(people):
    answer = client_of(people.searcher).get(collection_path(people.collection.pk))
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["X-Request-ID"]
