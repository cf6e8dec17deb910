"""Records of processing: true to what is configured, honest about what is not."""

import io
import json

import pytest
from django.core.management import call_command

from audit import signing
from audit.chaining import chain_pending
from audit.models import LedgerEntry
from audit.processing import FIELDS
from retrieval import scope
from retrieval.models import Collection, EvaluationRun
from retrieval.services.processing import as_html, processing_document
from tests.cast import client_of
from tests.factories import make_policy

SAID = {
    "controller_name": "Town Archive <Ltd>", "controller_address": "1 High Street\nTown",
    "controller_contact": "office@example.org", "dpo_name": "Dora Po",
    "dpo_contact": "dpo@example.org", "purposes": "Finding photographs",
    "subject_categories": "Citizens", "data_categories": "Pictures", "recipients": "none",
    "transfers": "none", "necessity": "There is no milder way",
}  # fmt: skip


def record(user, kind="record"):
    return client_of(user).get(f"/api/v1/processing/{kind}/").json()


def codes(document, collection=None):
    return {
        one["code"]
        for one in document["open_findings"]
        if collection is None or one["collection"] == collection
    }


def test_what_nobody_said_is_missing_and_nothing_is_made_up(people):
    found = record(people.governor)
    assert found["controller"]["controller_name"] == ""
    missing = {one["what"] for one in found["missing"]}
    assert {field.label for field in FIELDS if field.due} <= missing
    assert "Legal basis of “Photographs” for search" in missing
    assert "Time limits of “Photographs”" in missing
    assert {"no-legal-basis", "no-retention"} <= codes(found, "Photographs")
    page = as_html(found, kind="record")
    assert "not said" in page
    assert "Missing (" in page


def test_what_is_said_is_in_it_escaped_and_recorded_without_names(people):
    client = client_of(people.governor)
    answer = client.patch("/api/v1/processing/details/", SAID).json()
    assert answer["missing"] == []
    assert answer["details"]["dpo_name"] == "Dora Po"
    found = record(people.governor)
    assert found["purposes"]["said"] == ["Finding photographs"]
    page = as_html(found, kind="record")
    assert "Town Archive &lt;Ltd&gt;" in page
    chain_pending()
    entry = LedgerEntry.objects.get(event="audit:processing:describe")
    assert json.loads(entry.payload) == {"fields": sorted(SAID)}
    assert "Dora" not in entry.payload
    body = {name: value for name, value in found.items() if name != "signature"}
    assert signing.verify("processing-record", body, found["signature"])
    assert client.patch("/api/v1/processing/details/", {"nobody": "x"}).status_code == 400
    assert client.patch("/api/v1/processing/details/", {"purposes": "x" * 4001}).status_code == 400


@pytest.fixture
def tidy(people):
    """Everything that a collection should have."""
    with scope.system():
        purposes = {
            name: {"consent": "not_required", "legal_basis": "public_task"}
            for name in ("search", "training", "raw_access")
        }
        policy = make_policy({"what": "raw", "after_days": 30})
        Collection.objects.update(purposes=purposes, retention_policy=policy)
    return people


def test_a_collection_in_order_has_no_findings_and_each_flaw_makes_its_own(tidy, settings):
    people = tidy
    assert codes(record(people.governor), "Photographs") == set()
    flaws = {
        "weak-profile": {"redaction_profile": "open"},
        "no-retention": {"retention_policy": None},
        "no-legal-basis": {"purposes": {}},
        "special-categories": {"purposes": {"search": {"special_categories": True}}},
    }
    for code, change in flaws.items():
        with scope.system():
            before = Collection.objects.values("redaction_profile", "retention_policy", "purposes")[
                0
            ]
            Collection.objects.update(**change)
        assert code in codes(record(people.governor), "Photographs"), code
        with scope.system():
            Collection.objects.update(**before)
    people.grant(people.curator, "searcher", raw=True)
    found = record(people.governor)
    assert codes(found, "Photographs") == {"raw-grants"}
    inside = found["recipients"]["inside"][0]
    assert inside["may_see_originals"] == 1
    assert inside["people_by_role"]["steward"] == 1
    assert "too-few-governors" in codes(found)
    assert "no-second-person" not in codes(found)
    settings.VITRINE_SECOND_PERSON = frozenset({"erasure"})
    assert "no-second-person" in codes(record(people.governor))


def test_the_assessment_tells_risks_with_measures_and_says_where_no_figure_is(tidy):
    found = record(tidy.governor, "dpia")
    risks = {one["code"]: one for one in found["risks"]}
    assert {"missed-redaction", "vectors", "unauthorised-sight", "watched-staff"} <= set(risks)
    watched = risks["watched-staff"]["measures"]
    assert ("looking for anomalies in searches", "not in force") in {
        (one["name"], one["state"]) for one in watched
    }
    assert risks["vectors"]["figures"] == []
    assert any("Vectors tell something" in one["what"] for one in found["missing"])
    assert "no figure is stored here" in as_html(found, kind="dpia")
    for one in risks.values():
        assert one["measures"]


def test_figures_that_are_stored_are_told_with_their_source(tidy):
    leak = {
        "attribute": "the person named", "chance": 0.1, "before": {"value": 0.8},
        "after": {"value": 0.12},
    }  # fmt: skip
    run = EvaluationRun.objects.create(
        model="starter@2", dataset="people", kind="leakage", result={"leakage": {"text": leak}}
    )
    EvaluationRun.objects.create(
        model="starter@2", dataset="flickr", result={"calibration": {"ece": 0.031}, "memory_mb": 5}
    )
    risks = {one["code"]: one for one in record(tidy.governor, "dpia")["risks"]}
    told = risks["vectors"]["figures"][0]
    assert (
        "guessed for 12% of redacted vectors, 80% of unredacted ones; chance 10%" in told["figure"]
    )
    assert str(run.pk) in told["source"]
    assert risks["wrong-match"]["figures"][0]["figure"].endswith("calibration ece 0.031")


def test_they_are_for_governors(people):
    for user in (people.steward, people.operator, people.searcher):
        for what in ("record", "dpia", "details"):
            assert client_of(user).get(f"/api/v1/processing/{what}/").status_code == 403
        refused = client_of(user).patch("/api/v1/processing/details/", {"purposes": "x"})
        assert refused.status_code == 403


def test_the_command_writes_both_forms(people, tmp_path):
    told = io.StringIO()
    call_command("processing", "dpia", "--out", str(tmp_path / "it"), stdout=told)
    assert "missing: Controller (Art. 30(1)(a))" in told.getvalue()
    page = (tmp_path / "it.html").read_text()
    assert page.startswith("<!doctype html>")
    for elsewhere in ("src=", "http://", "https://", "<script"):
        assert elsewhere not in page
    call_command("processing", "record", "--out", str(tmp_path / "r.json"), stdout=io.StringIO())
    assert json.loads((tmp_path / "r.json").read_text())["format"] == "vitrine-processing-record/1"
    assert not (tmp_path / "r.html").exists()
    assert processing_document(by=None, kind="record")["made_at"]
