from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from audit import search_rows, searches
from audit.ids import Ids
from audit.ledger import payload_read
from audit.models import CollectionSet, Influence, LedgerPending, SearchRecord
from audit.scope import AuditScope
from audit.searches import (
    InfluenceData,
    kept_query,
    purge_kept_queries,
    record_digest,
    record_search,
)
from audit.selectors import search_record_list

pytestmark = pytest.mark.django_db

QUERY = b'{"text":"a brown bear in the unmistakable grass"}'


def influence(rank, **fields):
    return InfluenceData(
        rank=rank,
        asset_id=uuid4(),
        collection_id=fields.pop("collection_id", UUID(int=1)),
        segment_id=rank * 10,
        confidence=0.1 * rank,
        verdict="match",
        signals=[{"similarity": -0.0, "calibrated": 0.93, "weight": 1.0, "model": "starter@1"}],
        redactions=["PERSON"],
        **fields,
    )


def search(**fields):
    given = {
        "user_id": uuid4(),
        "user_label": "alma",
        "query_modality": "text",
        "query": QUERY,
        "query_redactions": [{"kind": "PERSON", "count": 1}],
        "collections": [UUID(int=1), UUID(int=2)],
        "modalities": ["image", "text"],
        "models_used": ["starter@1"],
        "parameters": {"top_k": 10, "weights": {"starter": 1.0}},
        "confident": True,
        "influences": [influence(1), influence(2)],
        "total_ms": 41,
    }
    return record_search(**{**given, **fields})


def test_record_influences_and_entry_come_together():
    record = search()
    stored = SearchRecord.objects.get(id=record.id)
    assert stored.hit_count == 2
    assert [i.rank for i in stored.influences.all()] == [1, 2]
    entry = LedgerPending.objects.get()
    assert entry.event == "search:query:run"
    assert entry.actor == record.actor
    assert entry.refs == {
        "search": str(record.id),
        "collection": [str(UUID(int=1)), str(UUID(int=2))],
    }


def test_without_the_transaction_there_is_no_trace():
    with transaction.atomic():
        search()
        transaction.set_rollback(True)
    assert not SearchRecord.objects.exists()
    assert not Influence.objects.exists()
    assert not LedgerPending.objects.exists()


def test_a_search_costs_one_statement(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(searches, "actor_for", lambda *_: UUID(int=9))
    with django_assert_num_queries(3) as captured, transaction.atomic():
        search()
    written = [q["sql"] for q in captured if "SAVEPOINT" not in q["sql"]]
    assert len(written) == 1


def many(count):
    return sorted((uuid4() for _ in range(count)), key=lambda one: one.bytes)


def test_many_collections_are_written_once(monkeypatch):
    monkeypatch.setattr(search_rows, "_written", set())
    wanted = many(100)
    first, second = search(collections=wanted), search(collections=wanted[::-1])
    other = search(collections=wanted[1:])
    assert CollectionSet.objects.count() == 2
    stored = [SearchRecord.objects.get(id=one.id) for one in (first, second, other)]
    assert [one.collections for one in stored] == [[], [], []]
    assert [one.searched_in for one in stored] == [wanted, wanted, wanted[1:]]


def test_a_set_that_was_known_and_is_gone_is_written_again(monkeypatch):
    wanted = many(40)
    monkeypatch.setattr(search_rows, "_written", {Ids.of(wanted).digest.hex()})
    record = search(collections=wanted)
    assert SearchRecord.objects.get(id=record.id).searched_in == wanted


def test_a_steward_sees_searches_over_a_set(monkeypatch):
    wanted = many(40)
    record = search(collections=wanted)
    few = search(collections=wanted[:2])
    search(collections=many(40))
    governs = AuditScope(collections=frozenset(wanted[:1]))
    assert {one.id for one in search_record_list(scope=governs)} == {record.id, few.id}


def test_the_ledger_vouches_for_which_collections_a_set_holds():
    record = search(collections=many(40))
    stored = SearchRecord.objects.get(id=record.id)
    before = record_digest(stored)
    stored.collection_set_id = Ids.of(many(40)).digest.hex()
    assert record_digest(stored) != before


def test_the_ledger_vouches_for_the_record():
    record = search()
    stored = SearchRecord.objects.get(id=record.id)
    entry = LedgerPending.objects.get()
    vouched = payload_read(event=entry.event, payload=entry.payload)["digest"]
    assert record_digest(stored).hex() == vouched
    Influence.objects.filter(record=stored, rank=1).update(confidence=0.99)
    assert record_digest(stored).hex() != vouched


@pytest.mark.parametrize(
    "change",
    [
        {"confident": False},
        {"collections": [UUID(int=2)]},
        {"models_used": ["other@1"]},
        {"parameters": {"top_k": 11}},
        {"query_hmac": b"\0" * 32},
        {"actor": UUID(int=5)},
        {"query_redactions": []},
    ],
)
def test_any_change_of_the_record_changes_its_digest(change):
    record = search()
    before = record_digest(SearchRecord.objects.get(id=record.id))
    SearchRecord.objects.filter(id=record.id).update(**change)
    assert record_digest(SearchRecord.objects.get(id=record.id)) != before


def test_forgetting_query_and_user_leaves_the_digest(keys):
    record = search()
    before = record_digest(SearchRecord.objects.get(id=record.id))
    SearchRecord.objects.filter(id=record.id).update(kept_query=None, user_id=None)
    assert record_digest(SearchRecord.objects.get(id=record.id)) == before


def test_many_collections_do_not_swell_the_ledger():
    hit = UUID(int=77)
    search(
        collections=[UUID(int=n) for n in range(100)],
        influences=[influence(1, collection_id=hit), influence(2, collection_id=hit)],
    )
    assert LedgerPending.objects.get().refs["collection"] == [str(hit)]


def test_the_query_is_kept_encrypted_for_its_time_and_not_longer(keys):
    record = search(keep_query_for=timedelta(hours=2))
    stored = SearchRecord.objects.get(id=record.id)
    assert kept_query(stored) == QUERY
    assert b"bear" not in bytes(stored.kept_query)
    assert timedelta(hours=1, minutes=50) <= stored.kept_until - stored.at <= timedelta(hours=2)
    ciphertext = bytes(stored.kept_query)

    assert purge_kept_queries(now=stored.kept_until - timedelta(seconds=1)) == 0
    assert kept_query(SearchRecord.objects.get(id=record.id)) == QUERY
    assert purge_kept_queries(now=stored.kept_until) == 1
    assert kept_query(SearchRecord.objects.get(id=record.id)) is None
    # A copy of the ciphertext, as the write-ahead log or a backup holds it, opens no more.
    stored.kept_query = ciphertext
    assert kept_query(stored) is None
    assert [k for k in keys.ids("period") if k.startswith("query-")] == []


def test_a_query_whose_time_is_up_is_not_shown_even_before_the_purge(monkeypatch):
    record = search(keep_query_for=timedelta(hours=2))
    monkeypatch.setattr(
        searches.timezone, "now", lambda: record.kept_until + timedelta(microseconds=1)
    )
    assert kept_query(record) is None


@pytest.mark.parametrize("period", [timedelta(0), timedelta(seconds=-1)])
def test_a_policy_of_no_time_keeps_nothing(period, keys):
    record = search(keep_query_for=period)
    stored = SearchRecord.objects.get(id=record.id)
    assert (stored.kept_query, stored.kept_until) == (None, None)
    assert kept_query(stored) is None
    assert [k for k in keys.ids("period") if k.startswith("query-")] == []


def test_the_setting_rules_where_no_policy_does(settings):
    settings.VITRINE_KEPT_QUERY_HOURS = 0
    assert search().kept_query is None
    settings.VITRINE_KEPT_QUERY_HOURS = 5
    record = search()
    assert timedelta(hours=4, minutes=50) <= record.kept_until - record.at <= timedelta(hours=5)


def test_two_searches_of_one_period_have_keys_of_their_own():
    one, two = search(), search()
    two.kept_query = one.kept_query
    from audit.crypto import DecryptionError

    with pytest.raises(DecryptionError):
        kept_query(two)


def test_the_same_query_is_recognised_within_a_month_only(keys):
    november = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    december = november + timedelta(minutes=2)
    assert searches.query_hmac(QUERY, at=november) == searches.query_hmac(QUERY, at=november)
    assert searches.query_hmac(QUERY, at=november) != searches.query_hmac(b"other", at=november)
    assert searches.query_hmac(QUERY, at=november) != searches.query_hmac(QUERY, at=december)
    assert {"hmac-2026-11", "hmac-2026-12"} <= set(keys.ids("period"))
    purge_kept_queries(now=december + timedelta(days=31))
    assert "hmac-2026-11" not in keys.ids("period")
    assert "hmac-2026-12" in keys.ids("period")


def test_the_ledger_entry_holds_nothing_of_the_query():
    search(query=QUERY)
    entry = LedgerPending.objects.get()
    assert "bear" not in entry.payload
    assert "bear" not in str(entry.refs)
    assert timezone.now() - entry.at < timedelta(minutes=1)
