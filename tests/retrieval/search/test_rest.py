"""Search over REST: the same rules, the right statuses, and nothing of others in any answer."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from rest_framework.test import APIClient

from accounts.services.tokens import token_create
from tests.factories import make_user
from tests.retrieval.search.conftest import nothing_hidden

pytestmark = pytest.mark.django_db
URL = "/api/v1/search/"


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_create(user=user).token}")
    return client


@pytest.fixture
def reader(holdings):
    return client_of(holdings.reader)


@pytest.fixture
def outsider(holdings):
    return client_of(holdings.outsider)


def ids(answer):
    return [hit["asset"]["id"] for hit in answer.json()["hits"]]


def hides(answer, holdings):
    secret = [holdings.hidden.id, *(asset.id for asset in holdings.secret)]
    return not any(str(one) in answer.content.decode() for one in secret)


def test_words(reader, holdings):
    answer = reader.post(URL, {"text": "bear"})
    assert answer.status_code == 200
    assert ids(answer) == [str(one) for one in holdings.visible]
    assert hides(answer, holdings)


def test_a_picture(reader, holdings):
    file = SimpleUploadedFile("bear.webp", b"IMG12345", content_type="image/webp")
    answer = reader.post(URL, {"file": file, "include_uncertain": "true"}, format="multipart")
    assert answer.status_code == 200, answer.content
    assert answer.json()["query"]["modality"] == "image"
    assert hides(answer, holdings)


def test_a_stored_asset(reader, outsider, holdings):
    asked = {"asset": str(holdings.picture.id), "include_uncertain": True}
    assert str(holdings.picture.id) not in ids(reader.post(URL, asked))
    assert outsider.post(URL, asked).status_code == 404


def test_an_outsider_is_told_nothing(outsider, holdings):
    answer = outsider.post(URL, {"text": "bear", "include_uncertain": True})
    assert (ids(answer), answer.json()["searched"]["collections"]) == ([], 0)
    named = outsider.post(URL, {"text": "bear", "collections": [str(holdings.mine.id)]})
    unknown = outsider.post(URL, {"text": "bear", "collections": [str(holdings.outsider.id)]})
    assert named.status_code == unknown.status_code == 404
    assert named.content == unknown.content
    assert named["Content-Type"] == "application/problem+json"


def test_nobody_searches_without_a_login(holdings):
    assert APIClient().post(URL, {"text": "bear"}).status_code == 401


def test_an_explanation_is_for_its_searcher(reader, outsider, holdings, world):
    found = reader.post(URL, {"text": "bear"}).json()
    url = f"/api/v1/searches/{found['search_id']}/"
    assert [hit["asset"] for hit in reader.get(url).json()["hits"]] == [
        hit["asset"] for hit in found["hits"]
    ]
    assert outsider.get(url).status_code == 404
    governor = client_of(make_user(is_governor=True))
    assert [hit["withheld"] for hit in governor.get(url).json()["hits"]] == [True] * 3
    assert nothing_hidden(world.ask(holdings.reader), holdings)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "x" * 100_000},
        {"text": "bear", "top_k": 0},
        {"text": "bear", "top_k": -1},
        {"text": "bear", "top_k": 1_000_000},
        {"text": "bear", "modalities": ["smell"]},
        {"text": "bear", "collections": ["not an id"]},
        {"text": "bear", "fusion": "borda"},
        {"text": "bear", "weights": {"nowhere": 1}},
        {"text": "bear", "weights": {"fake": -1}},
        {"text": "bear", "weights": {"fake": 0, "lexical": 0}},
        {"text": "bear", "filters": {"captured_after": "yesterday"}},
        {"text": "bear", "purpose": "entertainment"},
        {"text": "bear", "tpo_k": 3},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_cannot_be_understood_is_a_400_that_says_where(reader, body):
    answer = reader.post(URL, body)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"]


@pytest.mark.parametrize("body", ['{"text": "bear", "weights": {"fake": NaN}}', "{", "[]", "5"])
def test_what_is_no_json_object_is_a_400(reader, body):
    answer = reader.post(URL, body, content_type="application/json")
    assert answer.status_code == 400, answer.content


def test_while_a_server_is_away_the_answer_is_to_come_again(reader, world):
    world.models.down = True
    answer = reader.post(URL, {"text": "bear"})
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


def test_the_view_opens_no_transaction_around_the_models(reader, world):
    before, seen = len(connection.atomic_blocks), []
    world.redaction.before = lambda _: seen.append(len(connection.atomic_blocks))
    assert reader.post(URL, {"text": "bear"}).status_code == 200
    assert seen == [before]
