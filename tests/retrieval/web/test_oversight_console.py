"""The console's pages on searches, disclosures, monitoring, processing and access requests."""

import io
import json
import zipfile
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.actors import actor_for
from audit.models import AnomalyFlag, Disclosure, MonitoringAgreement, SearchRecord
from audit.subjects import subject_create
from retrieval import scope
from tests.cast import person
from tests.retrieval.api.conftest import people  # noqa: F401 - the cast
from tests.retrieval.api.test_search_audit import hit, searched
from tests.retrieval.ingest.conftest import paths  # noqa: F401 - folders of its own

pytestmark = pytest.mark.django_db
REASON = "A complaint of 3 March says what was found here"


def client(user):
    made = Client()
    made.force_login(user)
    return made


def page(user, name, *args, **query):
    answer = client(user).get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200, (name, answer.status_code)
    return answer.content.decode()


def through(user, name, *args, **given):
    """Answers an asking page and presses its button; where that leads, or the page that refuses."""
    browser, address = client(user), reverse(f"admin:{name}", args=args)
    shown = browser.post(address, given) if given else browser.get(address)
    text = shown.content.decode()
    if 'name="token"' not in text:
        return text
    token = text.split('name="token" value="')[1].split('"')[0]
    done = browser.post(address, {**given, "token": token}, follow=True)
    assert done.status_code == 200
    return done.content.decode()


@pytest.fixture
def both(people):  # noqa: F811 - the fixture above
    mine, other = people.collection.pk, uuid4()
    hits = [hit(mine, 1, confidence=0.31, verdict="uncertain"), hit(other, 2, model="clip@2")]
    return searched(people.searcher, [mine, other], hits), other


def test_the_list_filters_and_names_people_for_governors_only(people, both):  # noqa: F811
    record, other = both
    listed = page(people.governor, "audit_searchrecord_changelist")
    assert "sara" in listed
    assert "0.90" in listed
    assert "clip@2" in listed
    for choice in ({"sure": "low"}, {"hits": "0"}, {"in": str(uuid4())}, {"q": "cora"},
                   {"model": "nobody@1"}, {"asked": "image"}, {"matched": "no"}):  # fmt: skip
        found = page(people.governor, "audit_searchrecord_changelist", **choice)
        assert str(record.pk) not in found, choice
    for choice in ({"sure": "high"}, {"hits": "1-3"}, {"in": str(other)}, {"q": "sara"},
                   {"when": "day"}, {"matched": "yes"}, {"q": str(record.pk)}):  # fmt: skip
        found = page(people.governor, "audit_searchrecord_changelist", **choice)
        assert str(record.pk) in found, choice


def test_a_steward_is_told_nothing_that_came_from_elsewhere(people, both):  # noqa: F811
    record, other = both
    listed = page(people.steward, "audit_searchrecord_changelist")
    assert str(record.pk) in listed
    assert "0.31" in listed
    shown = page(people.steward, "audit_searchrecord_change", record.pk)
    export = client(people.steward).post(
        reverse("admin:audit_searchrecord_export"), {"format": "jsonl"}
    )
    exported = b"".join(export.streaming_content).decode()
    assert json.loads(exported.splitlines()[0])["hits_here"] == 1
    for hidden in ("sara", str(other), "clip@2", "0.90", "Why its hits came up"):
        assert hidden not in listed.split('id="changelist"')[-1].split("<script")[0], hidden
        assert hidden not in exported, hidden
    for hidden in ("sara", str(other), "clip@2"):
        assert hidden not in shown, hidden
    for choice in ({"sure": "high"}, {"matched": "yes"}, {"model": "clip@2"}, {"q": "sara"},
                   {"in": str(other)}):  # fmt: skip
        found = page(people.steward, "audit_searchrecord_changelist", **choice)
        assert str(record.pk) not in found, choice


def test_a_list_takes_as_many_queries_for_many_rows(people, both):  # noqa: F811
    browser = client(people.steward)

    def queries():
        with CaptureQueriesContext(connection) as seen:
            browser.get(reverse("admin:audit_searchrecord_changelist"))
        return len(seen)

    queries()
    few = queries()
    for _ in range(12):
        searched(people.searcher, [people.collection.pk], [hit(people.collection.pk)])
    assert queries() == few


def test_reading_a_query_takes_two_people_and_a_reason(people, both):  # noqa: F811
    record, _ = both
    second = person("gus", organisation_roles=["governor"])
    ask = ("audit_searchrecord_disclose", record.pk)
    assert "Ask to read the query" in page(people.steward, "audit_searchrecord_change", record.pk)
    assert "at least 10" in client(people.steward).post(
        reverse(f"admin:{ask[0]}", args=[record.pk]), {"reason": "curious"}
    ).content.decode()  # fmt: skip
    assert "Asked for" in through(people.steward, *ask, reason=REASON)
    with scope.system():
        made = Disclosure.objects.get()
    assert "It is your own" not in page(people.steward, "audit_disclosure_changelist")
    own = page(people.steward, "audit_disclosure_change", made.pk)
    assert ">Approve<" not in own
    assert ">Read it<" not in own
    assert "somebody else decides" in through(people.steward, "audit_disclosure_approve", made.pk)
    waiting = page(second, "audit_disclosure_change", made.pk)
    assert ">Approve<" in waiting
    assert REASON in waiting
    assert "Approved, for 15 minutes" in through(second, "audit_disclosure_approve", made.pk)
    query = reverse("admin:audit_disclosure_query", args=[made.pk])
    shown = client(people.steward).get(query)
    assert "nobody may read" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert client(second).get(query).status_code == 403
    with scope.system():
        Disclosure.objects.update(shown_until=timezone.now())
    over = client(people.steward).get(query).content.decode()
    assert "is over" in over
    assert "nobody may read" not in over


def test_requests_of_other_collections_are_not_even_counted(people, both):  # noqa: F811
    elsewhere = searched(people.searcher, [uuid4()])
    through(people.governor, "audit_searchrecord_disclose", elsewhere.pk, reason=REASON)
    with scope.system():
        made = Disclosure.objects.get()
    listed = page(people.steward, "audit_disclosure_changelist")
    assert str(made.pk) not in listed
    assert "Nobody has asked" in listed
    gone = client(people.steward).get(reverse("admin:audit_disclosure_change", args=[made.pk]))
    assert gone.status_code in (302, 404)
    blocked = client(people.steward).get(reverse("admin:audit_disclosure_approve", args=[made.pk]))
    assert blocked.status_code == 404


def test_monitoring_is_named_switched_on_and_off_and_takes_its_flags_along(people):  # noqa: F811
    assert "No agreement was ever named" in page(
        people.governor, "audit_monitoringagreement_changelist"
    )
    given = {
        "reference": "Works agreement 7/2026", "agreed_on": "2026-01-15", "opens": "07:00",
        "closes": "19:00", "weekdays": ["1", "2"], "time_zone": "Europe/Vienna",
    }  # fmt: skip
    assert "Monitoring is on" in through(
        people.governor, "audit_monitoringagreement_begin", **given
    )
    agreement = MonitoringAgreement.objects.get()
    with scope.system():
        AnomalyFlag.objects.create(
            agreement=agreement, kind="bulk-probing", actor=actor_for(people.searcher.pk, "sara"),
            since=timezone.now(), until=timezone.now(), evidence={"searches": 400, "limit": 60},
            expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
    flags = page(people.governor, "audit_anomalyflag_changelist")
    assert "searches 400" in flags
    assert "sara" in flags
    assert "1 flags were deleted" in through(people.governor, "audit_monitoringagreement_end")
    for model in ("anomalyflag", "monitoringagreement"):
        address = reverse(f"admin:audit_{model}_changelist")
        assert client(people.steward).get(address).status_code == 403
    begin = reverse("admin:audit_monitoringagreement_begin")
    assert client(people.steward).get(begin).status_code == 403


def test_what_is_missing_is_said_and_the_documents_are_files(people):  # noqa: F811
    shown = page(people.governor, "console_processing")
    assert "Data protection officer" in shown
    done = through(people.governor, "console_processing_edit", dpo_name="Dora Po")
    assert "The documents say it" in done
    browser = client(people.governor)
    answer = browser.get(reverse("admin:console_processing_document", args=["record", "html"]))
    assert "Dora Po" in answer.content.decode()
    assert answer["Content-Disposition"].startswith("attachment")
    answer = browser.get(reverse("admin:console_processing_document", args=["dpia", "json"]))
    assert json.loads(answer.content)["format"] == "vitrine-processing-dpia/1"
    none = browser.get(reverse("admin:console_processing_document", args=["nothing", "json"]))
    assert none.status_code == 404
    for name in ("console_processing", "console_access_requests"):
        assert client(people.steward).get(reverse(f"admin:{name}")).status_code == 403


def test_an_archive_is_made_from_the_persons_page(people):  # noqa: F811
    with scope.system():
        subject = subject_create(by=None, identifier="ann@example.org").subject
    shown = page(people.governor, "console_subject_archive", subject.pk)
    assert "What goes into it" in shown
    address = reverse("admin:console_subject_archive", args=[subject.pk])
    refused = client(people.governor).post(address, {"originals": "on"}).content.decode()
    assert "Say why" in refused
    answer = client(people.governor).post(address)
    names = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()
    assert set(names) == {"index.json", "index.html", "signing-key.pem"}
    assert str(subject.pk) in page(people.governor, "console_access_requests")
    for user in (people.steward, people.operator):
        assert client(user).get(address).status_code == 403
    nobody = reverse("admin:console_subject_archive", args=[uuid4()])
    assert client(people.governor).get(nobody).status_code == 404
    assert SearchRecord.objects.count() == 0
