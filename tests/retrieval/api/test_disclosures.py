"""Reading what somebody asked: with a reason, by two people, for a while, told to the searcher."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from audit.actors import actor_for
from audit.chaining import chain_pending
from audit.held_queries import query_hold, query_unhold
from audit.ledger import is_confidential, payload_read
from audit.models import Disclosure, LedgerEntry, SearchRecord
from retrieval import scope
from retrieval.services.disclosures import disclosure_request
from tests.cast import client_of, person
from tests.retrieval.api.test_search_audit import WORDS, searched

REASON = "A complaint of 3 March says what was found here"
SAID = "words that nobody may read here"


@pytest.fixture
def second(people):
    return person("gus", organisation_roles=["governor"])


@pytest.fixture
def record(people):
    return searched(people.searcher, [people.collection.pk])


def ask(user, record, reason=REASON):
    path = f"/api/v1/searches/{record.pk}/disclosures/"
    return client_of(user).post(path, {"reason": reason})


def at(user, made, what="", *, post=False):
    client, path = client_of(user), f"/api/v1/disclosures/{made['id']}/{what}"
    return client.post(path) if post else client.get(path)


def test_two_people_read_it_for_a_short_time_and_every_step_is_recorded(people, record, second):
    asked = ask(people.steward, record)
    assert asked.status_code == 201
    made = asked.json()
    assert (made["state"], made["reason"]) == ("requested", REASON)
    assert at(people.steward, made, "query/").status_code == 403
    refused = at(people.steward, made, "approve/", post=True)
    assert refused.status_code == 403
    approved = at(second, made, "approve/", post=True).json()
    assert (approved["state"], approved["decider_role"]) == ("approved", "governor")
    shown = at(people.steward, made, "query/")
    assert shown.json()["text"] == SAID
    assert shown["Cache-Control"] == "private, no-store"
    assert at(second, made, "query/").status_code == 403  # shown to who asked, nobody else
    assert at(second, made, "refuse/", post=True).status_code == 409
    with scope.system():
        Disclosure.objects.update(shown_until=timezone.now())
    assert at(people.steward, made, "query/").status_code == 410
    chain_pending()
    entries = LedgerEntry.objects.filter(refs__disclosure=made["id"]).order_by("seq")
    assert [entry.event for entry in entries] == [
        "search:disclosure:request", "search:disclosure:approve", "search:query:disclose",
    ]  # fmt: skip
    assert all(is_confidential(entry.payload) for entry in entries)
    said = payload_read(event=entries[0].event, payload=entries[0].payload)
    assert said == {"reason": REASON}
    assert SAID not in "".join(
        f"{entry.refs}{entry.payload}" for entry in LedgerEntry.objects.all()
    )


def test_the_searcher_is_told_by_role_and_why_and_decides_nothing(people, record, second):
    made = ask(second, record).json()
    (entry,) = client_of(people.searcher).get("/api/v1/me/traces/disclosures/").json()["results"]
    assert (entry["id"], entry["detail"]["reason"]) == (made["id"], REASON)
    assert (entry["detail"]["requested_by"], entry["detail"]["state"]) == ("governor", "requested")
    assert str(actor_for(second.pk, "")) not in str(entry)
    assert client_of(people.curator).get("/api/v1/me/traces/disclosures/").json()["count"] == 0
    assert ask(people.searcher, record).status_code == 404
    people.grant(people.searcher, "steward")
    assert ask(people.searcher, record).status_code == 409
    assert at(people.searcher, made, "approve/", post=True).status_code == 403


def test_what_was_not_kept_or_is_no_more_cannot_be_disclosed(people, record, second):
    bare = searched(people.searcher, [people.collection.pk], keep_query_for=timedelta(0))
    assert ask(second, bare).status_code == 410
    made = ask(second, record).json()
    SearchRecord.objects.filter(pk=record.pk).update(kept_until=timezone.now())
    assert at(people.governor, made, "approve/", post=True).status_code == 410
    with scope.system():
        Disclosure.objects.update(kept_until=timezone.now())
    assert at(second, made).json()["state"] == "lapsed"


def test_outsiders_and_stewards_of_other_collections_see_no_such_thing(people, record, second):
    made = ask(second, record).json()
    for user, code in ((people.outsider, 403), (people.operator, 403)):
        assert at(user, made).status_code == code
        assert client_of(user).get("/api/v1/disclosures/").status_code == code
        assert ask(user, record).status_code == 404
    elsewhere = person("stan", may_create_collections=True)
    client_of(elsewhere).post("/api/v1/collections/", {"name": "Theirs"})
    assert at(elsewhere, made).status_code == 404
    assert client_of(elsewhere).get("/api/v1/disclosures/").json()["count"] == 0
    assert at(elsewhere, made, "approve/", post=True).status_code == 404
    assert ask(elsewhere, record).status_code == 404


def test_a_steward_decides_only_where_all_that_was_searched_is_governed(people, second):
    wide = searched(people.searcher, [people.collection.pk, uuid4()])
    made = ask(second, wide).json()
    assert at(people.steward, made, "approve/", post=True).status_code == 403
    assert at(people.steward, made, "refuse/", post=True).status_code == 403
    narrow = ask(second, searched(people.searcher, [people.collection.pk])).json()
    assert at(people.steward, narrow, "refuse/", post=True).json()["state"] == "refused"
    assert at(second, narrow, "query/").status_code == 403


@pytest.mark.parametrize("reason", ["", "curious", " " * 40, "x" * 1001])
def test_a_reason_that_says_nothing_is_none(people, record, reason):
    assert ask(people.governor, record, reason).status_code == 400
    with scope.system():
        assert not Disclosure.objects.exists()


def test_a_second_wish_waits_for_the_first(people, record):
    assert ask(people.governor, record).status_code == 201
    assert ask(people.governor, record).status_code == 409


def test_where_the_policy_needs_no_second_person_it_is_granted_at_once(people, record, settings):
    settings.VITRINE_SECOND_PERSON = frozenset()
    made = ask(people.governor, record).json()
    assert made["state"] == "approved"
    assert at(people.governor, made, "query/").json()["text"] == SAID


def test_what_a_legal_hold_keeps_is_disclosed_like_any_other(people, record, second):
    with scope.system():
        assert query_hold(search_id=record.pk)
    SearchRecord.objects.filter(pk=record.pk).update(kept_until=timezone.now(), kept_query=None)
    made = ask(people.governor, record).json()
    at(second, made, "approve/", post=True)
    assert at(people.governor, made, "query/").json()["text"] == SAID
    with scope.system():
        query_unhold(search_id=record.pk)
    assert at(people.governor, made, "query/").status_code == 410


def test_outside_the_appliances_own_scope_the_rows_do_not_exist(people, record):
    disclosure_request(by=people.governor, search_id=record.pk, reason=REASON)
    with scope.user(people.governor.pk):
        assert not Disclosure.objects.exists()
    assert WORDS not in bytes(SearchRecord.objects.get(pk=record.pk).kept_query)
