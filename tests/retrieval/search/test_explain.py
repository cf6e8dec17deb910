"""The explanation of a search shows what its reader may see at the moment of reading."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import SearchRecord
from retrieval import scope
from retrieval.errors import NotVisible
from retrieval.models import Asset, Grant
from retrieval.selectors.searches import search_explain, search_list
from retrieval.states import State
from tests.factories import grant, make_user
from tests.retrieval.search.conftest import nothing_hidden

pytestmark = pytest.mark.django_db


@pytest.fixture
def answer(world, holdings):
    return world.ask(holdings.reader, "bear of anna@example.org bear", include_uncertain=True)


@pytest.fixture
def governor(db):
    return make_user("governor", is_governor=True)


def test_the_searcher_reads_everything_again(world, holdings):
    answer = world.ask(holdings.reader)
    body = search_explain(user=holdings.reader, search_id=answer.search_id).as_json()
    asked = answer.as_json()
    for hit, before in zip(body["hits"], asked["hits"], strict=True):
        assert hit.pop("withheld") is False
        recorded, answered = hit.pop("influence"), before["influence"]
        assert hit == {key: before[key] for key in hit}
        (signal,), (said,) = recorded["signals"], answered["signals"]
        assert {key: signal[key] for key in said} == said
        assert (recorded["redactions"], recorded["consent"]) == ([], answered["consent"])
    assert body["query"]["text"] == "bear"
    assert body["searched"] == asked["searched"]
    assert body["models"] == ["fake@1"]
    assert nothing_hidden(answer, holdings)


def test_the_kept_query_is_the_redacted_one(answer, holdings):
    query = search_explain(user=holdings.reader, search_id=answer.search_id).query
    assert query.text == "bear of <EMAIL_ADDRESS_1> bear"
    assert query.kept


def test_once_its_time_is_over_the_query_is_gone(answer, holdings):
    SearchRecord.objects.update(kept_until=timezone.now() - timedelta(seconds=1))
    query = search_explain(user=holdings.reader, search_id=answer.search_id).query
    assert (query.kept, query.text, query.kept_until) == (False, None, None)


def test_somebody_elses_search_is_not_there(answer, holdings):
    grant(holdings.mine, holdings.outsider)
    for reader in (holdings.outsider, make_user(is_operator=True)):
        with pytest.raises(NotVisible):
            search_explain(user=reader, search_id=answer.search_id)
    with pytest.raises(NotVisible):
        search_explain(user=holdings.reader, search_id=holdings.mine.id)


def test_a_governor_without_grants_sees_that_there_were_hits_and_no_more(
    answer, holdings, governor
):
    body = search_explain(user=governor, search_id=answer.search_id).as_json()
    assert [hit["withheld"] for hit in body["hits"]] == [True] * len(answer.hits)
    assert body["query"]["text"] is None
    text = str(body)
    assert not any(str(hit.asset.id) in text for hit in answer.hits)
    assert "A bear" not in text


def test_a_governor_who_may_read_sees_hits_but_not_the_words(answer, holdings, governor):
    grant(holdings.mine, governor)
    body = search_explain(user=governor, search_id=answer.search_id).as_json()
    assert [hit["withheld"] for hit in body["hits"]] == [False] * len(answer.hits)
    assert body["query"]["text"] is None


def test_what_was_revoked_or_withheld_since_is_withheld_here(world, holdings):
    answer = world.ask(holdings.reader)
    with scope.system():
        Asset.objects.filter(id=holdings.picture.id).update(state=State.WITHHELD)
    hits = search_explain(user=holdings.reader, search_id=answer.search_id).hits
    assert [hit.withheld for hit in hits] == [True, False, False]
    assert hits[0].asset is None
    Grant.objects.all().delete()
    hits = search_explain(user=holdings.reader, search_id=answer.search_id).hits
    assert [hit.withheld for hit in hits] == [True] * 3


def test_somebody_who_left_reads_nothing(answer, holdings):
    holdings.reader.is_active = False
    holdings.reader.save()
    with pytest.raises(NotVisible):
        search_explain(user=holdings.reader, search_id=answer.search_id)


def test_the_list_holds_only_ones_own(world, holdings):
    first = world.ask(holdings.reader)
    second = world.ask(holdings.reader)
    world.ask(holdings.outsider)
    found = [record.id for record in search_list(user=holdings.reader, limit=5)]
    assert found == [second.search_id, first.search_id]
