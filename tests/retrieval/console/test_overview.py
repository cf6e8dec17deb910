"""The overview: numbers of what the visitor answers for, in a number of statements that stays."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.hold_models import LegalHold, RetentionPause
from retrieval import scope
from retrieval.models import Review
from retrieval.selectors import holdings, overview
from retrieval.selectors.reach import reach_of
from retrieval.selectors.remembered import forget, remembered
from tests.factories import grant, make_asset, make_collection, make_user

pytestmark = pytest.mark.django_db
# Of the fullest page, a governor's and operator's, that begins with nothing remembered.
MOST_STATEMENTS = 50
REQUIRED = {"search": {"consent": "required", "legal_basis": "consent"}}


@pytest.fixture(autouse=True)
def _counted_anew():
    forget()
    yield
    forget()


def visiting(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def letters():
    collection = make_collection("Letters", purposes=REQUIRED)
    for _ in range(3):
        make_asset(collection, redactions=[{"kind": "PERSON", "count": 2}])
    make_asset(collection, state="withheld", reason="consent-missing")
    make_asset(collection, state="quarantined", reason="low-confidence", modality="image")
    return collection


@pytest.fixture
def secrets():
    collection = make_collection("Secret plans")
    make_asset(collection, state="withheld", reason="consent-withdrawn", modality="audio")
    return collection


@pytest.fixture
def steward(letters):
    user = make_user("stella", is_staff=True)
    grant(letters, user, "steward")
    return user


def test_a_steward_is_told_of_the_collections_governed_and_of_no_others(steward, letters, secrets):
    reach = reach_of(steward)
    assert holdings.holdings(reach).by("state") == {
        "searchable": 3,
        "withheld": 1,
        "quarantined": 1,
    }
    found, _ = holdings.findings(reach)
    assert [(one.kind, one.found, one.assets) for one in found] == [("PERSON", 6, 3)]
    page = visiting(steward).get("/console/").content.decode()
    assert "Letters" in page
    assert "Secret plans" not in page
    assert "audio" not in page
    assert "Last checkpoint" not in page
    assert "Free on the disk" not in page


def test_consent_coverage_says_what_is_permitted_and_why_not(steward, letters, secrets):
    governor = make_user("gwen", is_governor=True)
    reach = reach_of(governor)
    counted = holdings.coverage(holdings.holdings(reach), holdings.withheld(reach))
    assert {name: number for name, number in counted.items() if number} == {
        "valid": 4,
        "consent-missing": 1,
        "consent-withdrawn": 1,
    }


def test_an_operator_sees_health_and_nothing_that_is_held(letters, secrets):
    page = visiting(make_user("olga", is_operator=True)).get("/console/").content.decode()
    assert "Free on the disk" in page
    assert "Last checkpoint" in page
    assert "Letters" not in page
    assert "Secret plans" not in page


def test_the_statements_do_not_grow_with_what_is_held(steward, letters):
    client = visiting(make_user("gwen", is_governor=True, is_operator=True))
    client.get("/console/")

    def statements() -> int:
        forget()
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get("/console/").status_code == 200
        asked = [one["sql"].strip() for one in seen.captured_queries]
        return sum(sql.startswith("SELECT") and "set_config" not in sql for sql in asked)

    before = statements()
    for _ in range(20):
        make_asset(letters, state="received")
        make_collection()
    assert statements() == before
    assert statements() == before
    assert before <= MOST_STATEMENTS


def test_what_waits_leads_to_its_list(steward, letters, secrets):
    with scope.system():
        LegalHold.objects.create(collection=letters.pk, home=letters.pk, reason="a case")
        LegalHold.objects.create(subject=uuid4(), reason="another")
        RetentionPause.objects.create(
            reason="audit", until=timezone.now() + timedelta(days=1), collection=secrets.pk
        )
        for asset in letters.assets.filter(state="quarantined"):
            Review.objects.create(
                asset=asset,
                collection=letters,
                kind="quarantined",
                opened_at=timezone.now() - timedelta(days=9),
            )
    mine = reach_of(steward)
    assert overview.holds_in_force(mine) == {"collection": 1}
    assert overview.review_queue(mine).waiting == 1
    assert overview.pauses_in_force(mine) == []
    page = visiting(steward).get("/console/").content.decode()
    assert "1 reviews wait" in page
    assert "paused" not in page
    governor = visiting(make_user("gwen", is_governor=True)).get("/console/").content.decode()
    assert "Retention is paused in a collection" in governor


def test_jobs_and_storage_open_for_whom_they_are(steward, letters, secrets):
    make_asset(letters, state="received")
    make_asset(secrets, state="received")
    people = [steward, make_user("olga", is_operator=True), make_user("gwen", is_governor=True)]
    shown = {}
    for person in people:
        for place in ("jobs", "storage"):
            answer = visiting(person).get(f"/console/{place}/")
            assert answer.status_code == 200
            shown[person.username, place] = answer.content.decode()
    assert "Letters" in shown["stella", "jobs"]
    assert "Secret plans" not in shown["stella", "jobs"] + shown["stella", "storage"]
    assert "Letters" not in shown["olga", "jobs"] + shown["olga", "storage"]
    assert "Secret plans" in shown["gwen", "storage"]
    assert "Beside the database" in shown["olga", "storage"]
    assert "Beside the database" not in shown["stella", "storage"]


def test_a_count_is_remembered_as_long_as_it_took_times_fifty():
    calls = []
    assert remembered("x", lambda: calls.append(1) or 5)[0] == 5
    assert remembered("y", lambda: 6)[0] == 6
    forget()
    assert remembered("x", lambda: 7)[0] == 7
