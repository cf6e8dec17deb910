from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from retrieval import incarnation, queue, scope
from retrieval.models import Asset
from retrieval.services.claims import asset_claim
from retrieval.services.sweep import Swept, sweep
from retrieval.states import IN_PROGRESS, RESTING, State
from tests.factories import make_asset, make_collection, reloaded

pytestmark = pytest.mark.django_db
AGO = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def collection():
    return make_collection()


def waiting(collection, state=State.RECEIVED, **fields):
    return make_asset(collection, state=state, state_changed_at=timezone.now() - AGO, **fields)


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        ("received", "redact"),
        ("redacting", "redact"),
        ("verifying", "verify"),
        ("embedding", "embed"),
    ],
)
def test_what_waits_without_a_message_is_queued_with_its_stage(collection, sent, state, stage):
    asset = waiting(collection, state)
    assert sweep() == Swept(queued=1)
    assert sent == [(stage, str(asset.pk))]
    assert sweep() == Swept()  # the message is under way


@pytest.mark.parametrize("state", sorted(RESTING))
def test_what_rests_is_left_alone(collection, sent, state):
    asset = waiting(collection, state)
    quarantined = state == State.QUARANTINED
    assert sweep(node_restarted=True) == Swept(reviews=int(quarantined))
    assert sent == []
    with scope.system():
        assert asset.reviews.filter(state="open").count() == int(quarantined)
    assert sweep() == Swept()


def test_a_flushed_redis_loses_nothing(collection, sent):
    assets = [waiting(collection) for _ in range(3)]
    for asset in assets:
        queue.enqueue(stage="redact", asset_id=asset.pk)
    sent.clear()
    assert sweep() == Swept()
    cache.clear()  # what FLUSHALL does to marks and messages alike
    assert sweep() == Swept(queued=3)
    assert sorted(sent) == sorted(("redact", str(asset.pk)) for asset in assets)


def test_what_was_just_committed_has_its_message_coming(collection, sent):
    make_asset(collection, state=State.RECEIVED)
    assert sweep() == Swept()


def test_a_claim_of_a_dead_process_is_given_back_and_its_work_queued(collection, sent):
    asset = waiting(collection)
    asset_claim(stage="redact", asset_id=asset.pk)
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(
            claimed_by=f"{incarnation.machine()}/999999/1", state_changed_at=timezone.now() - AGO
        )
    assert sweep() == Swept(released=1, queued=1)
    assert reloaded(asset).claim is None
    assert reloaded(asset).attempts == 1  # dying over it speaks against it


def test_a_claim_of_a_living_process_stays(collection, sent):
    asset = waiting(collection)
    asset_claim(stage="redact", asset_id=asset.pk)
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(state_changed_at=timezone.now() - AGO)
    assert sweep(node_restarted=True) == Swept()
    assert reloaded(asset).claim is not None


def test_a_claim_held_on_another_machine_runs_out(collection, sent):
    asset = waiting(collection)
    asset_claim(stage="redact", asset_id=asset.pk)
    with scope.system():
        mine = Asset.objects.filter(pk=asset.pk)
        mine.update(claimed_by="elsewhere/1/2/3/4", state_changed_at=timezone.now() - AGO)
        assert sweep(node_restarted=True) == Swept()
        mine.update(claimed_until=timezone.now() - AGO)
    assert sweep() == Swept(queued=1)


def test_a_worker_that_starts_trusts_no_mark(collection, sent):
    asset = waiting(collection)
    queue.enqueue(stage="redact", asset_id=asset.pk)  # reserved by the worker that was killed
    sent.clear()
    assert sweep() == Swept()
    assert sweep(node_restarted=True) == Swept(queued=1)
    assert sent == [("redact", str(asset.pk))]


def test_a_broker_that_is_down_is_survived(collection, sent, monkeypatch):
    from celery import current_app
    from kombu.exceptions import OperationalError

    def down(*_, **__):
        raise OperationalError("redis://:password@host is down")

    asset = waiting(collection)
    with monkeypatch.context() as patch:
        patch.setattr(current_app, "send_task", down)
        assert not queue.enqueue(stage="redact", asset_id=asset.pk)
        assert sweep() == Swept()
    assert sweep() == Swept(queued=1)
    assert sent == [("redact", str(asset.pk))]


def test_every_state_in_progress_has_a_stage(collection, sent):
    for state in IN_PROGRESS:
        waiting(collection, state)
    assert sweep().queued == len(IN_PROGRESS)
