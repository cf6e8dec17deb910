"""What is kept of identifiers goes with the asset and in time; a collection takes its key along."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.blind import blind_lookup
from audit.keystore import KeyDestroyed, default_keystore
from audit.models import BlindIndex
from retrieval import scope
from retrieval.models import Asset
from retrieval.redaction.blind import forms_of
from retrieval.services.assets import asset_delete
from retrieval.services.collections import collection_delete
from retrieval.services.ingest import asset_upload
from retrieval.services.purge import Purged, purge
from retrieval.services.stages import stage_run
from retrieval.uploads import upload_from
from tests.factories import grant, make_collection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(servers, sent):
    pass


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture
def steward(collection):
    user = make_user()
    for role in ("steward", "curator"):
        grant(collection, user, role)
    return user


def redacted(collection, *, days_ago=0, **words):
    asset, _ = asset_upload(
        user=None,
        collection_id=collection.pk,
        upload=upload_from(iter([f"mail ann@x.org {days_ago}".encode()]), name="a.txt"),
        **words,
    )
    with scope.system():
        received = timezone.now() - timedelta(days=days_ago)
        Asset.objects.filter(pk=asset.pk).update(created_at=received)
    stage_run(stage="redact", asset_id=asset.pk)
    return asset


def held(identifier):
    with scope.system():
        return blind_lookup(forms_of(identifier))


def test_words_beside_the_file_are_found_too_and_all_goes_with_the_asset(collection, steward):
    asset = redacted(collection, metadata={"by": "bob@x.org"})
    assert held("ANN@x.org") == held("bob@x.org") == [asset.pk]
    asset_delete(user=steward, asset_id=asset.pk)
    with scope.system():
        assert not BlindIndex.objects.exists()


def test_purge_forgets_what_is_due(collection, settings):
    settings.VITRINE_BLIND_INDEX_DAYS = 30
    old, new = redacted(collection, days_ago=20), redacted(collection)
    assert held("ann@x.org") == sorted([old.pk, new.pk])
    settings.VITRINE_BLIND_INDEX_DAYS = 0
    assert purge(dry_run=True).blind == 0  # the rows say their own deadline
    assert purge() == Purged(blind=2)  # but a key whose time is over takes them along
    assert held("ann@x.org") == []


def test_nothing_is_kept_of_what_is_redacted_after_its_time(collection):
    asset = redacted(collection, days_ago=500)
    assert held("ann@x.org") == []
    assert asset.pk


def test_a_deleted_collections_key_is_destroyed(
    collection, steward, django_capture_on_commit_callbacks
):
    asset = redacted(collection)
    asset_delete(user=steward, asset_id=asset.pk)
    with django_capture_on_commit_callbacks(execute=True):
        collection_delete(by=steward, collection_id=collection.pk)
    with pytest.raises(KeyDestroyed):
        default_keystore().get("collection", str(collection.pk))
