"""A stored asset as the query: any modality finds any modality, for whoever may read it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from retrieval import scope
from retrieval.errors import NotVisible
from retrieval.models import Asset
from retrieval.services.search.carrying import WORDS_COUNT, composed
from tests.retrieval.search.conftest import MODALITIES, found

pytestmark = pytest.mark.django_db


def test_any_modality_finds_any_modality(world, holdings):
    """All nine pairs: a near one of each modality, and the query itself in no list."""
    near = world.vector
    queries = {
        kind: world.put(holdings.mine, near(f"q{kind}", near=1.0), modality=kind)
        for kind in MODALITIES
    }
    targets = {
        (kind, other): world.put(holdings.mine, near(f"q{kind}", near=0.9), modality=other)
        for kind, other in itertools.product(MODALITIES, MODALITIES)
    }
    for (kind, other), target in targets.items():
        asked = queries[kind].id
        answer = world.ask(holdings.reader, None, asset=asked, modalities=[other])
        assert answer.query.modality == kind
        assert found(answer)[0] == target.id, (kind, other)
        assert asked not in found(answer)
        [signal] = answer.hits[0].influence.signals
        assert (signal.query_modality, signal.target_modality) == (kind, other)
        both = world.ask(holdings.reader, "bear", asset=asked, modalities=[other])
        assert both.query.modality == f"text+{kind}"
        assert asked not in found(both)


@pytest.mark.parametrize("state", ["withheld", "quarantined", "erased"])
def test_what_may_not_be_seen_is_no_query(world, holdings, state):
    hidden = holdings.secret[0]
    with pytest.raises(NotVisible):
        world.ask(holdings.reader, None, asset=hidden.id)
    with pytest.raises(NotVisible):
        world.ask(holdings.reader, "bear", asset=hidden.id)
    with scope.system():
        Asset.objects.filter(id=holdings.secret[1].id).update(state=state)
    with pytest.raises(NotVisible):
        world.ask(holdings.reader, None, asset=holdings.secret[1].id)


def test_words_count_more_beside_something_else_and_as_they_are_alone():
    words, seen = np.eye(2, dtype=np.float32)
    assert composed([words], ["text"]).tolist() == [1, 0]
    assert composed([words, seen], ["text", "image"]).tolist() == [WORDS_COUNT, 1]
    assert composed([seen, words], ["audio", "image"]).tolist() == [1, 1]
