"""The addresses of erasures, also for those who may not use them."""

import pytest
from rest_framework.test import APIClient

from retrieval import scope
from retrieval.services.erasure_proving import erasures_prove
from retrieval.services.erasure_run import erasure_run
from retrieval.services.erasures import erasure_request
from tests.factories import make_asset, make_reader, make_user
from tests.retrieval.erasure.scenery import held_identifier, link

pytestmark = pytest.mark.django_db

URL = "/api/v1/erasures/"


def client(user):
    made = APIClient()
    made.force_authenticate(user)
    return made


@pytest.fixture
def linked(collection, subject):
    return link(make_asset(collection), subject)


def test_two_governors_erase_a_person(
    governor, second, subject, linked, collection, sent, monkeypatch
):
    unlinked = held_identifier(make_asset(collection))
    answer = client(governor).post(URL, {"subject": str(subject.id)})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["state"], body["receipt"], body["receipts"]) == ("awaiting_approval", None, 0)
    assert [one["asset"] for one in body["plan"]["assets"]] == [str(linked.id)]
    here = f"{URL}{body['id']}/"
    (candidate,) = body["candidates"]
    reviewed = client(governor).post(
        f"{here}candidates/{candidate['id']}/", {"decision": "include"}
    )
    plan = reviewed.json()["plan"]
    assert {one["via"] for one in plan["assets"]} == {"linked", "reviewed"}
    assert client(governor).post(f"{here}approve/", {}).status_code == 403
    stale = client(second).post(f"{here}approve/", {"plan": body["plan"]["digest"]})
    assert stale.status_code == 409
    done = client(second).post(f"{here}approve/", {"plan": plan["digest"]})
    assert (done.status_code, done.json()["state"]) == (202, "queued")
    assert client(second).post(f"{here}refuse/").status_code == 409
    monkeypatch.setattr("retrieval.services.erasure_proving.scrub", _nothing)
    erasure_run(request_id=body["id"])
    erasures_prove()
    found = client(governor).get(here).json()
    assert (found["state"], found["progress"]) == ("done", {"erased": 2})
    assert found["receipt"]["assets"]["reviewed"] == 1
    file = client(second).get(f"{here}receipts/1/")
    assert file.json() == found["receipt"]
    assert "attachment" in file["Content-Disposition"]
    assert client(second).get(f"{here}receipts/2/").status_code == 404
    assert unlinked.id != linked.id


def _nothing(_):
    from retrieval.services.scrubbing import Scrubbed

    return Scrubbed()


def test_who_is_not_concerned_learns_nothing(governor, subject, linked, collection):
    of_subject = erasure_request(by=governor, subject_id=subject.id)
    of_asset = erasure_request(by=governor, asset_id=linked.id)
    steward = client(make_reader(collection, "steward"))
    outsider = client(make_user())
    assert outsider.get(URL).status_code == 403
    assert [one["id"] for one in steward.get(URL).json()["results"]] == [str(of_asset.id)]
    for who, one in ((steward, of_subject), (outsider, of_subject), (outsider, of_asset)):
        here = f"{URL}{one.id}/"
        assert who.get(here).status_code == 404
        assert who.post(f"{here}approve/", {}).status_code == 404
        assert who.post(f"{here}refuse/").status_code == 404
        assert who.get(f"{here}receipts/1/").status_code == 404
    assert steward.get(f"{URL}{of_asset.id}/").status_code == 200
    assert steward.post(URL, {"subject": str(subject.id)}).status_code == 403
    assert outsider.post(URL, {"asset": str(linked.id)}).status_code == 404
    assert APIClient().get(URL).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"subject": "x"}, {"subject": None, "asset": None}, {"other": 1}]
)
def test_bad_requests_are_told_so(body, governor):
    assert client(governor).post(URL, body, format="json").status_code == 400


def test_the_list_filters_by_state(governor, subject, linked):
    erasure_request(by=governor, subject_id=subject.id)
    assert client(governor).get(f"{URL}?state=done").json()["count"] == 0
    assert client(governor).get(f"{URL}?state=awaiting_approval").json()["count"] == 1
    assert client(governor).get(f"{URL}?state=nonsense").status_code == 400


def test_a_lookup_says_who_is_known_and_what_is_linked(governor, subject, linked, collection):
    held_identifier(linked)
    other = held_identifier(make_asset(collection))
    url = "/api/v1/subjects/lookup/"
    body = client(governor).post(url, {"identifier": "Anna.Berg@example.org"}).json()
    assert body["subject"] == str(subject.id)
    found = {one["asset"]: one["linked"] for one in body["candidates"]}
    assert found == {str(linked.id): True, str(other.id): False}
    unknown = client(governor).post(url, {"identifier": "nobody@example.org"}).json()
    assert (unknown["subject"], unknown["candidates"]) == (None, [])


def test_a_held_asset_cannot_be_deleted(linked, collection):
    from audit.holds import Held, hold_place

    with scope.system():
        hold_place(actor=None, on=Held(asset=linked.id), reason="case 7")
    curator = client(make_reader(collection, "curator"))
    assert curator.delete(f"/api/v1/assets/{linked.id}/").status_code == 409
