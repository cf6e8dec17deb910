"""One word a person and hit; of one's own searches and of what one may see at that moment."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection

from audit.models import LedgerPending
from retrieval import scope
from retrieval.errors import Invalid, NotVisible, TooMany
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.models import Asset, Grant
from retrieval.selectors.feedback import feedback_of
from retrieval.selectors.labelled import labelled_list, labelled_queries
from retrieval.services import feedback as service
from retrieval.services.assets import asset_delete
from retrieval.states import State
from tests.factories import grant, make_reader


def votes():
    with scope.system():
        return list(Feedback.objects.order_by("rank").values_list("rank", "relevant", "user_id"))


def events():
    found = LedgerPending.objects.filter(event__startswith="search:feedback:").order_by("id")
    return [(one.event.rpartition(":")[2], one.refs) for one in found]


def test_one_word_a_hit_that_may_change_and_be_taken_back(vote, answer, holdings):
    reader = holdings.reader
    assert vote(1, True).relevant is True
    assert vote(1, True).relevant is True  # the same again
    assert vote(1, False).relevant is False
    assert votes() == [(1, False, reader.pk)]
    with scope.user(reader.pk):
        assert set(feedback_of(user=reader, search_id=answer.search_id)) == {1}
    assert vote(1, None) is None
    assert vote(1, None) is None
    assert votes() == []
    recorded = events()
    assert [name for name, _ in recorded] == ["give", "give", "withdraw"]
    assert recorded[0][1] == {
        "search": str(answer.search_id),
        "rank": "1",
        "asset": str(holdings.picture.id),
        "collection": str(holdings.mine.id),
    }


def test_what_the_record_says_of_the_hit_goes_with_the_vote(vote, answer, holdings):
    vote(2, True)
    with scope.system():
        kept = Feedback.objects.get()
    hit = answer.hits[1]
    assert (kept.asset_id, kept.collection_id) == (holdings.sound.id, holdings.mine.id)
    assert (kept.confidence, kept.verdict) == (hit.confidence, "match")
    assert (kept.query_modality, kept.target_modality) == ("text", "audio")
    assert kept.signals[0]["similarity"] == 0.8
    assert kept.signals[0]["model"] == "fake@1"


def test_only_whoever_searched_and_only_hits_they_see_now(vote, answer, holdings):
    colleague = make_reader(holdings.mine)
    for user in (colleague, holdings.outsider):
        with pytest.raises(NotVisible):
            vote(1, user=user)
    for rank, search in ((9, answer.search_id), (1, uuid4())):
        with pytest.raises(NotVisible):
            vote(rank, search_id=search)
    vote(1, True)
    with scope.system():
        Asset.objects.filter(pk=holdings.sound.id).update(state=State.WITHHELD)
    with pytest.raises(NotVisible):
        vote(2)
    with scope.system():
        Grant.objects.filter(user=holdings.reader).delete()
    with pytest.raises(NotVisible):
        vote(1, False)
    assert votes() == [(1, True, holdings.reader.pk)]
    assert vote(1, None) is None  # what one said is one's own to take back
    assert votes() == []


def test_row_level_security_shows_a_vote_to_its_giver_alone(vote, holdings):
    vote(1)
    colleague = make_reader(holdings.mine, "steward")
    for user, seen in ((holdings.reader, 1), (colleague, 0), (None, 0)):
        with scope.user(user.pk if user else None), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM retrieval_feedback")
            assert cursor.fetchone() == (seen,)


def test_nothing_here_was_right(vote, holdings):
    assert vote(0, False).rank == 0
    with pytest.raises(Invalid):
        vote(0, True)
    assert votes() == [(0, False, holdings.reader.pk)]
    vote(0, None)
    assert votes() == []


def test_more_than_a_person_judges_in_a_minute_is_refused(vote, monkeypatch):
    monkeypatch.setattr(service, "MOST_A_MINUTE", 2)
    vote(1)
    vote(2)
    with pytest.raises(TooMany):
        vote(3)
    vote(2, False)  # a change of mind is no new vote


def test_words_are_seen_by_stewards_only_where_the_searcher_let_them(vote, holdings):
    steward = make_reader(holdings.mine, "steward")
    assert vote(1, True).words_shared is False
    assert labelled_list(user=steward, collection_id=holdings.mine.id) == []
    assert vote(1, True, share_words=True).words_shared is True
    (one,) = labelled_list(user=steward, collection_id=holdings.mine.id)
    assert (one.text, one.asset, one.origin) == ("bear", holdings.picture.id, "searcher")
    (question,) = labelled_queries(holdings.mine.id)
    assert (question.text, question.answers) == ("bear", {holdings.picture.id})
    assert vote(1, True).words_shared is False  # off unless said
    assert labelled_queries(holdings.mine.id) == []
    assert vote(1, False, share_words=True).words_shared is False
    vote(1, True, share_words=True)
    vote(1, None)
    assert labelled_queries(holdings.mine.id) == []


def test_no_words_are_shared_of_a_search_by_asset_or_once_the_query_is_gone(
    vote, world, holdings, answer
):
    by_asset = world.ask(holdings.reader, None, asset=holdings.text.id)
    assert by_asset.query.modality == "text"
    assert by_asset.hits
    shared = vote(1, True, share_words=True, search_id=by_asset.search_id)
    assert shared.words_shared is False
    from audit.models import SearchRecord

    SearchRecord.objects.filter(pk=answer.search_id).update(kept_query=None)
    assert vote(1, True, share_words=True).words_shared is False


def test_votes_and_words_go_with_the_asset(vote, holdings):
    vote(1, True, share_words=True)
    vote(2, True)
    curator = make_reader(holdings.mine, "curator")
    asset_delete(user=curator, asset_id=holdings.picture.id)
    assert [rank for rank, *_ in votes()] == [2]
    with scope.system():
        assert not LabelledQuery.objects.exists()


def test_a_vote_changes_no_answer(vote, world, holdings):
    def body():
        found = world.ask(holdings.reader, include_uncertain=True).as_json()
        return {name: found[name] for name in ("query", "confident", "hits", "searched")}

    before = body()
    for rank in (1, 2, 3):
        vote(rank, False)
    vote(0, False)
    grant(holdings.mine, make_reader(holdings.mine))
    assert body() == before


def test_votes_and_words_go_with_the_person(vote, holdings):
    vote(1, True, share_words=True)
    with scope.system():
        holdings.reader.delete()
        assert not Feedback.objects.exists()
        assert not LabelledQuery.objects.exists()
