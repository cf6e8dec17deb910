"""Profiles, redacting anew and looking for a person, over the API."""

import pytest

from audit.models import LedgerPending
from retrieval import scope
from retrieval.services.ingest import asset_upload
from retrieval.services.stages import stage_run
from retrieval.uploads import upload_from
from tests.cast import client_of, collection_path
from tests.factories import make_asset, make_collection

PROFILES = "/api/v1/redaction-profiles/"
RULES = {"entities": {"PERSON": {"threshold": 0.5, "operator": "hash"}}, "deny": ["Blue Heron"]}


@pytest.fixture
def steward(people):
    return client_of(people.steward)


def test_a_steward_makes_a_profile_changes_it_and_gives_it_to_a_collection(people, steward):
    made = steward.post(PROFILES, {"name": "ours", "rules": RULES})
    assert made.status_code == 201, made.content
    assert made.json()["ref"] == "ours@1"
    assert made.json()["rules"]["entities"]["PERSON"]["operator"] == "hash"
    assert "e-mail addresses, telephone numbers and user names" in made.json()["leaves_in"]
    assert made.json()["measured"]["figures"] == []
    path = collection_path(people.collection.pk)
    assert steward.patch(path, {"redaction_profile": "ours"}).status_code == 200
    answer = steward.patch(path, {"redaction_profile": "nobodys"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["redaction_profile"]
    changed = steward.post(f"{PROFILES}ours/", {"rules": {**RULES, "deny": []}})
    assert changed.status_code == 201
    versions = steward.get(f"{PROFILES}ours/").json()["results"]
    assert [one["ref"] for one in versions] == ["ours@2", "ours@1"]
    assert [one["field"] for one in versions[0]["changes"]] == ["deny"]
    assert versions[0]["collections"] == [str(people.collection.pk)]
    assert versions[0]["used_elsewhere"] is None  # how many others there are is not a steward's
    listed = client_of(people.operator).get(PROFILES).json()["results"]
    assert [one["ref"] for one in listed] == ["strict@2", "standard@2", "open@3", "ours@2"]
    assert listed[-1]["used_elsewhere"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Ours", "rules": RULES}, "name"),
        ({"name": "ours"}, "rules"),
        ({"name": "ours", "rules": {"entities": {"PERSON": {"threshold": 7}}}}, "rules"),
        ({"name": "ours", "rules": {"entities": {}, "colour": 1}}, "rules"),
        ({"name": "ours", "rules": {"entities": {"EMAIL": {"threshold": 0.5}}}}, "rules"),
    ],
)
def test_what_cannot_be_meant_is_a_bad_request(steward, body, field):
    answer = steward.post(PROFILES, body)
    assert answer.status_code == 400
    assert all(name.startswith(field) for name in answer.json()["errors"])
    assert not any(one["name"] == "ours" for one in steward.get(PROFILES).json()["results"])


def test_redacting_anew_is_told_first_and_begun_by_stewards_only(people, steward, sent):
    with scope.system():
        asset = make_asset(people.collection, profile_version="open@3", raw=b"text")
        lost = make_asset(people.collection, profile_version="open@3", raw_state="purged")
        make_asset(people.collection, profile_version="standard@2", raw=b"text")
    path = collection_path(people.collection.pk, "reredact/")
    told = steward.post(f"{path}?dry_run=1", {})
    assert told.status_code == 200
    assert (told.json()["again"], told.json()["lost"]) == (1, [str(lost.pk)])
    assert told.json()["stricter"]
    assert told.json()["running"] is None
    behind = steward.get("/api/v1/assets/?behind=1").json()
    assert {one["id"] for one in behind["results"]} == {str(asset.pk), str(lost.pk)}
    assert {one["profile_version"] for one in behind["results"]} == {"open@3"}
    assert steward.get("/api/v1/assets/?behind=0").json()["count"] == 1
    assert steward.get("/api/v1/assets/").json()["count"] == 3
    for verb in ("get", "post", "delete"):
        assert getattr(client_of(people.curator), verb)(path, {}).status_code == 403
    begun = steward.post(path, {"withhold_rest": True})
    assert begun.status_code == 202
    assert begun.json()["running"]["total"] == 1
    assert steward.delete(path).status_code == 204
    assert steward.delete(path).status_code == 409
    assert steward.get(path).json()["running"] is None


def test_somebody_is_found_though_everything_about_them_was_taken_out(people, servers, sent):
    other = make_collection()
    assets = []
    for collection, text in ((people.collection, "from Ann@x.org"), (other, "to ann@x.org")):
        asset, _ = asset_upload(
            user=None,
            collection_id=collection.pk,
            upload=upload_from(iter([text.encode()]), name="a.txt"),
        )
        stage_run(stage="redact", asset_id=asset.pk)
        assets.append(str(asset.pk))
    lookup = "/api/v1/subjects/lookup/"
    for user in (people.steward, people.operator, people.curator):
        assert client_of(user).post(lookup, {"identifier": "ann@x.org"}).status_code == 403
    governor = client_of(people.governor)
    answer = governor.post(lookup, {"identifier": " ANN@x.org "})
    assert answer.status_code == 200, answer.content
    assert {one["asset"] for one in answer.json()["candidates"]} == set(assets)
    assert "ann" not in answer.content.decode().casefold()
    assert governor.post(lookup, {"identifier": "bob@x.org"}).json()["candidates"] == []
    assert governor.post(lookup, {"identifier": "?"}).status_code == 400
    noted = LedgerPending.objects.filter(event="subject:identifier:lookup").order_by("id")
    assert [one.payload for one in noted] == [
        '{"candidates":2,"forms":["email"]}',
        '{"candidates":0,"forms":["email"]}',
    ]
    assert noted[0].refs["collection"] == sorted([str(people.collection.pk), str(other.pk)])
    assert not any("ann" in f"{one.refs}{one.payload}".casefold() for one in noted)
