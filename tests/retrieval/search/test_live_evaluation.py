"""Search itself evaluated on a collection: the way of a search, without its record."""

from __future__ import annotations

import pytest

from audit.models import LedgerPending, SearchRecord
from retrieval import clients
from retrieval.errors import Invalid, NotAllowed, NotVisible
from retrieval.evaluation.questions import Question
from retrieval.models import EvaluationRun
from retrieval.selectors.evaluation_cases import case_views
from retrieval.services.evaluation_live import live_evaluate
from retrieval.services.search import SearchRequest, search_run
from tests.factories import grant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def questions(holdings):
    return [
        Question("bear", frozenset({holdings.picture.pk, holdings.text.pk})),
        Question("a deer", frozenset({holdings.sound.pk})),
    ]


def live(holdings, questions, **options):
    wanted = {"collection_id": holdings.mine.pk, "username": "reader", "questions": questions}
    return live_evaluate(**(wanted | options))


def test_the_same_hits_as_a_search_but_no_record(world, holdings, questions):
    asked = SearchRequest(
        text="bear", collections=[holdings.mine.pk], include_uncertain=True, top_k=10
    )
    answer = search_run(user=holdings.reader, request=asked)
    before = SearchRecord.objects.count()
    run = live(holdings, questions)
    assert SearchRecord.objects.count() == before
    assert LedgerPending.objects.filter(event="search:collection:evaluate").count() == 1
    assert (run.kind, run.collection_id, run.model) == ("live", holdings.mine.pk, "fake@1")
    fused = run.result["pairs"]["fused"]
    assert (fused["queries"], fused["targets"]) == (2, 4)
    places = [hit.asset.id for hit in answer.hits]
    assert places[0] == holdings.picture.id
    assert fused["recall@1"] >= 0.5
    assert set(run.result["pairs"]) == {"fused", "fused-image", "fused-text", "fused-audio"}
    assert run.result["calibration"]["pairs"] >= len(places)
    assert 0 <= run.result["abstention"]["unanswerable_held"] <= 1
    assert run.result["latency_ms"]["p50"] > 0


def test_nothing_hidden_and_no_words_are_kept(holdings, questions):
    run = live(holdings, questions)
    for secret in holdings.secret:
        assert str(secret.pk) not in str(run.result)
    kept = str(run.result) + str(list(run.cases.all()))
    assert "deer" not in kept
    for case in case_views(user=holdings.reader, evaluation_id=run.pk):
        assert case.words == ""  # asked from a file, which is nowhere kept
        assert "deer" not in str(case.body)


def test_it_asks_behind_all_searches(world, holdings, questions):
    heard: list[str] = []
    inner = world.models.encode_text

    def encode_text(model, texts, *, priority="query"):
        heard.append(priority)
        return inner(model, texts, priority=priority)

    world.models.encode_text = encode_text
    live(holdings, questions)
    assert set(heard) == {"ingest"}
    assert clients.models() is world.models


def test_only_readers_and_only_with_something_to_ask(holdings, questions):
    with pytest.raises(NotVisible):
        live(holdings, questions, username="outsider")
    with pytest.raises(NotVisible):
        live(holdings, questions, username="nobody")
    steward = make_user("governs-only")
    grant(holdings.mine, steward, "steward")
    with pytest.raises(NotAllowed):
        live(holdings, questions, username="governs-only")
    with pytest.raises(Invalid, match="no labelled queries"):
        live(holdings, None)
    assert not EvaluationRun.objects.exists()
