"""Lists of the console: exports stream what the visitor may see, and the ledger knows of them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse

from audit.chaining import chain_pending
from audit.models import LedgerEntry
from retrieval import scope
from retrieval.admin.console import exporting, lists
from retrieval.admin.console.cells import csv_cell
from retrieval.models import Grant
from tests.factories import grant, make_asset, make_collection, make_user

pytestmark = pytest.mark.django_db


def visiting(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def export(client, kind="csv", model="retrieval_asset", **filters):
    return client.post(reverse(f"admin:{model}_export", query=filters), {"format": kind})


@pytest.fixture
def steward():
    user = make_user("stella", is_staff=True)
    mine, theirs = make_collection("Letters"), make_collection("Secrets")
    grant(mine, user, "steward")
    for number in range(5):
        make_asset(mine, title=f"=HYPERLINK({number})", modality="text" if number else "image")
    make_asset(theirs, title="Nothing for her")
    return user


def test_an_export_has_the_rows_and_columns_of_the_list_and_is_recorded(steward, monkeypatch):
    monkeypatch.setattr(lists, "BATCH", 2)
    answer = export(visiting(steward))
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert len(rows) == 5
    assert {row["collection"] for row in rows} == {"Letters"}
    assert {row["title"] for row in rows} == {"(not shown: needs a reading role)"}
    chain_pending()
    said = {
        entry.event: json.loads(entry.payload)
        for entry in LedgerEntry.objects.filter(event__startswith="audit:list:")
    }
    assert said["audit:list:export"]["list"] == "retrieval.asset"
    assert said["audit:list:exported"] == {
        "list": "retrieval.asset",
        "format": "csv",
        "rows": 5,
        "complete": True,
    }


def test_an_export_is_filtered_as_the_list_is(steward):
    answer = export(visiting(steward), "jsonl", modality="image")
    rows = [json.loads(line) for line in answer.getvalue().decode().splitlines()]
    assert [row["modality"] for row in rows] == ["image"]


def test_a_grant_that_ends_meanwhile_ends_the_export(steward, monkeypatch):
    monkeypatch.setattr(lists, "BATCH", 2)
    parts = iter(export(visiting(steward), "jsonl").streaming_content)
    assert next(parts).count(b"\n") == 2
    with scope.system():
        Grant.objects.all().delete()
    assert b"".join(parts) == b""
    chain_pending()
    told = json.loads(LedgerEntry.objects.get(event="audit:list:exported").payload)
    assert (told["rows"], told["complete"]) == (2, False)


def test_nobody_exports_what_they_may_not_list(steward):
    assert export(visiting(steward), model="audit_actor").status_code == 403
    assert export(visiting(make_user("finn"))).status_code == 302
    assert visiting(steward).get(reverse("admin:retrieval_asset_export")).status_code == 405
    assert export(visiting(steward), "exe").status_code == 403


def test_a_list_counts_no_further_than_it_must(steward, monkeypatch):
    monkeypatch.setattr(lists, "MOST_COUNTED", 3)
    page = visiting(steward).get(reverse("admin:retrieval_asset_changelist"))
    assert page.context["cl"].result_count == 4
    assert b"more than 3" in page.content


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\t=1", "'\t=1"),
        ("－1", "'－1"),
        ("'=1", "''=1"),
        (-5, "-5"),
        (0.25, "0.25"),
        ("plain, with a comma", "plain, with a comma"),
        (None, ""),
        (True, "true"),
        (["a", 1], '["a", 1]'),
    ],
)
def test_no_cell_is_a_formula(value, written):
    assert csv_cell(value) == written


def test_batches_are_small_enough_to_hold():
    assert exporting.BATCH <= 5000


def test_what_an_admin_says_itself_stays_though_its_list_is_mixed_in(steward):
    client = visiting(steward)
    collection = Grant.objects.get(user=steward).collection_id
    page = client.get(reverse("admin:retrieval_collection_change", args=[collection]))
    assert reverse("admin:console_collection_rules", args=[collection]) in page.content.decode()
    listed = client.get(reverse("admin:retrieval_collection_changelist")).content.decode()
    assert "A body of assets with one set of rules" in listed
    assert export(client, model="retrieval_evaluationtask").status_code == 403
