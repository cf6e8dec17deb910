"""Calibrations learnt from votes: nobody's answers change before a steward says so, then one
collection's do, and no other's."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from audit.models import LedgerPending
from retrieval import scope
from retrieval.calibration import FEATURES, Line, PairCalibration
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.feedback_models import Feedback
from retrieval.models import Calibration
from retrieval.selectors.calibrations import proposals_of
from retrieval.services.calibrations import (
    calibration_discard,
    calibration_promote,
    calibration_propose,
    calibration_withdraw,
)
from retrieval.services.search import certainty
from tests.factories import grant, make_collection, make_reader, make_user
from tests.retrieval.search.conftest import DIMENSION, MODALITIES

pytestmark = pytest.mark.django_db

# Sure of everything, whatever was asked: 0.95 for a cosine of 0.9.
SURE = PairCalibration(Line((0.0, 10.0, *[0.0] * (len(FEATURES) - 2)), -6.0), threshold=0.5)


@pytest.fixture
def fake_calibration(monkeypatch):
    """In place of the fake one: a real curve over reference vectors that do not matter to it."""
    banks = {name: np.eye(4, DIMENSION, dtype=np.float32) for name in MODALITIES}
    monkeypatch.setattr(certainty, "load_reference", lambda _: banks)
    monkeypatch.setattr("retrieval.selectors.models.bundle_folder", lambda ref, **_: Path(ref))
    certainty._banks.cache_clear()
    yield
    certainty._banks.cache_clear()


@pytest.fixture
def steward(world, holdings):
    Calibration.objects.update(parameters=SURE.to_json())
    user = make_user()
    grant(holdings.mine, user, role="steward")
    return user


def votes(holdings, *, people: int = 4, each: int = 12, right: int = 2) -> None:
    """So many votes on hits that search was sure of, most of them against it."""
    with scope.system():
        for _ in range(people):
            user = make_reader(holdings.mine)
            for number in range(each):
                Feedback.objects.create(
                    user=user,
                    search_id=uuid4(),
                    rank=1,
                    relevant=number < right,
                    asked=uuid4().bytes,
                    query_modality="text",
                    collection=holdings.mine,
                    asset=holdings.picture,
                    target_modality="image",
                    signals=[
                        {
                            "model": "fake@1",
                            "space": "fake",
                            "query_modality": "text",
                            "target_modality": "image",
                            "similarity": 0.7 + number / 100,
                            "calibrated": 0.9,
                            "source": {"features": {"mean": 0.1, "spread": 0.1, **FLAT}},
                        }
                    ],
                )


FLAT = dict.fromkeys(FEATURES[2:], 0.0)


def confidences(world, user) -> dict[str, float]:
    answer = world.ask(user, "bear", include_uncertain=True)
    return {str(hit.asset.id): hit.confidence for hit in answer.hits}


def test_a_proposal_changes_nothing_until_it_is_promoted(world, holdings, steward):
    elsewhere = make_collection("elsewhere")
    other = world.put(elsewhere, world.vector("bear", near=0.9))
    grant(elsewhere, holdings.reader)
    picture = str(holdings.picture.id)
    before = confidences(world, holdings.reader)
    votes(holdings)
    [proposed] = calibration_propose(collection_id=holdings.mine.id, by=steward)
    assert confidences(world, holdings.reader) == before
    [view] = proposals_of(holdings.mine.id, user=steward)
    assert (view.status, view.votes, view.voters) == ("proposed", 48, 4)
    assert view.after["log_loss"] < view.before["log_loss"]
    calibration_promote(calibration_id=proposed.pk, by=steward, reason="they know")
    after = confidences(world, holdings.reader)
    assert after[picture] < before[picture] - 0.2
    # Pictures of this collection, and nothing else: no sound or text of it, no picture elsewhere.
    of_pair = {picture, str(holdings.far.id)}
    changed = {key for key in before if after[key] != before[key]}
    assert changed == of_pair
    assert after[str(other.id)] == before[str(other.id)]
    calibration_withdraw(calibration_id=proposed.pk, by=steward, reason="never mind")
    assert confidences(world, holdings.reader) == before
    events = LedgerPending.objects.filter(event__startswith="collection:calibration:")
    assert {one.event.rpartition(":")[2] for one in events} == {"propose", "promote", "withdraw"}


def test_a_new_proposal_takes_the_place_of_the_old_one(holdings, steward):
    votes(holdings)
    [first] = calibration_propose(collection_id=holdings.mine.id, by=steward)
    [second] = calibration_propose(collection_id=holdings.mine.id, by=steward)
    with scope.system():
        first.refresh_from_db()
    assert first.status == "retired"
    with pytest.raises(Conflict):
        calibration_promote(calibration_id=first.pk, by=steward, reason="late")
    with pytest.raises(Invalid):
        calibration_discard(calibration_id=second.pk, by=steward, reason=" ")
    assert (
        calibration_discard(calibration_id=second.pk, by=steward, reason="no").status == "retired"
    )


def test_too_few_people_propose_nothing(holdings, steward):
    with pytest.raises(Conflict, match="no votes"):
        calibration_propose(collection_id=holdings.mine.id, by=steward)
    votes(holdings, people=2, each=30)
    with pytest.raises(Conflict, match="3 people"):
        calibration_propose(collection_id=holdings.mine.id, by=steward)


def test_only_its_steward_decides(holdings, steward):
    votes(holdings)
    [proposed] = calibration_propose(collection_id=holdings.mine.id, by=steward)
    for user, error in ((holdings.reader, NotAllowed), (make_user(), NotVisible)):
        for act in (calibration_promote, calibration_discard, calibration_withdraw):
            with pytest.raises(error):
                act(calibration_id=proposed.pk, by=user, reason="me")
        with pytest.raises(error):
            calibration_propose(collection_id=holdings.mine.id, by=user)
        with pytest.raises(error):
            proposals_of(holdings.mine.id, user=user)
