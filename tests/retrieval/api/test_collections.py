from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.services.teams import member_add, team_create
from audit.models import LedgerPending, RetentionPolicy
from retrieval import scope
from retrieval.models import Collection, Grant
from retrieval.selectors.collections import readable_collections
from tests.cast import client_of, collection_path, person
from tests.factories import make_asset

COLLECTIONS = "/api/v1/collections/"


def names(user):
    return [row["name"] for row in client_of(user).get(COLLECTIONS).json()["results"]]


def last_event():
    return LedgerPending.objects.order_by("-id").first().event


def test_everybody_sees_the_collections_they_hold_a_role_in_and_no_other(people):
    with scope.system():
        Collection.objects.create(name="Hidden")
    for user in (people.steward, people.curator, people.contributor, people.searcher):
        assert names(user) == ["Photographs"]
    for user in (people.outsider, people.governor, people.operator):
        assert names(user) == []


def test_me_names_who_asks_and_what_they_may_read(people):
    me = client_of(people.searcher).get("/api/v1/me/").json()
    assert me["user"]["username"] == "sara"
    assert me["organisation_roles"] == []
    assert me["collections"] == [
        {"id": str(people.collection.pk), "name": "Photographs", "role": "searcher", "raw": False}
    ]
    me = client_of(people.governor).get("/api/v1/me/").json()
    assert me["organisation_roles"] == ["governor"]
    assert me["collections"] == []


def test_a_steward_alone_governs_without_reading(people):
    alone = person("sven")
    people.grant(alone, "steward")
    assert client_of(alone).get(collection_path(people.collection.pk)).json()["role"] == "steward"
    assert client_of(alone).get("/api/v1/me/").json()["collections"] == []
    assert readable_collections(user=alone) == []


def test_whoever_creates_a_collection_becomes_its_steward_and_curator(people):
    answer = client_of(people.steward).post(
        COLLECTIONS, {"name": "Sounds", "redaction_profile": "strict"}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert made["roles"] == ["curator", "steward"]
    assert made["redaction_profile"] == "strict"
    assert made["purposes"]["search"] == {"consent": "not_required", "legal_basis": ""}
    assert last_event() == "collection:collection:create"
    assert client_of(people.searcher).get(collection_path(made["id"])).status_code == 404


def test_creating_needs_the_permission_for_it(people):
    assert client_of(people.curator).post(COLLECTIONS, {"name": "Mine"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a", "redaction_profile": "none"}, "redaction_profile"),
        ({"name": "a", "model_set": "best"}, "model_set"),
        ({"name": "a", "retention_policy": "nope"}, "retention_policy"),
        (
            {"name": "a", "retention_policy": "00000000-0000-4000-8000-000000000000"},
            "retention_policy",
        ),
        ({"name": "a", "purposes": {"search": {"consent": "perhaps"}}}, "purposes"),
        ({"name": "a", "purposes": {"search": {"special_categories": True}}}, "purposes"),
        ({"name": "a", "purposes": {"search": {"art9_condition": "a"}}}, "purposes"),
        ({"name": "a", "purposes": {"search": {"art9_condition": "k"}}}, "purposes"),
        (
            {
                "name": "a",
                "purposes": {"search": {"special_categories": True, "art9_condition": "a"}},
            },
            "purposes",
        ),
        ({"name": "a", "purposes": {"marketing": {}}}, "purposes"),
        ({"name": "a", "purposes": []}, "purposes"),
        ({"name": "a", "colour": "red"}, "non_field_errors"),
    ],
)
def test_rules_that_cannot_be_are_refused_by_field(people, body, field):
    answer = client_of(people.steward).post(COLLECTIONS, body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_stewards_change_it_readers_do_not(people):
    path = collection_path(people.collection.pk)
    for user in (people.curator, people.contributor, people.searcher):
        assert client_of(user).patch(path, {"name": "Mine"}).status_code == 403
        assert client_of(user).delete(path).status_code == 403
    policy = RetentionPolicy.objects.create(name="Short", rules=[{"what": "raw", "after_days": 3}])
    change = {
        "description": "Old ones",
        "retention_policy": str(policy.pk),
        "purposes": {"search": {"legal_basis": "Art. 6(1)(f)"}},
    }
    changed = client_of(people.steward).patch(path, change).json()
    assert changed["name"] == "Photographs"
    assert changed["description"] == "Old ones"
    assert changed["retention_policy"] == str(policy.pk)
    assert changed["purposes"]["search"]["legal_basis"] == "Art. 6(1)(f)"
    assert changed["purposes"]["training"]["legal_basis"] == ""
    assert last_event() == "collection:collection:update"
    assert (
        client_of(people.steward).patch(path, {"retention_policy": None}).json()["retention_policy"]
        is None
    )


def test_a_new_policy_sets_the_dates_of_originals_that_are_here(people):
    asset = make_asset(people.collection, raw=b"original")
    policy = RetentionPolicy.objects.create(name="Short", rules=[{"what": "raw", "after_days": 3}])
    path = collection_path(people.collection.pk)
    client_of(people.steward).patch(path, {"retention_policy": str(policy.pk)})
    with scope.system():
        asset.refresh_from_db()
    assert asset.raw_kept_until is not None


def test_only_an_empty_collection_is_deleted(people):
    path = collection_path(people.collection.pk)
    asset = make_asset(people.collection)
    assert client_of(people.steward).delete(path).status_code == 409
    with scope.system():
        asset.delete()
    assert client_of(people.steward).delete(path).status_code == 204
    assert last_event() == "collection:collection:delete"
    assert client_of(people.steward).get(path).status_code == 404


def test_grants_are_for_stewards_to_see_and_give(people):
    path = collection_path(people.collection.pk, "grants/")
    for user in (people.curator, people.contributor, people.searcher):
        assert client_of(user).get(path).status_code == 403
        assert client_of(user).post(path, {"user": "otto", "role": "searcher"}).status_code == 403
    client = client_of(people.steward)
    assert client.get(path).json()["count"] == 5
    answer = client.post(path, {"user": "otto", "role": "searcher"})
    assert answer.status_code == 201
    assert answer.json()["user"] == "otto"
    assert answer.json()["team"] is None
    assert last_event() == "access:grant:create"
    assert names(people.outsider) == ["Photographs"]
    assert client.post(path, {"user": "otto", "role": "searcher"}).status_code == 409
    assert client.delete(f"{path}{answer.json()['id']}/").status_code == 204
    assert last_event() == "access:grant:delete"
    assert names(people.outsider) == []


def test_a_team_grant_reaches_members_and_ends_with_its_date(people):
    team = team_create(by=None, slug="archive", name="Archive")
    member_add(by=None, team=team, user=people.outsider)
    path = collection_path(people.collection.pk, "grants/")
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    body = {"team": "archive", "role": "contributor", "expires_at": until}
    assert client_of(people.steward).post(path, body).status_code == 201
    assert names(people.outsider) == ["Photographs"]
    Grant.objects.filter(team=team).update(expires_at=timezone.now())
    assert names(people.outsider) == []


@pytest.mark.parametrize(
    "body",
    [
        {"role": "searcher"},
        {"user": "sara", "team": "archive", "role": "searcher"},
        {"user": "nobody", "role": "searcher"},
        {"team": "nobody", "role": "searcher"},
        {"user": "otto", "role": "king"},
        {"user": "otto", "role": "steward", "raw": True},
        {"user": "otto", "role": "searcher", "expires_at": "2001-01-01T00:00:00Z"},
        {"user": "otto\x00", "role": "searcher"},
    ],
)
def test_grants_that_cannot_be_are_refused(people, body):
    path = collection_path(people.collection.pk, "grants/")
    before = Grant.objects.count()
    assert client_of(people.steward).post(path, body).status_code == 400
    assert Grant.objects.count() == before


def test_nobody_gives_themselves_sight_of_originals(people):
    path = collection_path(people.collection.pk, "grants/")
    client = client_of(people.steward)
    assert client.post(path, {"user": "stella", "role": "curator", "raw": True}).status_code == 403
    team = team_create(by=None, slug="archive", name="Archive")
    member_add(by=None, team=team, user=people.steward)
    assert client.post(path, {"team": "archive", "role": "curator", "raw": True}).status_code == 403
    assert client.post(path, {"user": "cora", "role": "curator", "raw": True}).status_code == 201


def test_the_last_lasting_steward_stays(people):
    path = collection_path(people.collection.pk, "grants/")
    client = client_of(people.steward)
    own = Grant.objects.get(user=people.steward, role="steward")
    assert client.delete(f"{path}{own.pk}/").status_code == 409
    # One whose grant ends, or whose account is closed, does not count.
    people.grant(people.curator, "steward", expires_at=timezone.now() + timedelta(days=1))
    closed = person("clara")
    people.grant(closed, "steward")
    closed.is_active = False
    closed.save()
    assert client.delete(f"{path}{own.pk}/").status_code == 409
    people.grant(people.contributor, "steward")
    assert client.delete(f"{path}{own.pk}/").status_code == 204


def test_a_grant_of_another_collection_is_not_there(people):
    with scope.system():
        other = Collection.objects.create(name="Hidden")
        theirs = Grant.objects.create(collection=other, user=people.outsider, role="searcher")
    path = collection_path(people.collection.pk, f"grants/{theirs.pk}/")
    assert client_of(people.steward).delete(path).status_code == 404
    assert Grant.objects.filter(pk=theirs.pk).exists()
