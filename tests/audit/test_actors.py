import json
from uuid import uuid4

import pytest
from django.db import connection, transaction

from audit import actors, ledger
from audit.crypto import DecryptionError
from audit.ledger import PersonalTo, is_confidential, payload_read
from audit.models import Actor, LedgerPending, SearchRecord

pytestmark = pytest.mark.django_db


def test_a_user_has_one_random_id_that_says_nothing():
    user = uuid4()
    actor = actors.actor_for(user, "alma")
    assert actors.actor_for(user, "alma") == actor
    assert actors.actor_for(uuid4(), "alma") != actor
    assert actor != user
    row = Actor.objects.get(id=actor)
    stored = bytes(row.blind) + bytes(row.identity)
    for secret in (b"alma", str(user).encode(), user.bytes):
        assert secret not in stored


def test_governors_find_back():
    user = uuid4()
    identity = actors.identity_of(actors.actor_for(user, "alma"))
    assert (identity.user_id, identity.label) == (user, "alma")
    assert actors.identity_of(uuid4()) is None


def test_two_creators_at_once_get_one_actor(keys):
    user = uuid4()
    blind = actors.blind_of(user)
    first = actors._create(user, "alma", blind)
    assert actors._create(user, "alma", blind) == first
    assert keys.ids("actor") == [str(first)]


def test_a_forgotten_person_leaves_entries_that_lead_nowhere(keys):
    user = uuid4()
    actor = actors.actor_for(user, "alma")
    ledger.record(event="auth:session:login", actor=actor, refs={})
    actors.actor_forget(actor=actor, by=None)
    assert actors.identity_of(actor) is None
    assert keys.ids("actor") == []
    assert Actor.objects.get(id=actor).blind is None
    assert not SearchRecord.objects.filter(user_id=user).exists()
    assert LedgerPending.objects.filter(actor=actor).count() == 1
    again = actors.actor_for(user, "alma")
    assert again != actor
    assert actors.identity_of(again).label == "alma"


def test_an_actor_of_a_transaction_that_rolled_back_is_not_remembered():
    user = uuid4()
    with transaction.atomic():
        gone = actors.actor_for(user, "alma")
        transaction.set_rollback(True)
    again = actors.actor_for(user, "alma")
    assert again != gone
    assert Actor.objects.filter(id=again).exists()


def test_a_known_actor_costs_no_query(
    django_capture_on_commit_callbacks, django_assert_num_queries
):
    user = uuid4()
    with django_capture_on_commit_callbacks(execute=True):
        actor = actors.actor_for(user, "alma")
    try:
        with django_assert_num_queries(0):
            assert actors.actor_for(user, "alma") == actor
    finally:
        actors.cache_clear()


def test_an_entry_is_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        ledger.record(
            event="a:b:c", actor=uuid4(), refs={"x": uuid4(), "n": 7, "many": ["a", uuid4()]}
        )
    stored = LedgerPending.objects.get()
    assert stored.refs["n"] == "7"
    assert len(stored.refs["many"]) == 2


def test_a_plain_payload_is_canonical_json():
    ledger.record(event="a:b:c", actor=None, refs={}, payload={"b": 1.0, "a": [True, None]})
    stored = LedgerPending.objects.get()
    assert stored.payload == '{"a":[true,null],"b":1}'
    assert not is_confidential(stored.payload)
    assert payload_read(event="a:b:c", payload=stored.payload) == {"a": [True, None], "b": 1}
    assert payload_read(event="a:b:c", payload="") == {}


@pytest.mark.parametrize("kind", ["subject", "actor"])
def test_a_personal_payload_goes_with_the_persons_key(keys, kind):
    person = PersonalTo(kind, uuid4())
    ledger.record(event="a:b:c", actor=None, refs={}, payload={"name": "Ada"}, personal_to=person)
    stored = LedgerPending.objects.get().payload
    assert is_confidential(stored)
    assert "Ada" not in stored
    assert payload_read(event="a:b:c", payload=stored) == {"name": "Ada"}
    with pytest.raises(DecryptionError):
        payload_read(event="a:b:d", payload=stored)
    keys.destroy(kind, str(person.id))
    assert payload_read(event="a:b:c", payload=stored) is None


def test_nothing_of_a_person_is_in_what_the_database_was_told():
    recorder = _Recorder()
    with connection.execute_wrapper(recorder):
        actors.actor_for(uuid4(), "alma-the-unmistakable")
    assert recorder.statements
    assert "alma-the-unmistakable" not in json.dumps(recorder.statements)


class _Recorder:
    def __init__(self):
        self.statements = []

    def __call__(self, execute, sql, params, many, context):
        self.statements.append([sql, [repr(p) for p in params or []]])
        return execute(sql, params, many, context)
