import os
import time
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit import retention
from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.models import Asset
from retrieval.services.purge import Purged, purge
from retrieval.services.retention import raw_deadlines_recompute
from retrieval.states import IN_PROGRESS, State
from tests.factories import make_asset, make_collection, make_policy, reloaded

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection():
    return make_collection()


def due(collection, state=State.SEARCHABLE, *, since=timedelta(seconds=1), **fields):
    return make_asset(
        collection,
        state=state,
        raw=b"original",
        rendition=b"redacted",
        raw_kept_until=timezone.now() - since,
        **fields,
    )


def events():
    rows = LedgerPending.objects.filter(event="retention:raw:purge").order_by("id")
    return [row.refs["asset"] for row in rows]


def test_the_original_goes_and_the_rendition_stays_searchable(collection):
    asset = due(collection)
    assert purge() == Purged(raw=1)
    row = reloaded(asset)
    assert (row.state, row.raw_state) == ("searchable", "purged")
    with pytest.raises(media.BlobMissing):
        media.read_blob(media.Blob.RAW, asset.pk)
    with pytest.raises(media.BlobMissing):
        media.read_blob(media.Blob.DESCRIPTION, asset.pk)
    assert media.read_blob(media.Blob.RENDITION, asset.pk) == b"redacted"
    assert events() == [str(asset.pk)]
    assert purge() == Purged()
    assert events() == [str(asset.pk)]


def test_nothing_goes_before_its_time_or_without_a_period(collection):
    kept = make_asset(collection, raw=b"a")
    later = make_asset(collection, raw=b"b", raw_kept_until=timezone.now() + timedelta(hours=1))
    assert purge() == Purged()
    assert media.read_blob(media.Blob.RAW, kept.pk) == b"a"
    assert media.read_blob(media.Blob.RAW, later.pk) == b"b"


@pytest.mark.parametrize("state", sorted(IN_PROGRESS))
def test_an_original_that_a_stage_needs_waits(collection, state):
    asset = due(collection, state)
    assert purge() == Purged()
    assert media.read_blob(media.Blob.RAW, asset.pk) == b"original"


def test_more_than_a_batch(collection):
    for _ in range(5):
        due(collection)
    assert purge(batch=2) == Purged(raw=5)
    assert len(set(events())) == 5


def test_a_dry_run_says_and_does_nothing(collection):
    asset = due(collection)
    out = StringIO()
    call_command("purge", "--dry-run", stdout=out)
    assert out.getvalue().startswith("1 originals would be destroyed")
    assert reloaded(asset).raw_state == "kept"
    call_command("purge", stdout=out)
    assert reloaded(asset).raw_state == "purged"


def test_a_crash_between_destroying_and_recording_is_made_good(collection):
    asset = due(collection)
    media.destroy_raw(asset.pk)
    assert purge() == Purged(raw=1)
    assert reloaded(asset).raw_state == "purged"


def test_a_policy_sets_and_changes_deadlines(collection):
    policy = make_policy({"what": "raw", "after_days": 30})
    image = make_asset(collection, modality="image")
    text = make_asset(collection)
    elsewhere = make_asset(make_collection())
    with scope.system():
        collection.retention_policy = policy
        collection.save()
    assert raw_deadlines_recompute(collection_id=collection.pk) == 2
    for asset in (image, text):
        assert reloaded(asset).raw_kept_until == asset.created_at + timedelta(days=30)
    assert reloaded(elsewhere).raw_kept_until is None
    # Through audit's own service: the follower is registered at start-up.
    retention.policy_update(
        actor=None,
        policy_id=policy.pk,
        rules=[{"what": "raw", "modality": "image", "after_days": 2}],
    )
    assert reloaded(image).raw_kept_until == image.created_at + timedelta(days=2)
    assert reloaded(text).raw_kept_until is None


def test_a_policy_does_not_prolong_quarantine(collection, settings):
    settings.VITRINE_QUARANTINE_RAW_DAYS = 14
    asset = make_asset(collection, state=State.QUARANTINED)
    raw_deadlines_recompute(collection_id=collection.pk)
    assert reloaded(asset).raw_kept_until == asset.state_changed_at + timedelta(days=14)
    with scope.system():
        collection.retention_policy = make_policy({"what": "raw", "after_days": 90})
        collection.save()
    raw_deadlines_recompute(collection_id=collection.pk)
    assert reloaded(asset).raw_kept_until == asset.state_changed_at + timedelta(days=14)


def aged(paths):
    for path in paths.media.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 7200,) * 2)


def test_blobs_that_belong_to_nothing_are_removed(collection, paths):
    kept = make_asset(collection, raw=b"kept", rendition=b"kept", thumbnail=b"kept")
    orphan, half = uuid4(), uuid4()
    media.write_blob(media.Blob.RAW, orphan, b"no row").publish()
    media.write_blob(media.Blob.RAW, half, b"never finished")
    erased = make_asset(collection, raw=b"left", rendition=b"left", state=State.ERASED)
    purged = make_asset(collection, raw=b"left", rendition=b"stays", raw_state="purged")
    assert purge() == Purged()  # all of it may be in the making
    aged(paths)
    assert purge(dry_run=True).strays == 3
    assert purge().strays >= 3
    left = sorted(p.name for p in paths.media.rglob("*") if p.is_file())
    assert left == sorted([str(kept.pk)] * 3 + [f"{kept.pk}.description", str(purged.pk)])
    for asset_id in (orphan, half, erased.pk):
        with pytest.raises(media.BlobMissing):
            media.read_blob(media.Blob.RAW, asset_id)
    assert media.read_blob(media.Blob.RAW, kept.pk) == b"kept"
    assert media.read_blob(media.Blob.RENDITION, purged.pk) == b"stays"
    with scope.system():
        assert Asset.objects.count() == 3
