"""What is learnt from votes changes nobody's answer until a steward promotes it."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import LedgerPending
from retrieval import scope
from retrieval.calibration import FEATURES, PairCalibration
from retrieval.models import Calibration
from retrieval.services.feedback import feedback_give
from tests.factories import grant, make_collection, make_reader
from tests.retrieval.search.conftest import MODALITIES

# P(relevant) is logistic in the similarity: a half at a half, 0.96 at 0.9.
WEIGHTS = dict.fromkeys(FEATURES, 0.0) | {"similarity": 8.0}
SAID = {
    "version": 2, "weights": WEIGHTS, "bias": -4.0, "match": None, "knots": [],
    "slope": 1.0, "by": 0.0, "bar": 0.0, "threshold": 0.5,
}  # fmt: skip


@pytest.fixture
def real_curves(world, monkeypatch):
    monkeypatch.setattr("retrieval.selectors.models.PairCalibration", PairCalibration)
    Calibration.objects.update(parameters=SAID)


@pytest.fixture
def voted(world, real_curves):
    """A collection whose hits are right less often than is said, and one with the same hits."""
    mine, other = make_collection("mine"), make_collection("other")
    reader = make_reader(mine)
    grant(other, reader)
    for number in range(12):
        near = world.vector("bear", near=0.95 - number / 20)
        world.put(mine, near)
        world.put(other, near)
    for voter in (make_reader(mine) for _ in range(3)):
        answer = world.ask(voter, include_uncertain=True, top_k=20)
        for hit in answer.hits:
            feedback_give(
                user=voter, search_id=answer.search_id, rank=hit.rank, relevant=hit.rank <= 3
            )
    return mine, other, reader


def proposal_for(collection) -> Calibration:
    with scope.system():
        return Calibration.objects.get(collection=collection, status="proposed")


def test_only_a_promotion_changes_answers_and_only_those_of_its_collection(world, voted):
    mine, other, reader = voted
    steward = make_reader(mine, "steward")
    page = Client()
    page.force_login(steward)
    address = f"/console/retrieval/collection/{mine.id}/feedback/"

    def said(collection):
        answer = world.ask(reader, collections=[collection.id], include_uncertain=True, top_k=20)
        body = answer.as_json()
        return {name: body[name] for name in ("query", "confident", "hits", "searched")}

    def do(**form):
        return page.post(address, form, follow=True).content.decode()

    before = said(mine), said(other)
    assert len(before[0]["hits"]) == 12
    assert "1 proposed." in do(do="propose")
    assert (said(mine), said(other)) == before
    proposal = proposal_for(mine)
    assert MODALITIES[0] == proposal.target_modality
    assert "On votes of people it was not fitted to" in page.get(address).content.decode()
    assert "Say why." in do(do="promote", id=proposal.pk, reason=" ")
    assert "Laid aside." in do(do="discard", id=proposal.pk, reason="too few")
    assert (said(mine), said(other)) == before
    do(do="propose")
    proposal = proposal_for(mine)
    assert "Promoted" in do(do="promote", id=proposal.pk, reason="as people said")
    after = said(mine)
    assert after["hits"][4]["confidence"] < before[0]["hits"][4]["confidence"]
    assert said(other) == before[1]
    assert "Withdrawn" in do(do="withdraw", id=proposal.pk, reason="back again")
    assert (said(mine), said(other)) == before
    events = LedgerPending.objects.filter(event__startswith="collection:calibration:")
    done = [one.event.rpartition(":")[2] for one in events.order_by("id")]
    assert done == ["propose", "discard", "propose", "promote", "withdraw"]


def test_a_steward_of_another_collection_decides_nothing_here(world, voted):
    mine, other, _ = voted
    steward = make_reader(mine, "steward")
    page = Client()
    page.force_login(steward)
    page.post(f"/console/retrieval/collection/{mine.id}/feedback/", {"do": "propose"})
    proposal = proposal_for(mine)
    stranger = Client()
    stranger.force_login(make_reader(other, "steward"))
    decision = {"do": "promote", "id": proposal.pk, "reason": "mine now"}
    for collection, status in ((mine, 404), (other, 302)):
        address = f"/console/retrieval/collection/{collection.id}/feedback/"
        assert stranger.post(address, decision).status_code == status
    assert proposal_for(mine).pk == proposal.pk
