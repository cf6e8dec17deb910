from __future__ import annotations

import pytest

from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.models import Asset
from retrieval.redaction.base import Finding
from retrieval.review_models import Review
from retrieval.services.stages import stage_run
from tests.cast import cast, client_of
from tests.factories import make_asset, make_collection, make_review

pytestmark = pytest.mark.django_db

TEXT = b"Ann saw the bear."
NAME = Finding(kind="PERSON", score=0.71, recognizer="ner", start=0, end=3)


@pytest.fixture
def people(servers, sent, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return cast()


@pytest.fixture
def asset(people, servers):
    """A text in which the second look found a name, as the verify stage leaves it."""
    made = make_asset(people.collection, state="verifying", raw=TEXT, rendition=TEXT, title="")
    with scope.system():
        made.reports.create(collection=people.collection, profile_version="standard@2")
    servers.missed_at = [NAME]
    stage_run(stage="verify", asset_id=made.pk)
    with scope.system():
        Asset.objects.filter(pk=made.pk).update(title="Bear")
    return made


@pytest.fixture
def review(asset):
    with scope.system():
        return Review.objects.get(asset=asset)


def path(review, rest=""):
    return f"/api/v1/reviews/{review.pk}/{rest}"


def body(answer):
    return b"".join(answer.streaming_content)


def events(asset, prefix="review:"):
    rows = LedgerPending.objects.filter(event__startswith=prefix).order_by("id")
    return [row.event for row in rows if row.refs["asset"] == str(asset.pk)]


def test_the_queue_is_listed_with_what_can_be_decided(people, review):
    answer = client_of(people.steward).get("/api/v1/reviews/", {"state": "open"}).json()
    assert answer["count"] == 1
    (row,) = answer["results"]
    assert (row["kind"], row["reason"], row["title"]) == (
        "quarantined",
        "redaction-incomplete",
        "Bear",
    )
    assert "findings" not in row
    assert {one["decision"]: one["why_not"] for one in row["options"]} == {
        "accept": "",
        "redact": "",
        "reject": "",
        "retry": "",
    }
    assert row["links"]["preview"] == path(review, "preview/")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 1),
        ({"kind": "quarantined"}, 1),
        ({"kind": "low-confidence"}, 0),
        ({"state": "accepted"}, 0),
    ],
)
def test_filters(people, review, query, count):
    assert client_of(people.steward).get("/api/v1/reviews/", query).json()["count"] == count


def test_other_collections_reviews_are_not_there(people, review):
    theirs = make_collection("Theirs")
    hidden = make_review(make_asset(theirs, state="quarantined", rendition=b"x"))
    client = client_of(people.steward)
    assert client.get("/api/v1/reviews/").json()["count"] == 1
    assert client.get("/api/v1/reviews/", {"collection": str(theirs.pk)}).status_code == 404
    assert client.get(path(hidden)).status_code == 404
    mine = {"collection": str(people.collection.pk)}
    assert client.get("/api/v1/reviews/", mine).json()["count"] == 1


def test_roles_that_do_not_govern_see_none(people, review):
    for user in (people.curator, people.contributor, people.searcher, people.governor):
        client = client_of(user)
        assert client.get("/api/v1/reviews/").json()["count"] == 0
        assert client.get(path(review)).status_code == 404
        assert client.get(path(review, "preview/")).status_code == 404
        assert client.post(path(review), {"decision": "accept"}).status_code == 404


def test_a_steward_sees_places_and_kinds_and_a_covered_preview(people, asset, review):
    client = client_of(people.steward)
    shown = client.get(path(review)).json()
    assert shown["doubts"] == [
        {"kind": "PERSON", "score": 0.71, "recognizer": "ner", "start": 0, "end": 3}
    ]
    answer = client.get(path(review, "preview/"))
    assert body(answer).decode() == "\u2588\u2588\u2588 saw the bear."
    assert answer["Content-Security-Policy"].startswith("sandbox")
    assert body(client.get(path(review, "thumbnail/"))) == b"amended"
    assert events(asset) == ["review:asset:open", "review:asset:glance"]
    entry = LedgerPending.objects.get(event="review:asset:open")
    assert entry.actor is not None


def test_under_the_cover_is_an_original(people, asset, review):
    client = client_of(people.steward)
    reason = {"reason": "Is it a brand?"}
    assert client.get(path(review, "uncovered/"), reason).status_code == 403
    assert client.get(f"/api/v1/assets/{asset.pk}/raw/", reason).status_code == 403
    assert client.get(path(review)).json()["links"]["uncovered"] is None
    people.grant(people.steward, "searcher", raw=True)
    assert client.get(path(review, "uncovered/")).status_code == 400
    assert events(asset) == []
    assert body(client.get(path(review, "uncovered/"), reason)) == TEXT
    assert events(asset) == ["review:asset:uncover"]
    assert client.get(path(review)).json()["links"]["uncovered"] == path(review, "uncovered/")


def test_a_steward_who_does_not_read_sees_no_title(people, asset, review):
    other = client_of(people.outsider)
    people.grant(people.outsider, "steward")
    shown = other.get(path(review)).json()
    assert shown["title"] == ""
    assert other.get(path(review, "preview/")).status_code == 200
    assert other.get(f"/api/v1/assets/{asset.pk}/content/").status_code == 403


def test_a_decision_by_rest(people, asset, review):
    client = client_of(people.steward)
    asked = {"decision": "redact", "regions": [{"start": 0, "end": 3}], "reason": "a@b.org"}
    answer = client.post(path(review), asked, format="json")
    assert answer.status_code == 200, answer.content
    decided = answer.json()
    assert (decided["state"], decided["decided_by"]) == ("redacted", "stella")
    assert decided["decision_reason"] == "<EMAIL_ADDRESS_1>"
    assert [(one["kind"], one["start"], one["end"]) for one in decided["regions"]] == [
        ("DRAWN", 0, 3)
    ]
    assert decided["asset_state"] == "verifying"
    again = client.post(path(review), asked, format="json")
    assert again.status_code == 409
    assert again.json()["detail"] == "It is redacted already."


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"decision": "forget"},
        {"decision": "redact"},
        {"decision": "redact", "regions": [{"start": 0, "finish": 3}]},
        {"decision": "redact", "regions": [{"start": 9, "end": 3}]},
        {"decision": "redact", "regions": "all"},
        {"decision": "accept", "reason": "x" * 301},
    ],
)
def test_bad_decisions_change_nothing(people, review, asset, asked):
    answer = client_of(people.steward).post(path(review), asked, format="json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    with scope.system():
        assert Asset.objects.get(pk=asset.pk).state == "quarantined"


def test_a_decided_review_shows_nothing_more(people, review):
    client = client_of(people.steward)
    assert client.post(path(review), {"decision": "accept"}, format="json").status_code == 200
    assert client.get(path(review, "preview/")).status_code == 409
    assert client.get(path(review)).json()["links"]["preview"] is None


def test_what_cannot_be_covered_is_not_shown(people, review, asset):
    media.remove_previews(asset.pk)
    client = client_of(people.steward)
    answer = client.get(path(review, "preview/"))
    assert answer.status_code == 409
    assert client.get(path(review, "thumbnail/")).status_code == 409
    assert events(asset) == []


def test_the_preview_is_not_shown_if_it_cannot_be_recorded(people, review, asset, monkeypatch):
    def broken(**_):
        raise RuntimeError

    monkeypatch.setattr("retrieval.services.content.ledger.record", broken)
    assert client_of(people.steward).get(path(review, "preview/")).status_code == 500
