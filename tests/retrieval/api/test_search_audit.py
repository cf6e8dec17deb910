"""Who searched what, for governors and stewards: filters, what stewards must not learn, export."""

import json
import tracemalloc
from datetime import timedelta
from io import BytesIO, TextIOWrapper
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.actors import actor_for
from audit.chaining import chain_pending
from audit.models import LedgerEntry, SearchRecord
from audit.search_audit import export
from audit.searches import InfluenceData, record_search
from tests.cast import client_of

WORDS = b'{"text":"words that nobody may read here"}'


def hit(collection, rank=1, *, confidence=0.9, verdict="match", model="starter@1"):
    return InfluenceData(
        rank=rank, asset_id=uuid4(), collection_id=collection, segment_id=1,
        confidence=confidence, verdict=verdict, signals=[{"model": model, "space": "s"}],
    )  # fmt: skip


def searched(user, collections, hits=(), **fields):
    given = {
        "query_modality": "text", "query": WORDS, "query_redactions": [], "modalities": ["image"],
        "models_used": ["starter@1", "clip@2"], "parameters": {"purpose": "search", "top_k": 10},
        "confident": any(one.verdict == "match" for one in hits),
        "keep_query_for": timedelta(hours=2), "total_ms": 12, **fields,
    }  # fmt: skip
    return record_search(
        user_id=user.pk, user_label=user.username, collections=collections, influences=hits, **given
    )


def listed(reader, **query):
    answer = client_of(reader).get("/api/v1/audit/searches/", query)
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


@pytest.fixture
def three(people):
    """A hit in the steward's collection, one elsewhere only, and one in both by two models."""
    mine, other = people.collection.pk, uuid4()
    here = searched(people.searcher, [mine], [hit(mine, confidence=0.55)])
    there = searched(people.curator, [other], [hit(other)])
    both = [hit(mine, 1, confidence=0.3, verdict="uncertain"), hit(other, 2, model="clip@2")]
    return mine, other, here, there, searched(people.searcher, [mine, other], both)


def test_a_governor_filters_by_everything(people, three):
    _, other, here, there, both = three
    found = {
        ("user", people.curator.pk): [there], ("actor", here.actor): [both, here],
        ("collection", other): [both, there], ("confident", "false"): [],
        ("model", "clip@2"): [both, there, here], ("hits_at_least", 2): [both],
        ("hits_at_most", 1): [there, here], ("confidence_at_most", 0.6): [here],
        ("confidence_at_least", 0.8): [both, there], ("query_modality", "image"): [],
        ("modality", "image"): [both, there, here], ("until", here.at.isoformat()): [],
        ("since", both.at.isoformat()): [both],
    }  # fmt: skip
    for (name, value), records in found.items():
        shown = [one["id"] for one in listed(people.governor, **{name: value})]
        assert shown == [str(one.pk) for one in records], name
    row = listed(people.governor)[0]
    assert (row["hits"], row["matches"], row["best"], row["searched"]) == (2, 1, 0.9, 2)


def test_a_steward_learns_nothing_of_other_collections_not_even_by_filtering(people, three):
    mine, other, here, _, both = three
    rows = {row["id"]: row for row in listed(people.steward)}
    assert set(rows) == {str(here.pk), str(both.pk)}
    row = rows[str(both.pk)]
    assert row["collections"] == [str(mine)]
    # The match was elsewhere: here there was one uncertain hit, found by the other model.
    assert (row["hits"], row["matches"], row["confident"], row["best"]) == (1, 0, False, 0.3)
    assert row["models"] == ["starter@1"]
    assert row["searched"] is None
    assert row["total_ms"] is None
    assert str(other) not in json.dumps(rows)
    for hidden in (
        {"collection": other}, {"model": "clip@2"}, {"hits_at_least": 2},
        {"confidence_at_least": 0.8}, {"user": people.searcher.pk},
    ):  # fmt: skip
        assert listed(people.steward, **hidden) == [], hidden
    matched = [row["id"] for row in listed(people.steward, confident="true")]
    assert matched == [str(here.pk)]
    for stranger in (people.searcher, people.operator, people.outsider):
        assert client_of(stranger).get("/api/v1/audit/searches/").status_code == 403


def test_a_page_costs_the_same_however_long(people, three):
    def count():
        with CaptureQueriesContext(
            connection,
        ) as seen:
            listed(people.steward)
        return len(seen)

    before = count()
    for _ in range(5):
        searched(people.searcher, [three[0]], [hit(three[0])])
    assert count() == before


def events(answer):
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def test_the_export_is_ocsf_without_names_and_words_and_is_recorded(people, three, monkeypatch):
    monkeypatch.setattr(export, "SETTLED", timedelta(0))
    answer = client_of(people.governor).get("/api/v1/audit/searches/export/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/x-ndjson"
    found = events(answer)
    assert [one["metadata"]["uid"] for one in found] == [str(one.pk) for one in three[2:]]
    last = found[-1]
    assert (last["class_uid"], last["category_uid"], last["activity_id"]) == (6005, 6, 4)
    assert last["type_uid"] == 600504
    assert last["metadata"]["version"] == "1.1.0"
    assert last["time"] == round(three[4].at.timestamp() * 1000)
    assert last["actor"]["user"]["uid"] == str(actor_for(people.searcher.pk, ""))
    assert [one["rank"] for one in last["unmapped"]["hits"]] == [1, 2]
    text = json.dumps(found)
    for hidden in (
        "nobody may read",
        "sara",
        str(people.searcher.pk),
        bytes(three[2].query_hmac).hex(),
    ):
        assert hidden not in text
    chain_pending()
    entry = LedgerEntry.objects.get(event="search:record:export")
    assert entry.actor == actor_for(people.governor.pk, "")
    for other in (people.steward, people.outsider):
        answer = client_of(other).get("/api/v1/audit/searches/export/")
        assert answer.status_code == 403


def test_an_export_goes_on_where_one_ended_and_loses_nothing_in_between(people, three):
    until = timezone.now()
    whole = list(export.export_lines(since=None, until=until, batch=1))
    again = list(export.export_lines(since=three[3].at, until=until))
    assert b"".join(whole).endswith(b"".join(again))
    assert len(whole) == 3
    # What was made a moment ago may still have an older one coming in behind it.
    assert export.export_noted(by=None, since=None, until=until, to="test") < three[2].at


def test_an_export_ends_with_the_right_to_it(people, three):
    answers = iter([True, False])
    lines = export.export_lines(
        since=None, until=timezone.now(), batch=1, allowed=lambda: next(answers)
    )
    next(lines)
    with pytest.raises(export.ExportStopped):
        next(lines)


def test_the_export_takes_no_more_memory_for_more_records(people):
    """Twenty times the records, the same peak: batches are read and forgotten."""
    actor = actor_for(people.searcher.pk, "sara")

    def filled(number):
        made = timezone.now()
        SearchRecord.objects.bulk_create(
            SearchRecord(
                at=made, actor=actor, user_id=people.searcher.pk, query_modality="text",
                query_hmac=b"x" * 32, collections=[people.collection.pk], confident=True,
                hit_count=0,
            )
            for _ in range(number)
        )  # fmt: skip
        tracemalloc.start()
        try:
            size = sum(map(len, export.export_lines(since=None, until=timezone.now(), batch=50)))
            return size, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, peak = filled(100)
    large, later = filled(1900)
    assert large > 19 * small
    assert later < 1.5 * peak


def test_the_command_writes_a_private_file_that_appears_when_it_is_whole(people, three, tmp_path):
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    SearchRecord.objects.filter(pk=three[2].pk).update(at=timezone.now() - timedelta(days=2))
    out = tmp_path / "searches.jsonl"
    errors = TextIOWrapper(BytesIO())
    call_command("searches", "export", "--until", until, "--out", str(out), stderr=errors)
    assert [json.loads(line)["metadata"]["uid"] for line in out.read_text().splitlines()] == [
        str(three[2].pk)
    ]
    assert out.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.part"))
