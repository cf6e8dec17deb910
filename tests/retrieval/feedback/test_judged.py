"""What calibrations may be refitted to: nobody counts twice or too much, nothing withheld."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from retrieval import scope
from retrieval.errors import NotAllowed, NotVisible
from retrieval.feedback_models import Feedback
from retrieval.models import Asset, Collection
from retrieval.selectors.feedback import judged_hits
from retrieval.selectors.feedback_figures import feedback_figures
from retrieval.selectors.judged import MOST_OF_ONE_VOTER, most_of_one
from retrieval.services.feedback import feedback_give
from retrieval.services.feedback_retention import FEEDBACK_DAYS, feedback_purge
from retrieval.states import State
from tests.factories import make_policy, make_reader, make_user


def judge(world, user, ranks, text="bear"):
    """One search of ``user``, and a word on each of these ranks."""
    answer = world.ask(user, text, include_uncertain=True)
    for rank, relevant in ranks.items():
        feedback_give(user=user, search_id=answer.search_id, rank=rank, relevant=relevant)


def test_one_vote_a_person_query_and_asset_the_latest(world, holdings):
    judge(world, holdings.reader, {1: True, 2: True})
    judge(world, holdings.reader, {1: False})
    found = {(hit.target_modality, hit.relevant) for hit in judged_hits(holdings.mine.id)}
    assert found == {("image", False), ("audio", True)}
    (picture,) = [hit for hit in judged_hits(holdings.mine.id) if hit.target_modality == "image"]
    assert (picture.model, picture.space, picture.query_modality) == ("fake@1", "fake", "text")
    assert (picture.similarity, picture.weight) == (0.9, 1.0)


def test_nothing_is_learnt_from_the_withheld_from_closed_accounts_or_without_consent(
    world, holdings
):
    gone = make_reader(holdings.mine)
    judge(world, holdings.reader, {1: True, 2: True})
    judge(world, gone, {3: True})
    assert len(judged_hits(holdings.mine.id)) == 3
    gone.is_active = False
    gone.save()
    with scope.system():
        Asset.objects.filter(pk=holdings.picture.id).update(state=State.WITHHELD)
    assert [hit.target_modality for hit in judged_hits(holdings.mine.id)] == ["audio"]
    with scope.system():
        purposes = {"training": {"consent": "required"}}
        Collection.objects.filter(pk=holdings.mine.id).update(purposes=purposes)
    assert judged_hits(holdings.mine.id) == []


def test_nobody_makes_up_most_of_it(world, holdings):
    others = [make_reader(holdings.mine) for _ in range(2)]
    for number in range(8):
        world.put(holdings.mine, world.vector("bear", near=0.85 - number / 100))
    judge(world, holdings.reader, dict.fromkeys((1, *range(3, 9)), False))
    for user in others:
        judge(world, user, {1: True})
    hits = [hit for hit in judged_hits(holdings.mine.id) if hit.target_modality == "image"]
    total = sum(hit.weight for hit in hits)
    of_one = sum(hit.weight for hit in hits if not hit.relevant)
    assert len({hit.voter for hit in hits}) == 3
    assert of_one / total == pytest.approx(MOST_OF_ONE_VOTER)


@given(st.lists(st.integers(1, 10_000), min_size=3, max_size=30))
def test_the_most_that_counts_of_one_keeps_everybodys_share(counts):
    cap = most_of_one(counts)
    kept = [min(count, cap) for count in counts]
    assert max(kept) <= MOST_OF_ONE_VOTER * sum(kept) * (1 + 1e-9)
    assert min(kept) == min(counts) or min(kept) == pytest.approx(cap)


def test_figures_are_for_stewards_and_names_for_governors(world, holdings):
    judge(world, holdings.reader, {0: False, 1: True, 2: False})
    steward = make_reader(holdings.mine, "steward")
    governor = make_user("gov", is_governor=True)
    figures = feedback_figures(user=steward, collection_id=holdings.mine.id)
    assert (figures.people, figures.judged, figures.by_person) == (1, 2, None)
    assert figures.nothing_right == 1
    assert [(p.target_modality, p.right, p.wrong) for p in figures.pairs] == [
        ("audio", 0, 1), ("image", 1, 0),
    ]  # fmt: skip
    assert [(b.low, b.high, b.count, b.right) for b in figures.bands] == [
        (0.75, 0.9, 1, 0.0), (0.9, 1.0, 1, 1.0),
    ]  # fmt: skip
    seen = feedback_figures(user=governor, collection_id=holdings.mine.id)
    assert seen.by_person == (("reader", 2, 1),)
    with pytest.raises(NotAllowed):
        feedback_figures(user=holdings.reader, collection_id=holdings.mine.id)
    with pytest.raises(NotVisible):
        feedback_figures(user=holdings.outsider, collection_id=holdings.mine.id)


def aged(days: float, **which) -> None:
    with scope.system():
        Feedback.objects.filter(**which).update(at=timezone.now() - timedelta(days=days))


def test_votes_go_when_their_period_is_over(world, holdings):
    judge(world, holdings.reader, {0: False, 1: True, 2: True, 3: True})
    aged(FEEDBACK_DAYS - 1)
    assert feedback_purge() == 0
    with scope.system():
        holdings.mine.retention_policy = make_policy(
            {"what": "feedback", "after_days": 400},
            {"what": "feedback", "modality": "audio", "after_days": 30},
        )
        holdings.mine.save()
    assert feedback_purge(dry_run=True) == 2  # the sound's, and the one on the whole answer
    assert feedback_purge() == 2
    aged(FEEDBACK_DAYS + 1)
    assert feedback_purge() == 0  # 400 days
    aged(401, rank=1)
    assert feedback_purge() == 1
    with scope.system():
        assert list(Feedback.objects.values_list("rank", flat=True)) == [3]
