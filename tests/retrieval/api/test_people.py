"""People and consents over REST: who may, what it names, and what it tells nobody."""

import io
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import DataSubject, LedgerPending
from retrieval import scope
from retrieval.models import Asset
from tests.cast import client_of, collection_path
from tests.factories import make_asset, make_collection

API = "/api/v1"
ANN = "Ann.Example@example.org"
pytestmark = pytest.mark.usefixtures("servers", "sent")


@pytest.fixture
def governor(people):
    return client_of(people.governor)


@pytest.fixture
def subject(governor):
    return governor.post(f"{API}/subjects/", {"identifier": ANN}).json()["id"]


@pytest.fixture
def consent(governor, subject):
    body = {"subject": subject, "purposes": ["search"], "starts_at": timezone.now()}
    answer = governor.post(f"{API}/consents/", body, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


@pytest.fixture
def asset(people, governor, subject):
    made = make_asset(people.collection, segments=("one",))
    answer = governor.post(f"{API}/assets/{made.pk}/subjects/", {"subjects": [subject]})
    assert answer.json()["disappears"] == []
    return made


def state_of(asset):
    with scope.system():
        return Asset.objects.get(pk=asset.pk).state


def test_the_same_identifier_is_the_same_person_and_is_stored_encrypted(governor, subject):
    again = governor.post(f"{API}/subjects/", {"identifier": "  ann.example@EXAMPLE.org "})
    assert (again.status_code, again.json()["id"]) == (200, subject)
    other = governor.post(f"{API}/subjects/", {})
    assert other.status_code == 201
    with scope.system():
        row = DataSubject.objects.get(id=subject)
    assert b"xample" not in bytes(row.identifier) + bytes(row.identifier_blind)
    listed = governor.get(f"{API}/subjects/").json()
    assert [one["id"] for one in listed["results"]] == [other.json()["id"], subject]
    assert "xample" not in str(listed)
    refused = governor.post(f"{API}/subjects/{subject}/identifier/", {})
    assert refused.status_code == 400
    shown = governor.post(f"{API}/subjects/{subject}/identifier/", {"reason": "she is calling"})
    assert shown.json() == {"identifier": ANN}
    event = LedgerPending.objects.get(event="subject:identifier:reveal")
    assert "calling" not in event.payload


def test_a_withdrawal_names_what_disappears_before_and_after(governor, consent, asset):
    path = f"{API}/consents/{consent['id']}/withdraw/"
    tried = governor.post(f"{path}?dry_run=1", {}).json()
    assert [one["asset"] for one in tried["disappears"]] == [str(asset.pk)]
    assert (tried["consent"]["state"], state_of(asset)) == ("valid", "searchable")
    done = governor.post(path, {"how": "letter"}).json()
    assert done["disappears"] == tried["disappears"]
    assert done["consent"]["state"] == "withdrawn"
    listed = governor.get(f"{API}/subjects/{consent['subject']}/assets/").json()["results"]
    assert [(one["id"], one["state"], one["reason"]) for one in listed] == [
        (str(asset.pk), "withheld", "consent-withdrawn")
    ]
    assert done["consent"]["withdrawal"]["how"] == "letter"
    assert state_of(asset) == "withheld"
    again = governor.post(path, {})
    assert again.status_code == 409
    body = {"subject": consent["subject"], "purposes": ["search"]}
    tried = governor.post(f"{API}/consents/?dry_run=1", body, format="json")
    assert [one["asset"] for one in tried.json()["returns"]] == [str(asset.pk)]
    assert governor.get(f"{API}/consents/").json()["count"] == 1
    made = governor.post(f"{API}/consents/", body, format="json")
    assert made.json()["consequences"]["returns"][0]["asset"] == str(asset.pk)
    assert governor.get(f"{API}/consents/?state=valid").json()["count"] == 1


@pytest.mark.parametrize(("verb", "reason"), [("restrict", "restricted"), ("object", "objected")])
def test_restriction_and_objection_take_away_and_lift(governor, subject, asset, verb, reason):
    path = f"{API}/subjects/{subject}"
    tried = governor.post(f"{path}/{verb}/?dry_run=1", {}).json()
    assert [one["reason"] for one in tried["disappears"]] == [reason]
    assert governor.get(f"{path}/").json()["state"] == "active"
    done = governor.post(f"{path}/{verb}/", {"reason": "she asked"}).json()
    assert (done["state"], state_of(asset)) == (reason, "withheld")
    lifted = governor.post(f"{path}/lift/", {"what": [reason]}, format="json").json()
    assert (lifted["state"], lifted["returns"][0]["asset"]) == ("active", str(asset.pk))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"purposes": ["search"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        (
            {
                "purposes": ["search"],
                "starts_at": "2999-01-02T00:00:00Z", "expires_at": "2999-01-01T00:00:00Z",
            },
            "expires_at",
        ),
        ({"purposes": []}, "purposes"),
        ({"purposes": ["advertising"]}, "purposes"),
        ({"purposes": ["search"], "legal_basis": "because"}, "legal_basis"),
        (
            {"purposes": ["search"], "legal_basis": "contract", "special_condition": "a"},
            "special_condition",
        ),
        ({"purposes": ["search"], "supersedes": str(uuid.uuid4())}, "supersedes"),
        ({"purposes": ["search"], "name": "Ann"}, "non_field_errors"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_are_refused_by_field(governor, subject, body, field):
    answer = governor.post(f"{API}/consents/", {"subject": subject, **body}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_nobody_else_reads_or_changes_anything_about_people(people, subject, consent, asset):
    unknown = uuid.uuid4()
    calls = [
        ("get", "/subjects/", {}), ("post", "/subjects/", {}), ("get", f"/subjects/{subject}/", {}),
        ("get", f"/subjects/{subject}/assets/", {}),
        ("post", f"/subjects/{subject}/identifier/", {"reason": "curious"}),
        ("post", f"/subjects/{subject}/restrict/", {}),
        ("post", f"/subjects/{subject}/lift/?dry_run=1", {}),
        ("get", "/consents/", {}), ("get", f"/consents/{consent['id']}/", {}),
        ("post", "/consents/", {"subject": subject, "purposes": ["search"]}),
        ("post", f"/consents/{consent['id']}/withdraw/?dry_run=1", {}),
        ("delete", f"/assets/{asset.pk}/subjects/{subject}/", {}),
        ("get", f"/consents/{unknown}/", {}), ("post", f"/subjects/{unknown}/object/", {}),
    ]  # fmt: skip
    anonymous = client_of(None)
    others = [
        (client_of(user), code)
        for user, code in ((people.outsider, 404), (people.searcher, 404), (people.steward, 403))
    ]
    for verb, path, body in calls:
        for client, code in others:
            answer = getattr(client, verb)(f"{API}{path}", body, format="json")
            assert answer.status_code == code, (verb, path, code)
            assert str(subject) not in answer.content.decode()
        answer = getattr(anonymous, verb)(f"{API}{path}", body, format="json")
        assert answer.status_code == 401
    assert state_of(asset) == "searchable"
    gone = client_of(people.governor).get(f"{API}/consents/{unknown}/")
    assert gone.status_code == 404


def test_who_is_in_an_asset_is_for_those_who_describe_or_govern_it(people, subject, asset):
    path, elsewhere = f"{API}/assets/{asset.pk}/subjects/", make_asset(make_collection())
    for user, code in (
        (people.outsider, 404), (people.searcher, 403), (people.contributor, 403),
        (people.curator, 200), (people.steward, 200), (people.governor, 200),
    ):  # fmt: skip
        client = client_of(user)
        assert client.get(path).status_code == code
        assert client.post(f"{path}?dry_run=1", {"subjects": [subject]}).status_code == code
    hidden = f"{API}/assets/{elsewhere.pk}/subjects/"
    assert client_of(people.curator).post(hidden, {"subjects": [subject]}).status_code == 404
    stranger = client_of(people.curator).post(path, {"subjects": [str(uuid.uuid4())]})
    assert (stranger.status_code, list(stranger.json()["errors"])) == (400, ["subjects"])


def test_an_upload_names_people_and_their_consent(people, governor, subject, consent):
    governor.post(f"{API}/subjects/{subject}/restrict/", {})
    path = collection_path(people.collection.pk, "assets/")
    client = client_of(people.contributor)

    def upload(content, **fields):
        file = io.BytesIO(content)
        file.name = "letter.txt"
        return client.post(path, {"file": file, **fields}, format="multipart")

    answer = upload(b"one", subjects=[subject], consent=consent["id"])
    assert (answer.status_code, answer.json()["state"]) == (202, "withheld")
    again = upload(b"one")
    assert (again.status_code, again.json()) == (200, answer.json())
    refused = upload(b"two", subjects=[subject, str(uuid.uuid4())])
    assert refused.status_code == 400
    assert subject not in refused.content.decode()


def test_new_purposes_can_be_tried_first(people, asset):
    path = collection_path(people.collection.pk)
    needed = {"purposes": {"search": {"consent": "required"}}}
    steward = client_of(people.steward)
    tried = steward.patch(f"{path}?dry_run=1", needed, format="json")
    assert [one["asset"] for one in tried.json()["disappears"]] == [str(asset.pk)]
    assert (state_of(asset), steward.get(path).json()["purposes"]["search"]["consent"]) == (
        "searchable", "not_required",
    )  # fmt: skip
    done = steward.patch(path, needed, format="json")
    assert done.json()["purposes"]["search"]["consent"] == "required"
    assert state_of(asset) == "withheld"
    assert client_of(people.searcher).patch(f"{path}?dry_run=1", needed).status_code == 403
    soon = (timezone.now() + timedelta(days=1)).isoformat()
    assert (
        steward.patch(path, {"purposes": {"search": {"until": soon}}}, format="json").status_code
        == 400
    )
