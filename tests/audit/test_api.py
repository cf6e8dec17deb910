"""Who reads the audit over REST, and what the outsider is told."""

from uuid import UUID, uuid4

import pytest

from audit import ledger
from audit.models import LedgerEntry, RetentionPolicy
from audit.retention import policy_create
from tests.cast import cast, client_of, person

pytestmark = pytest.mark.django_db
ENTRIES = "/api/v1/audit/entries/"
VERIFY = "/api/v1/audit/verify/"
POLICIES = "/api/v1/retention-policies/"


@pytest.fixture
def people(db, settings):
    # Hashing a password well takes a third of a second; the cast has seven.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return cast()


def entries(user, **query):
    answer = client_of(user).get(ENTRIES, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("path", [ENTRIES, VERIFY, POLICIES])
def test_outsiders_readers_and_operators_see_no_audit(people, path):
    for user in (people.outsider, people.searcher, people.curator, people.operator):
        answer = client_of(user).get(path)
        assert answer.status_code == 403
        assert answer["Content-Type"] == "application/problem+json"
    assert client_of(None).get(path).status_code == 401


def test_nobody_writes_to_the_ledger_by_rest(people):
    for verb in ("post", "put", "patch", "delete"):
        assert getattr(client_of(people.governor), verb)(ENTRIES).status_code == 405


def test_a_governor_sees_what_happened_a_moment_ago(people):
    ledger.record(event="test:thing:happen", actor=UUID(int=4), refs={"thing": "t1"})
    page = entries(people.governor)
    first = page["results"][0]
    assert first["event"] == "test:thing:happen"
    assert first["actor"] == str(UUID(int=4))
    assert first["refs"] == {"thing": "t1"}
    assert page["count"] == first["seq"] == LedgerEntry.objects.count()
    stored = LedgerEntry.objects.get(seq=first["seq"])
    assert first["hash"] == bytes(stored.hash).hex()
    assert first["prev"] == bytes(stored.prev).hex()


def test_a_steward_sees_the_entries_of_governed_collections_and_no_others(people):
    mine, other = str(people.collection.pk), str(uuid4())
    ledger.record(event="test:one:mine", actor=None, refs={"collection": mine})
    ledger.record(event="test:many:both", actor=None, refs={"collection": [other, mine]})
    ledger.record(event="test:one:other", actor=None, refs={"collection": other})
    ledger.record(event="test:none:none", actor=None, refs={"thing": mine})
    found = entries(people.steward, event="test")["results"]
    assert [e["event"] for e in found] == ["test:many:both", "test:one:mine"]
    assert found[0]["refs"] == {"collection": [mine]}
    everything = entries(people.governor, event="test")["results"]
    assert len(everything) == 4
    assert everything[2]["refs"] == {"collection": [other, mine]}


def test_stewardship_ends_with_its_grant(people):
    person_of_another = person("sven")
    assert client_of(person_of_another).get(ENTRIES).status_code == 403
    people.grant(person_of_another, "steward")
    assert entries(person_of_another)["count"] >= 1
    people.collection.grants.filter(user=person_of_another).delete()
    assert client_of(person_of_another).get(ENTRIES).status_code == 403


def test_entries_are_found_by_event_actor_and_time(people):
    actor = uuid4()
    ledger.record(event="test:a:b", actor=actor, refs={})
    ledger.record(event="test:a:c", actor=None, refs={})
    ledger.record(event="testing:a:c", actor=None, refs={})
    governor = people.governor
    assert entries(governor, event="test:a:")["count"] == 2
    assert entries(governor, event="test")["count"] == 3
    assert entries(governor, event="test_")["count"] == 0  # no pattern, a beginning
    assert entries(governor, actor=str(actor))["count"] == 1
    assert entries(governor, actor=str(uuid4()))["results"] == []
    at = LedgerEntry.objects.get(event="test:a:c").at.isoformat()
    assert entries(governor, event="test", since=at)["count"] == 2


@pytest.mark.parametrize(
    "query", [{"event": "a b"}, {"event": "%"}, {"actor": "7"}, {"since": "yesterday"}]
)
def test_questions_that_make_no_sense_are_refused(people, query):
    answer = client_of(people.governor).get(ENTRIES, query)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == set(query)


def test_what_is_about_a_person_stays_closed(people):
    about = ledger.PersonalTo("subject", uuid4())
    ledger.record(event="test:a:b", actor=None, refs={}, payload={"name": "Ada"}, personal_to=about)
    ledger.record(event="test:a:c", actor=None, refs={}, payload={"days": 3})
    plain, closed = entries(people.governor, event="test")["results"]
    assert plain["payload"] == '{"days":3}'
    assert closed["payload"] is None


def test_verify_answers_for_the_whole_and_for_parts(people):
    for _ in range(5):
        ledger.record(event="test:a:b", actor=None, refs={})
    client = client_of(people.governor)
    waiting = client.get(VERIFY).json()
    assert waiting["pending"] >= 5
    total = entries(people.governor)["count"]
    answer = client.get(VERIFY).json()
    head = LedgerEntry.objects.get(seq=total)
    assert answer == {
        "ok": True,
        "first_bad": None,
        "reason": "",
        "verified": total,
        "after": 0,
        "head": total,
        "head_hash": bytes(head.hash).hex(),
        "pending": 0,
        "complete": True,
    }
    part = client.get(VERIFY, {"after": 1, "limit": 2}).json()
    assert (part["verified"], part["head"], part["complete"]) == (2, 3, False)
    assert client.get(VERIFY, {"after": total + 9}).status_code == 404
    assert client.get(VERIFY, {"limit": 0}).status_code == 400


def test_policies_are_made_by_stewards_and_governors(people):
    rules = [
        {"what": "raw", "modality": "audio", "after_days": 7},
        {"what": "raw", "after_days": 0},
    ]
    for user, name in ((people.steward, "by a steward"), (people.governor, "by a governor")):
        answer = client_of(user).post(POLICIES, {"name": name, "rules": rules}, format="json")
        assert answer.status_code == 201, answer.content
        assert answer.json()["rules"] == rules
        assert RetentionPolicy.objects.get(id=answer.json()["id"]).rules == rules
    listed = client_of(people.steward).get(POLICIES).json()
    assert [p["name"] for p in listed["results"]] == ["by a governor", "by a steward"]
    made = entries(people.governor, event="retention:policy:create")["results"]
    assert len(made) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rules": []}, "name"),
        ({"name": "p"}, "rules"),
        ({"name": "p", "rules": [], "more": 1}, "non_field_errors"),
        ({"name": "p", "rules": [{"what": "raw"}]}, "rules"),
        ({"name": "p", "rules": [{"what": "raw", "after_days": -1}]}, "rules"),
        ({"name": "p", "rules": [{"what": "raw", "after_days": 1, "x": 1}]}, "rules"),
        (
            {"name": "p", "rules": [{"what": "raw", "after_days": d} for d in (1, 2)]},
            "rules",
        ),
    ],
)
def test_policies_that_make_no_sense_are_refused(people, body, field):
    answer = client_of(people.steward).post(POLICIES, body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not RetentionPolicy.objects.exists()


def test_policies_of_the_same_name_and_policies_of_outsiders_are_refused(people):
    policy_create(actor=None, name="p", rules=[])
    body = {"name": "p", "rules": []}
    assert client_of(people.steward).post(POLICIES, body, format="json").status_code == 409
    assert client_of(people.searcher).post(POLICIES, body, format="json").status_code == 403
