"""Consents in and out as files: imported from CSV, handed out as signed receipts."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit import signing
from audit.models import ConsentRecord, DataSubject, LedgerPending
from audit.standalone import vitrine_verify
from retrieval import scope
from retrieval.models import Asset, Collection
from tests.cast import client_of
from tests.factories import make_asset, make_subject

API = "/api/v1"
NEEDED = {"search": {"consent": "required"}}
ANN, BEN = "ann@example.org", "Ben Example"
FILE = f"""identifier,purposes,legal_basis,expires_at,notice_ref
{ANN},search;training,consent,2099-01-01,leaflet 3
{BEN},search,contract,,
{ANN},raw_access,,2099-01-01T12:00:00+02:00,
"""


@pytest.fixture
def governor(people):
    return client_of(people.governor)


def brought(client, text, *, query=""):
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    file.name = "consents.csv"
    return client.post(f"{API}/consents/import/{query}", {"file": file}, format="multipart")


def counts():
    with scope.system():
        return DataSubject.objects.count(), ConsentRecord.objects.count()


def test_a_file_is_tried_and_imported_and_imported_again_to_no_effect(people, governor):
    subject = make_subject(ANN)
    asset = make_asset(people.collection)
    governor.post(f"{API}/assets/{asset.pk}/subjects/", {"subjects": [str(subject)]})
    with scope.system():
        Collection.objects.filter(pk=people.collection.pk).update(purposes=NEEDED)
        Asset.objects.filter(pk=asset.pk).update(state="withheld", reason="consent-missing")
    tried = brought(governor, FILE, query="?dry_run=1")
    assert (tried.status_code, counts()) == (200, (1, 0))
    done = brought(governor, "\ufeff" + FILE.replace("\n", "\r\n"))
    assert (done.status_code, counts()) == (201, (2, 3))
    for answer in (tried.json(), done.json()):
        assert (answer["records"], answer["subjects"], answer["already"]) == (3, 1, 0)
        assert [one["asset"] for one in answer["consequences"]["returns"]] == [str(asset.pk)]
        assert ANN not in str(answer)
    again = brought(governor, FILE).json()
    assert (again["records"], again["already"], counts()) == (0, 3, (2, 3))
    with scope.system():
        record = ConsentRecord.objects.get(notice_ref="leaflet 3")
    assert (record.subject, record.purposes) == (subject, ["search", "training"])
    assert record.expires_at.isoformat() == "2099-01-01T00:00:00+00:00"


def test_what_is_wrong_is_told_by_line_and_nothing_is_imported(people, governor):
    text = f"""identifier,subject,purposes,starts_at,expires_at,legal_basis
{ANN},,search,2030-01-01,2029-01-01,
{BEN},,sell,,,
,,search,,,
,{"0" * 8}-0000-4000-8000-000000000000,search,,,
"two
lines",,search,not a day,,
{ANN},,search,,,because,surplus
"""
    answer = brought(governor, text)
    assert (answer.status_code, counts()) == (422, (0, 0))
    told = [(one["line"], one["column"]) for one in answer.json()["problems"]]
    assert told == [
        (2, "expires_at"), (3, "purposes"), (4, "identifier"), (5, "subject"), (7, "starts_at"),
        (8, "line"),
    ]  # fmt: skip
    for word in (ANN, BEN, "sell", "because", "surplus"):
        assert word not in answer.content.decode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"identifier,purposes\n", b"\xff\xfe", b"name,purposes\nx,search\n",
        b"purposes\nsearch\n", b'identifier,purposes\n"a,search\n',
        b"identifier,identifier,purposes\na,b,search\n", b"identifier,purposes\na\0,search\n",
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(people, governor, data):
    answer = brought(governor, data)
    assert answer.status_code == 400
    assert counts() == (0, 0)
    assert brought(client_of(people.steward), data).status_code == 403
    assert brought(client_of(people.outsider), data).status_code == 404


def test_the_command_imports_and_tells_problems_by_line(people, tmp_path, capsys):
    path = tmp_path / "consents.csv"
    path.write_text(FILE)
    call_command("consents", "import", str(path), "--dry-run")
    assert "3 records, 2 new subjects would be imported" in capsys.readouterr().out
    assert counts() == (0, 0)
    call_command("consents", "import", str(path))
    assert counts() == (2, 3)
    path.write_text(f"identifier,purposes\n{ANN},sell\n")
    with pytest.raises(CommandError):
        call_command("consents", "import", str(path))
    told = capsys.readouterr().err
    assert "line 2, purposes" in told
    assert ANN not in told


def test_a_receipt_says_what_was_permitted_and_is_checked_elsewhere(people, governor, tmp_path):
    subject = make_subject(ANN)
    body = {
        "subject": str(subject), "purposes": ["search", "raw_access"], "special_condition": "a",
        "data_categories": ["Picture"], "recipients": ["The picture desk"], "controller": "A Ltd",
        "notice_ref": "leaflet 3", "language": "en", "jurisdictions": ["IE"],
        "withdrawal_method": "a letter",
    }  # fmt: skip
    made = governor.post(f"{API}/consents/", body, format="json").json()
    governor.post(f"{API}/consents/{made['id']}/withdraw/", {"how": "letter"})
    receipt = governor.get(f"{API}/consents/{made['id']}/receipt/").json()
    record = receipt["record"]
    assert (record["record_id"], record["pii_principal_id"]) == (made["id"], str(subject))
    assert record["purposes"][0]["lawful_basis"] == ["eu-gdpr:A6-1-a", "eu-gdpr:A9-2-a"]
    assert [one["event_state"] for one in record["event"]] == [
        "dpv:ConsentGiven", "dpv:ConsentWithdrawn",
    ]  # fmt: skip
    assert record["event"][1]["manner"] == "letter"
    assert ANN not in json.dumps(receipt)
    assert LedgerPending.objects.filter(event="consent:receipt:issue").count() == 1
    file, key = tmp_path / "receipt.json", tmp_path / "key.pem"
    file.write_text(json.dumps(receipt))
    key.write_text(signing.public_key_pem())
    assert verified(file, key) == 0
    receipt["record"]["purposes"].pop()
    file.write_text(json.dumps(receipt))
    assert verified(file, key) == 1
    for user, code in ((people.steward, 403), (people.searcher, 404)):
        answer = client_of(user).get(f"{API}/consents/{made['id']}/receipt/")
        assert answer.status_code == code


def verified(file: Path, key: Path) -> int:
    command = [sys.executable, vitrine_verify.__file__, "receipt", str(file), "--key", str(key)]
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode
