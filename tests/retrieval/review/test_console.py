"""The console's pages of the queue without their scripts: who gets in, and what a form can say."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from retrieval import scope
from retrieval.models import Asset
from retrieval.redaction.base import Finding
from retrieval.review_models import Review
from tests.factories import grant, make_asset, make_collection, make_review, make_user

pytestmark = pytest.mark.django_db

QUEUE = "/console/retrieval/review/"
NAME = Finding(kind="PERSON", score=0.71, recognizer="names", start=0, end=3)


def browser_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def queued(collection, servers, sent):
    asset = make_asset(
        collection, state="quarantined", raw=b"Ann", rendition=b"Ann <PERSON_1>", title="Bear"
    )
    return make_review(asset, remaining=(NAME,))


def page(review) -> str:
    return f"{QUEUE}{review.pk}/change/"


def decide(client, review, **form):
    return client.post(f"{QUEUE}{review.pk}/decide/", form)


def state(review) -> str:
    with scope.system():
        return Review.objects.get(pk=review.pk).state


def test_a_steward_sees_the_queue_and_a_review_without_its_words(steward, queued):
    client = browser_of(steward)
    assert "A second look still found something." in client.get(QUEUE).content.decode()
    shown = client.get(page(queued)).content.decode()
    assert "characters 0 to 3" in shown
    assert "Bear" not in shown
    assert "<PERSON_1>" not in shown


def test_others_see_no_queue(queued, collection):
    outsider, elsewhere, governor = make_user(), make_user(), make_user(is_governor=True)
    grant(make_collection(), elsewhere, "steward")
    for user, status in ((outsider, 302), (elsewhere, 404), (governor, 404)):
        client = browser_of(user)
        assert client.get(page(queued)).status_code == status
        assert "second look" not in client.get(QUEUE).content.decode()
        assert decide(client, queued, decision="accept").status_code == 404
    assert Client().post(f"{QUEUE}{queued.pk}/decide/").status_code == 302
    assert state(queued) == "open"


def test_what_is_settled_is_not_in_the_queue_unless_asked_for(steward, queued):
    with scope.system():
        Review.objects.update(state="accepted")
    client = browser_of(steward)
    assert str(queued.pk) not in client.get(QUEUE).content.decode()
    for asked in ("accepted", "all"):
        assert str(queued.pk) in client.get(QUEUE, {"state": asked}).content.decode()


def test_a_decision_leads_to_the_next_and_the_last_to_the_queue(steward, queued, collection):
    asset = make_asset(collection, state="quarantined", raw=b"x", rendition=b"x")
    second = make_review(asset, remaining=(NAME,))
    client = browser_of(steward)
    assert decide(client, queued, decision="accept").headers["Location"] == page(second)
    region = json.dumps([{"start": 0, "end": 1}])
    answer = decide(client, second, decision="redact", regions=region)
    assert answer.headers["Location"] == QUEUE
    assert (state(queued), state(second)) == ("accepted", "redacted")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Choose what is to be done."),
        ({"decision": "forget"}, "Choose what is to be done."),
        ({"decision": "redact"}, "Name at least one region."),
        ({"decision": "redact", "regions": "["}, "The regions cannot be read."),
        ({"decision": "redact", "regions": "[1]"}, "The regions cannot be read."),
        ({"decision": "accept", "reason": "x" * 301}, "At most 300 characters."),
    ],
)
def test_what_stands_against_it_is_said_and_nothing_is_lost(steward, queued, form, said):
    answer = decide(browser_of(steward), queued, **{"reason": "Because.", **form})
    assert answer.status_code == 400
    shown = answer.content.decode()
    assert said in shown
    assert form.get("reason", "Because.") in shown
    assert state(queued) == "open"


def test_accepting_by_form_ignores_marks(steward, queued):
    region = json.dumps([{"start": 0, "end": 1}])
    decide(browser_of(steward), queued, decision="accept", regions=region)
    with scope.system():
        assert Asset.objects.get(pk=queued.asset_id).state == "embedding"
