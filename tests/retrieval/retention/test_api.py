"""Holds, pauses, the calendar and policies by REST: who may, what answers, what is refused."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from audit.hold_models import LegalHold
from audit.models import LedgerPending, SearchRecord
from audit.searches import InfluenceData, record_search
from audit.subjects import subject_create
from retrieval import media, scope
from retrieval.models import Asset, Review
from retrieval.services.purge import purge
from retrieval.subject_models import AssetSubject
from tests.cast import client_of
from tests.factories import make_asset, make_collection, make_policy, make_review
from tests.retrieval.api.conftest import models, people, redaction, servers

__all__ = ["models", "people", "redaction", "servers"]
pytestmark = pytest.mark.django_db
HOLDS = "/api/v1/holds/"
RULE = {"what": "rendition", "after_days": 30}


@pytest.fixture
def asset(people):
    with scope.system():
        people.collection.retention_policy = make_policy(RULE)
        people.collection.save()
    old = timezone.now() - timedelta(days=31)
    return make_asset(people.collection, created_at=old, rendition=b"x")


def hold(who, **body):
    return client_of(who).post(HOLDS, {"reason": "a case", **body}, format="json")


def release(who, hold_id, reason="it is over"):
    return client_of(who).post(f"{HOLDS}{hold_id}/release/", {"reason": reason}, format="json")


def test_a_hold_is_placed_keeps_and_is_released_by_a_second_person(people, asset):
    dry = client_of(people.steward).post(
        f"{HOLDS}?dry_run=1", {"asset": str(asset.pk), "reason": "a"}, format="json"
    )
    assert dry.json() == {"assets": 1, "query_kept": None}
    answer = hold(people.steward, asset=str(asset.pk))
    made = answer.json()
    assert answer.status_code == 201
    assert (made["state"], made["asset"], made["subject"]) == ("active", str(asset.pk), None)
    assert purge().held == 1
    path = f"/api/v1/assets/{asset.pk}/"
    refused = client_of(people.curator).delete(path)
    assert (refused.status_code, "hold" in refused.json()["detail"]) == (409, True)
    assert release(people.steward, made["id"]).status_code == 403
    assert release(people.searcher, made["id"]).status_code == 403
    assert release(people.governor, made["id"], reason="  ").status_code == 400
    done = release(people.governor, made["id"])
    assert (done.status_code, done.json()["state"]) == (200, "released")
    assert release(people.governor, made["id"]).status_code == 409
    assert purge().rendition == 1
    events = LedgerPending.objects.filter(event__startswith="hold:").order_by("id")
    assert [(one.event, one.refs["collection"]) for one in events] == [
        ("hold:hold:place", str(people.collection.pk)),
        ("hold:hold:release", str(people.collection.pk)),
    ]


def test_what_is_not_there_and_what_is_not_yours_answer_alike(people, asset):
    theirs = make_asset(make_collection())
    with scope.system():
        subject = subject_create(by=None, identifier=None).subject
        erased = make_asset(people.collection, state="erased")
    hidden = [
        {"asset": str(uuid4())},
        {"asset": str(theirs.pk)},
        {"asset": str(erased.pk)},
        {"collection": str(uuid4())},
        {"collection": str(theirs.collection_id)},
        {"subject": str(uuid4())},
        {"subject": str(subject.pk)},
        {"query": str(uuid4())},
    ]
    for body in hidden:
        assert hold(people.steward, **body).status_code == 404, body
    for body in (hidden[0], hidden[2], hidden[3], hidden[5], hidden[7]):
        assert hold(people.governor, **body).status_code == 404, body
    assert hold(people.searcher, asset=str(asset.pk)).status_code == 403
    assert hold(people.searcher, collection=str(people.collection.pk)).status_code == 403
    assert hold(people.outsider, collection=str(people.collection.pk)).status_code == 404
    with scope.system():
        assert LegalHold.objects.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"asset": str(uuid4()), "collection": str(uuid4())},
        {"asset": "7"},
        {"asset": 7},
        {"asset": str(uuid4()), "reason": ""},
        {"asset": str(uuid4()), "reason": "x" * 501},
        {"asset": str(uuid4()), "why": "x"},
    ],
)
def test_holds_that_cannot_be_meant_so_are_refused(people, body):
    assert hold(people.governor, **body).status_code == 400


def test_lists_show_stewards_their_own_and_ids_alone(people, asset):
    theirs = make_asset(make_collection())
    first = hold(people.governor, asset=str(asset.pk)).json()["id"]
    second = hold(people.governor, asset=str(theirs.pk)).json()["id"]
    mine = client_of(people.steward).get(HOLDS).json()
    assert [one["id"] for one in mine["results"]] == [first]
    everything = client_of(people.governor).get(f"{HOLDS}?state=active").json()
    assert {one["id"] for one in everything["results"]} == {first, second}
    assert client_of(people.steward).get(f"{HOLDS}{second}/").status_code == 404
    assert client_of(people.steward).get(f"{HOLDS}{second}/assets/").status_code == 404
    assert release(people.steward, second).status_code == 404
    reached = client_of(people.steward).get(f"{HOLDS}{first}/assets/").json()["results"]
    assert reached == [
        {
            "id": str(asset.pk),
            "collection": str(asset.collection_id),
            "modality": "text",
            "state": "searchable",
        }
    ]


def test_a_subject_a_collection_and_a_held_asset_in_it(people, asset):
    with scope.system():
        subject = subject_create(by=None, identifier=None).subject
        AssetSubject.objects.create(asset=asset, subject=subject.pk, via="console")
    assert hold(people.governor, subject=str(subject.pk)).status_code == 201
    assert purge().held == 1
    empty = client_of(people.steward)
    made = empty.post("/api/v1/collections/", {"name": "Empty"}, format="json").json()
    assert hold(people.steward, collection=made["id"]).status_code == 201
    refused = empty.delete(f"/api/v1/collections/{made['id']}/")
    assert (refused.status_code, "hold" in refused.json()["detail"]) == (409, True)


def test_a_held_query_outlasts_its_key_and_is_not_shown(people, asset):
    from audit.held_queries import held_query
    from audit.searches import kept_query, purge_kept_queries

    hit = InfluenceData(
        rank=1,
        asset_id=asset.pk,
        collection_id=people.collection.pk,
        segment_id=1,
        confidence=1.0,
        verdict="match",
    )
    record = record_search(
        user_id=people.searcher.pk,
        user_label="sara",
        query_modality="text",
        query=b"a bear",
        query_redactions=[],
        collections=[people.collection.pk],
        modalities=["text"],
        models_used=[],
        parameters={},
        confident=True,
        influences=[hit],
        keep_query_for=timedelta(hours=2),
    )
    first = hold(people.governor, query=str(record.pk)).json()["id"]
    second = hold(people.governor, query=str(record.pk)).json()["id"]
    assert purge().held == 1  # the hit goes with the query
    assert purge_kept_queries(now=timezone.now() + timedelta(hours=3)) == 1
    record = SearchRecord.objects.get(pk=record.pk)
    assert (kept_query(record), held_query(record)) == (None, b"a bear")
    release(people.steward, first)
    another = make_governor(people)
    assert release(another, first).status_code == 200
    assert held_query(SearchRecord.objects.get(pk=record.pk)) == b"a bear"
    assert release(another, second).status_code == 200
    assert held_query(SearchRecord.objects.get(pk=record.pk)) is None
    gone = hold(people.governor, query=str(record.pk))
    assert gone.status_code == 201  # the record and its hits are held all the same
    assert purge().held == 1


def make_governor(people):
    from tests.cast import person

    return person("greta", organisation_roles=["governor"])


def test_a_held_asset_is_not_rejected_in_review(people, servers):
    asset = make_asset(people.collection, state="quarantined", rendition=b"x")
    review = make_review(asset)
    assert hold(people.governor, asset=str(asset.pk)).status_code == 201
    path = f"/api/v1/reviews/{review.pk}/"
    body = {"decision": "reject", "reason": "no"}
    refused = client_of(people.steward).post(path, body, format="json")
    assert refused.status_code == 409, refused.content
    assert media.read_blob(media.Blob.RENDITION, asset.pk) == b"x"
    with scope.system():
        assert Review.objects.get(pk=review.pk).state == "open"


def test_a_change_of_a_policy_says_first_what_falls_due_at_once(people, asset):
    with scope.system():
        policy = Asset.objects.get(pk=asset.pk).collection.retention_policy
    make_asset(people.collection, created_at=timezone.now() - timedelta(days=10))
    path = f"/api/v1/retention-policies/{policy.pk}/"
    body = {"rules": [{"what": "rendition", "after_days": 5}]}
    assert client_of(people.steward).patch(path, body, format="json").status_code == 403
    seen = client_of(people.governor).patch(f"{path}?dry_run=1", body, format="json").json()
    assert [one["due"] for one in seen["now"]] == [1]
    assert [one["due"] for one in seen["then"]] == [2]
    policy.refresh_from_db()
    assert policy.rules == [RULE]
    wrong = {"rules": [{"what": "vectors", "state": "rejected", "after_days": 5}]}
    assert client_of(people.governor).patch(path, wrong, format="json").status_code == 400
    done = client_of(people.governor).patch(path, body, format="json")
    assert (done.status_code, done.json()["rules"]) == (200, body["rules"])
    nowhere = f"/api/v1/retention-policies/{uuid4()}/"
    assert client_of(people.governor).patch(nowhere, body, format="json").status_code == 404
    state = {"what": "raw", "state": "withheld", "after_days": 3}
    made = client_of(people.steward).post(
        "/api/v1/retention-policies/", {"name": "States", "rules": [state]}, format="json"
    )
    assert (made.status_code, made.json()["rules"]) == (201, [state])


def test_the_calendar_pauses_and_reports_by_rest(people, asset):
    theirs = make_collection(retention_policy=make_policy(RULE))
    make_asset(theirs, created_at=timezone.now() - timedelta(days=29))
    make_asset(people.collection, created_at=timezone.now() - timedelta(days=29))
    steward, governor = client_of(people.steward), client_of(people.governor)
    seen = steward.get("/api/v1/retention/calendar/?days=7").json()
    mine = str(people.collection.pk)
    assert [(one["what"], one["collection"], one["due"]) for one in seen["overdue"]] == [
        ("rendition", mine, 1)
    ]
    assert [(one["what"], one["collection"], one["count"]) for one in seen["days"]] == [
        ("rendition", mine, 1)
    ]
    assert len(governor.get("/api/v1/retention/calendar/").json()["days"]) == 2
    other = f"/api/v1/retention/calendar/?collection={theirs.pk}"
    assert steward.get(other).status_code == 404
    lines = b"".join(steward.get("/api/v1/retention/due/").streaming_content).splitlines()
    assert [json.loads(line)["asset"] for line in lines] == [str(asset.pk)]

    pauses = "/api/v1/retention/pauses/"
    until = (timezone.now() + timedelta(days=2)).isoformat()
    body = {"collection": mine, "reason": "stocktaking", "until": until}
    assert steward.post(pauses, {**body, "collection": None}, format="json").status_code == 403
    past = {**body, "until": "2020-01-01T00:00:00Z"}
    assert steward.post(pauses, past, format="json").status_code == 400
    far = {**body, "until": "2999-01-01T00:00:00Z"}
    assert steward.post(pauses, far, format="json").status_code == 400
    hidden = {**body, "collection": str(theirs.pk)}
    assert steward.post(pauses, hidden, format="json").status_code == 404
    pause = steward.post(pauses, body, format="json").json()
    assert purge().paused == 1
    assert len(steward.get(pauses).json()["results"]) == 1
    assert steward.post(f"{pauses}{pause['id']}/end/").status_code == 200
    assert steward.post(f"{pauses}{pause['id']}/end/").status_code == 404
    assert purge().rendition == 1

    runs = governor.get("/api/v1/retention/runs/").json()["results"]
    assert [one["state"] for one in runs] == ["done", "done"]
    report = steward.get(f"/api/v1/retention/runs/{runs[0]['id']}/").json()
    assert report["tallies"] == [
        {
            "what": "rendition",
            "collection": mine,
            "purged": 1,
            "held": 0,
            "paused": 0,
            "failed": 0,
        }
    ]
    assert steward.get(f"/api/v1/retention/runs/{uuid4()}/").status_code == 404
