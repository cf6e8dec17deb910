from datetime import timedelta

from django.utils import timezone

from accounts import trail
from audit.chaining import chain_pending
from audit.models import SearchRecord
from tests.cast import client_of


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
