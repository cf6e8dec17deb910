from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from accounts import trail
from audit import ledger
from audit.actor_periods import actors_retire
from audit.chaining import chain_pending
from audit.ledger import PersonalTo
from audit.models import SearchRecord
from tests.cast import client_of
from tests.retrieval.api.test_search_audit import searched


def test_people_see_what_they_did_and_nothing_of_others(people):
    trail.note(event="auth:session:login", by=people.searcher)
    trail.note(event="auth:session:login", by=people.curator)
    until = timezone.now() + timedelta(hours=3)
    for user, kept in ((people.searcher, until), (people.searcher, None), (people.curator, until)):
        SearchRecord.objects.create(
            actor=trail.actor_id(user), user_id=user.pk, query_modality="text",
            query_hmac=b"x" * 32,
            confident=True, hit_count=0, kept_until=kept,
        )  # fmt: skip
    chain_pending()
    traces = client_of(people.searcher).get("/api/v1/me/traces/").json()
    assert traces["ledger_entries"] == 1
    assert [entry["event"] for entry in traces["latest"]] == ["auth:session:login"]
    assert traces["searches"] == 2
    assert traces["queries_kept"] == 1
    assert traces["queries_kept_until"].startswith(until.strftime("%Y-%m-%dT%H:%M"))
    assert client_of(people.outsider).get("/api/v1/me/traces/").json()["ledger_entries"] == 0


def listed(user, what, **query):
    answer = client_of(user).get(f"/api/v1/me/traces/{what}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_everything_is_listed_page_by_page_with_how_long_it_is_kept(people):
    me, asset = trail.actor_id(people.curator), str(uuid4())
    for number in range(3):
        ledger.record(event="ingest:asset:upload", actor=me, refs={"asset": str(uuid4())})
        ledger.record(
            event="content:raw:view", actor=me, refs={"asset": asset},
            payload={"reason": f"reason {number}"}, personal_to=PersonalTo("actor", me),
        )  # fmt: skip
    her = trail.actor_id(people.searcher)
    ledger.record(
        event="content:raw:view", actor=her, refs={"asset": asset}, payload={"reason": "hers"},
        personal_to=PersonalTo("actor", her),
    )  # fmt: skip
    search = searched(people.curator, [people.collection.pk])
    searched(people.searcher, [people.collection.pk])
    first = listed(people.curator, "views", page_size=2)
    second = listed(people.curator, "views", page_size=2, page=2)
    assert (first["count"], len(first["results"]), len(second["results"])) == (3, 2, 1)
    assert [one["detail"]["reason"] for one in first["results"] + second["results"]] == [
        "reason 2", "reason 1", "reason 0",
    ]  # fmt: skip
    assert "hers" not in str(first) + str(second)
    until = first["results"][0]["until"]
    assert until > (timezone.now() + timedelta(days=300)).isoformat()
    assert listed(people.curator, "uploads")["count"] == 3
    [row] = listed(people.curator, "searches")["results"]
    assert row["id"] == str(search.pk)
    assert row["detail"]["query_kept_until"].startswith(f"{search.kept_until:%Y-%m-%dT%H:%M}")
    assert "nobody may read" not in str(row)
    assert listed(people.curator, "entries")["count"] == 7
    summary = client_of(people.curator).get("/api/v1/me/traces/").json()
    assert {one["what"]: one["count"] for one in summary["lists"]} == {
        "searches": 1, "uploads": 3, "views": 3, "feedback": 0, "disclosures": 0, "flags": 0,
        "entries": 7,
    }  # fmt: skip
    for one in summary["lists"]:
        assert client_of(people.curator).get(one["link"]).json()["count"] == one["count"]
    assert client_of(people.curator).get("/api/v1/me/traces/nothing/").status_code == 404


def test_what_was_done_under_an_id_that_retired_is_still_ones_own(people):
    before = trail.actor_id(people.curator)
    ledger.record(event="ingest:asset:upload", actor=before, refs={})
    actors_retire(now=timezone.now() + timedelta(days=40))
    after = trail.actor_id(people.curator)
    assert after != before
    ledger.record(event="ingest:asset:upload", actor=after, refs={})
    assert listed(people.curator, "uploads")["count"] == 2
