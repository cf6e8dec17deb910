"""A name stands behind an id for a year after its month, and then nothing leads to it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from audit import actor_periods, actors, ledger
from audit.chaining import chain_pending
from audit.models import Actor, LedgerEntry, LedgerPending
from audit.second_person import SecondPersonNeeded, require_other
from audit.verification import ledger_verify

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=31)
YEAR = timedelta(days=366)


@pytest.fixture(autouse=True)
def _nobody_remembered():
    actors.cache_clear()
    yield
    actors.cache_clear()


def test_an_id_is_used_for_a_twelfth_and_its_name_lasts_a_period_more(keys):
    now, user = timezone.now(), uuid4()
    first = actors.actor_for(user, "alma")
    assert actor_periods.actors_retire(now=now) == 0
    assert actor_periods.actors_retire(now=now + MONTH) == 1
    assert actor_periods.actors_retire(now=now + MONTH) == 0
    second = actors.actor_for(user, "alma")
    assert second != first
    assert [actors.identity_of(one).label for one in (first, second)] == ["alma", "alma"]
    assert actors.actors_of(user) == [first, second]
    until = actor_periods.name_until(Actor.objects.get(id=first))
    assert until == now + MONTH + timedelta(days=365)
    assert actor_periods.actors_expire(now=now + YEAR) == 0
    assert actor_periods.actors_expire(now=now + MONTH + YEAR) == 1
    assert actor_periods.actors_expire(now=now + MONTH + YEAR) == 0
    assert actors.identity_of(first) is None
    assert actors.identity_of(second).label == "alma"
    assert actors.actors_of(user) == [second]
    assert keys.ids("actor") == [str(second)]
    row = Actor.objects.get(id=first)
    assert (row.blind, row.retired_blind, bytes(row.identity)) == (None, None, b"")
    assert actor_periods.name_until(row) is None


def test_expiry_cut_off_after_the_key_is_done_again(keys, monkeypatch):
    now = timezone.now()
    actor = actors.actor_for(uuid4(), "alma")
    actor_periods.actors_retire(now=now + MONTH)
    with monkeypatch.context() as patched:
        patched.setattr(actor_periods.ledger, "record", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            actor_periods.actors_expire(now=now + MONTH + YEAR)
    assert keys.ids("actor") == []
    assert actors.identity_of(actor) is None
    assert actor_periods.actors_expire(now=now + MONTH + YEAR) == 1
    assert LedgerPending.objects.filter(event="audit:actor:expire").count() == 1


def test_two_ids_of_one_person_are_no_two_people(settings):
    settings.VITRINE_SECOND_PERSON = frozenset({"erasure"})
    user = uuid4()
    first = actors.actor_for(user, "alma")
    actor_periods.actors_retire(now=timezone.now() + MONTH)
    second, other = actors.actor_for(user, "alma"), actors.actor_for(uuid4(), "bruno")
    assert actors.same_person(first, second)
    assert not actors.same_person(second, other)
    assert not actors.same_person(first, uuid4())
    assert not actors.same_person(first, None)
    assert actors.same_person(None, None)
    with pytest.raises(SecondPersonNeeded):
        require_other(first=first, second=second, what="erasure")
    require_other(first=first, second=other, what="erasure")


def test_the_chain_stays_whole_when_names_and_payloads_go(keys):
    subject, user = uuid4(), uuid4()
    actor = actors.actor_for(user, "alma")
    for kind, person in (("subject", subject), ("actor", actor)):
        ledger.record(
            event="consent:record:create",
            actor=actor,
            refs={"subject": subject},
            payload={"said": "told in confidence"},
            personal_to=ledger.PersonalTo(kind, person),
        )
    chain_pending()
    before = list(LedgerEntry.objects.values_list("seq", "hash"))
    keys.destroy("subject", str(subject))
    actor_periods.actors_retire(now=timezone.now() + MONTH)
    actor_periods.actors_expire(now=timezone.now() + MONTH + YEAR)
    chain_pending()
    entries = LedgerEntry.objects.order_by("seq")[:2]
    said = [ledger.payload_read(event=one.event, payload=one.payload) for one in entries]
    assert said == [None, None]
    assert actors.identity_of(actor) is None
    assert set(before) < set(LedgerEntry.objects.values_list("seq", "hash"))
    found = ledger_verify()
    assert (found.entries, found.fault) == (3, None)
