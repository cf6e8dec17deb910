"""Anomalies are looked for under a named agreement; without one nothing is read at all."""

from datetime import date, time, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import trail
from audit import ledger
from audit.chaining import chain_pending
from audit.models import AnomalyFlag, LedgerEntry, MonitoringAgreement, SearchRecord
from audit.monitoring_models import AnomalyFlag as Flag
from retrieval import framing, scope
from retrieval.errors import Conflict, Invalid, NotAllowed
from retrieval.services import monitoring
from retrieval.services.monitoring import agreement_begin, agreement_end, monitoring_run
from tests.cast import client_of
from tests.retrieval.api.conftest import people  # noqa: F401 - the cast
from tests.retrieval.api.test_search_audit import searched
from tests.retrieval.ingest.conftest import paths  # noqa: F401 - folders of its own

pytestmark = pytest.mark.django_db
WORKS = {
    "reference": "Works agreement 7/2026", "agreed_on": date(2026, 1, 15), "opens": time(7),
    "closes": time(19), "weekdays": range(1, 6), "time_zone": "Europe/Vienna",
}  # fmt: skip


def begin(user, **changes):
    return agreement_begin(by=user, **{**WORKS, **changes})


def kept(number):
    """A kept query with one vector; all of them lie close together."""
    rng = np.random.default_rng(number)
    vector = np.eye(1, 64, dtype=np.float32)[0] + 0.01 * rng.normal(size=64).astype(np.float32)
    data = {
        "format": 1, "query": {"text": f"query {number}"}, "components": ["text"],
        "filters": {"source": "", "metadata": {}}, "vectors": {"starter@1": 0}, "carried": {},
        "parts": {}, "held": {},
    }  # fmt: skip
    return framing.pack_arrays(data, [vector / np.linalg.norm(vector)])


def probe(user, collection, number):
    """Nearly the same question again and again, and then many in a few minutes."""
    for count in range(number):
        searched(user, [collection.pk], query=str(count).encode(), kept=kept(count))


def flags():
    with scope.system():
        return {(one.kind, one.actor): one for one in Flag.objects.all()}


def test_without_an_agreement_nothing_is_read_and_nothing_computed(people, monkeypatch):  # noqa: F811
    probe(people.searcher, people.collection, 70)

    def never(*_args, **_kwargs):
        raise AssertionError("it was looked at")

    for name in ("kept_query_of", "_slots", "_raw_views", "_asked"):
        monkeypatch.setattr(monitoring, name, never)
    with CaptureQueriesContext(connection) as seen:
        assert monitoring_run() == monitoring.Ran()
    said = " ".join(one["sql"] for one in seen)
    assert "audit_searchrecord" not in said
    assert "audit_ledgerentry" not in said
    assert flags() == {}


def test_under_one_bulk_and_near_duplicates_are_flagged_for_governors_and_the_person(people):  # noqa: F811
    begin(people.governor)
    probe(people.searcher, people.collection, 70)
    searched(people.curator, [people.collection.pk])
    now = timezone.now() + timedelta(seconds=1)
    ran = monitoring_run(now=now)
    assert ran.queries_compared == 70
    monitoring_run(now=now)
    searcher = trail.actor_id(people.searcher)
    found = flags()
    assert {kind for kind, _ in found} <= {"bulk-probing", "near-duplicates"}
    assert {actor for _, actor in found} == {searcher}
    # The seventy may lie on either side of a full ten minutes or hour.
    assert found["near-duplicates", searcher].evidence["nearly_the_same"] >= 10
    listed = client_of(people.governor).get("/api/v1/monitoring/flags/").json()["results"]
    assert {one["actor"] for one in listed} == {str(searcher)}
    assert "query" not in str(listed)
    own = client_of(people.searcher).get("/api/v1/me/traces/flags/").json()["results"]
    assert {one["id"] for one in own} == {one["id"] for one in listed}
    assert own[0]["until"]
    assert client_of(people.curator).get("/api/v1/me/traces/flags/").json()["count"] == 0
    for user in (people.steward, people.operator):
        assert client_of(user).get("/api/v1/monitoring/flags/").status_code == 403


def test_originals_looked_at_by_night_are_flagged(people, monkeypatch):  # noqa: F811
    agreement = begin(people.governor)
    actor = trail.actor_id(people.curator)
    ledger.record(event="content:raw:view", actor=actor, refs={"asset": str(agreement.pk)})
    chain_pending()
    at = LedgerEntry.objects.get(event="content:raw:view").at
    local = at.astimezone(monitoring.hours_of(agreement).zone)
    usual = {"opens": local.time(), "closes": (local + timedelta(hours=1)).time()}
    MonitoringAgreement.objects.update(weekdays=list(range(1, 8)), **usual)
    monitoring_run(now=at + timedelta(minutes=1))
    assert flags() == {}
    MonitoringAgreement.objects.update(
        opens=(local + timedelta(hours=1)).time(), closes=(local + timedelta(hours=2)).time()
    )
    monitoring_run(now=at + timedelta(minutes=1))
    assert flags()["off-hours-raw", actor].evidence == {"views": 1}


def test_what_was_before_the_agreement_is_not_looked_at(people):  # noqa: F811
    probe(people.searcher, people.collection, 70)
    begin(people.governor)
    ran = monitoring_run(now=timezone.now() + timedelta(seconds=1))
    assert (ran.flags, ran.queries_compared) == (0, 0)


def test_it_is_recorded_when_it_begins_and_ends_and_the_flags_go_along(people):  # noqa: F811
    made = begin(people.governor)
    with pytest.raises(Conflict):
        begin(people.governor)
    with scope.system():
        AnomalyFlag.objects.create(
            agreement=made, kind="bulk-probing", actor=trail.actor_id(people.searcher),
            since=timezone.now(), until=timezone.now(), expires_at=timezone.now(),
        )  # fmt: skip
    assert agreement_end(by=people.governor) == 1
    assert flags() == {}
    with pytest.raises(Conflict):
        agreement_end(by=people.governor)
    chain_pending()
    events = LedgerEntry.objects.filter(event__startswith="search:monitoring:").order_by("seq")
    assert [one.event.rsplit(":")[-1] for one in events] == ["begin", "end"]
    assert "Works agreement 7/2026" in events[0].payload
    assert "2026-01-15" in events[0].payload
    assert events[0].actor == trail.actor_id(people.governor)


def test_flags_go_on_their_day_whatever_is_agreed(people):  # noqa: F811
    made = begin(people.governor)
    now = timezone.now()
    with scope.system():
        for days, kind in ((1, "bulk-probing"), (-1, "near-duplicates")):
            AnomalyFlag.objects.create(
                agreement=made, kind=kind, actor=trail.actor_id(people.searcher), since=now,
                until=now, expires_at=now + timedelta(days=days),
            )  # fmt: skip
    monitoring_run(now=now)
    assert {kind for kind, _ in flags()} == {"bulk-probing"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", "  "), ("agreed_on", date(2999, 1, 1)), ("weekdays", []),
        ("weekdays", [0]), ("time_zone", "Nowhere/None"), ("time_zone", "../etc/passwd"),
        ("closes", time(7)),
    ],
)  # fmt: skip
def test_what_names_no_agreement_switches_nothing_on(people, field, value):  # noqa: F811
    with pytest.raises(Invalid) as refused:
        begin(people.governor, **{field: value})
    assert field in refused.value.fields
    assert not MonitoringAgreement.objects.exists()


def test_only_governors_switch_it(people):  # noqa: F811
    for user in (people.steward, people.operator, people.outsider):
        with pytest.raises(NotAllowed):
            begin(user)
        with pytest.raises(NotAllowed):
            agreement_end(by=user)
    assert SearchRecord.objects.count() == 0
