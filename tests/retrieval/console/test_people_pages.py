"""Pages of people and consents: for governors alone, each change shown before it is made."""

import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from audit.consents import Terms
from audit.models import ConsentRecord, DataSubject, LedgerPending
from retrieval import scope
from retrieval.models import Asset, Collection
from retrieval.services.consents import consent_record
from retrieval.services.linking import subjects_link
from tests.factories import grant, make_asset, make_collection, make_subject, make_user

ANN = "ann@example.org"
PREFIX = "admin:audit_"
pytestmark = pytest.mark.django_db


def browser(**roles):
    client = Client()
    client.force_login(make_user(is_staff=True, **roles))
    return client


@pytest.fixture
def governor():
    return browser(is_governor=True)


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture
def asset(collection):
    return make_asset(collection)


@pytest.fixture
def subject(asset):
    made = make_subject(ANN)
    subjects_link(by=None, asset_id=asset.pk, subject_ids=[made])
    return made


@pytest.fixture
def record(subject):
    return consent_record(by=None, subject_id=subject, terms=Terms(purposes=["search"])).record


def text_of(answer):
    return answer.content.decode()


def carried_out(client, path, data):
    """The page that shows what would happen, and the one after doing it."""
    shown = client.post(path, data)
    assert shown.status_code == 200, text_of(shown)
    token = re.search(r'name="token" value="([^"]+)"', text_of(shown))
    assert token, re.sub(r"<[^>]+>", " ", text_of(shown))[-2000:]
    done = client.post(path, data | {"token": token[1]})
    assert done.status_code == 302
    return text_of(shown), client.get(done.url)


def state_of(asset):
    with scope.system():
        return Asset.objects.get(pk=asset.pk).state


def test_a_withdrawal_shows_the_list_before_it_takes_effect(governor, asset, record):
    path = reverse(f"{PREFIX}consentrecord_withdraw", args=[record.id])
    shown, done = carried_out(governor, path, {"how": "letter"})
    assert str(asset.pk) in shown
    assert "consent-withdrawn" in shown
    assert state_of(asset) == "withheld"
    assert "Withdrawn. 1 assets are withheld." in text_of(done)
    again = governor.post(path, {"how": "letter"})
    assert "withdrawn already" in text_of(again)
    assert 'name="token"' not in text_of(again)


def test_a_new_consent_and_its_next_version_bring_back(governor, asset, subject, record):
    withdraw = reverse(f"{PREFIX}consentrecord_withdraw", args=[record.id])
    carried_out(governor, withdraw, {"how": "letter"})
    given = {
        "subject": str(subject), "purposes": ["search", "training"], "legal_basis": "consent",
        "data_categories": "Picture, Voice", "controller": "A Ltd",
    }  # fmt: skip
    shown, page = carried_out(governor, reverse(f"{PREFIX}consentrecord_new"), given)
    assert "comes back" in shown
    assert state_of(asset) == "received"
    assert "Picture, Voice" in text_of(page)
    with scope.system():
        made = ConsentRecord.objects.get(withdrawn_at=None)
    path = reverse(f"{PREFIX}consentrecord_version", args=[made.id])
    assert 'value="A Ltd"' in text_of(governor.get(path))
    del given["subject"]
    _, page = carried_out(governor, path, given | {"purposes": ["search"]})
    assert "version 2" in text_of(page)
    with scope.system():
        assert ConsentRecord.objects.get(supersedes=made.id).series == made.id
    bad = given | {"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}
    assert "not after the beginning" in text_of(governor.post(path, bad))


def test_restriction_objection_and_their_end(governor, asset, subject):
    for verb, hold in (("restrict", "restricted"), ("object", "objected")):
        path = reverse(f"{PREFIX}datasubject_{verb}", args=[subject])
        shown, page = carried_out(governor, path, {"reason": "she asked"})
        # What is withheld for the one does not disappear a second time.
        assert (str(asset.pk) in shown) == (verb == "restrict")
        assert f"{hold.capitalize()} since" in text_of(page)
    lift = reverse(f"{PREFIX}datasubject_lift", args=[subject])
    _, page = carried_out(governor, lift, {"what": ["restricted"], "reason": ""})
    assert "0 assets are on their way back" in text_of(page)
    _, page = carried_out(governor, lift, {"what": ["objected"], "reason": ""})
    assert state_of(asset) == "received"


def test_who_it_is_shows_with_a_reason_in_one_answer_alone(governor, asset, subject):
    pages = [
        reverse(f"{PREFIX}datasubject_changelist"), reverse(f"{PREFIX}consentrecord_changelist"),
        reverse(f"{PREFIX}datasubject_change", args=[subject]),
    ]  # fmt: skip
    path = reverse(f"{PREFIX}datasubject_reveal", args=[subject])
    assert ANN not in text_of(governor.post(path, {"reason": " "}))
    shown = governor.post(path, {"reason": "she is on the telephone"})
    assert ANN in text_of(shown)
    assert "no-store" in shown["Cache-Control"]
    assert LedgerPending.objects.filter(event="subject:identifier:reveal").count() == 1
    for page in pages:
        assert ANN not in text_of(governor.get(page))
    assert ANN not in str(governor.cookies)
    for kind in ("csv", "jsonl"):
        export = governor.post(reverse(f"{PREFIX}datasubject_export"), {"format": kind})
        assert str(subject).encode() in export.getvalue()
        assert ANN.encode() not in export.getvalue()


def test_a_file_is_looked_at_before_it_is_imported(governor):
    path = reverse(f"{PREFIX}consentrecord_import")

    def file(text):
        made = io.BytesIO(text.encode())
        made.name = "consents.csv"
        return made

    wrong = governor.post(path, {"file": file(f"identifier,purposes\n{ANN},sell\n")})
    assert "Line 2, purposes" in text_of(wrong)
    good = f"identifier,purposes\n{ANN},search\n"
    shown = governor.post(path, {"file": file(good)})
    token = re.search(r'name="token" value="([^"]+)"', text_of(shown))[1]
    with scope.system():
        assert not DataSubject.objects.exists()
    hidden = re.search(r'name="text" value="([^"]+)"', text_of(shown))[1]
    assert governor.post(path, {"text": hidden, "token": token}).status_code == 302
    with scope.system():
        assert ConsentRecord.objects.count() == 1


def test_a_receipt_is_issued_by_a_button(governor, record):
    path = reverse(f"{PREFIX}consentrecord_receipt", args=[record.id])
    governor.get(path)
    assert not LedgerPending.objects.filter(event="consent:receipt:issue").exists()
    page = text_of(governor.post(path, {"print": "1"}))
    assert str(record.subject) in page
    assert "Ed25519" in page
    file = governor.post(path, {"file": "1"})
    assert file["Content-Type"] == "application/json"
    assert file.json()["record"]["record_id"] == str(record.id)


def test_purposes_show_what_they_would_withhold(asset, collection):
    steward = make_user(is_staff=True)
    grant(collection, steward, "steward")
    client = Client()
    client.force_login(steward)
    path = reverse("admin:console_purposes", args=[collection.pk])
    given = {f"{name}_consent": "not_required" for name in ("search", "training", "raw_access")}
    needed = given | {"search_consent": "required", "search_legal_basis": "consent"}
    shown, _ = carried_out(client, path, needed)
    assert "consent-missing" in shown
    assert state_of(asset) == "withheld"
    with scope.system():
        assert Collection.objects.get(pk=collection.pk).purposes["search"]["consent"] == "required"
    bare = client.post(path, given | {"training_special_categories": "yes"})
    assert "Art. 9(2)" in text_of(bare)
    assert browser(is_governor=True).get(path).status_code == 404
    reader = make_user(is_staff=True)
    grant(collection, reader, "curator")
    grant(make_collection(), reader, "steward")
    client.force_login(reader)
    assert client.get(path).status_code == 403


def test_nobody_but_governors_opens_any_of_it(collection, subject, record):
    steward = make_user(is_staff=True)
    grant(collection, steward, "steward")
    pages = [
        *(reverse(f"{PREFIX}{name}") for name in (
            "datasubject_changelist", "datasubject_new", "consentrecord_changelist",
            "consentrecord_new", "consentrecord_import",
        )),
        *(reverse(f"{PREFIX}datasubject_{name}", args=[subject])
          for name in ("change", "restrict", "object", "lift", "reveal", "link")),
        *(reverse(f"{PREFIX}consentrecord_{name}", args=[record.id])
          for name in ("change", "version", "withdraw", "receipt")),
    ]  # fmt: skip
    outsider = browser()
    operator = browser(is_operator=True)
    client = Client()
    client.force_login(steward)
    for page in pages:
        assert client.get(page).status_code == 403, page
        posted = client.post(page, {"reason": "curious", "how": "letter"})
        assert posted.status_code in {403, 405}, page
        assert operator.get(page).status_code == 403, page
        assert outsider.get(page).status_code in {302, 403}, page
