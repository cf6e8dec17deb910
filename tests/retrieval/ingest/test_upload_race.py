"""Two at the same moment, on two connections."""

import threading

import pytest
from django.db import connection

from retrieval import scope
from retrieval.models import Asset
from retrieval.services import ingest
from retrieval.services.claims import asset_claim
from retrieval.uploads import upload_from
from tests.factories import make_asset, make_collection

pytestmark = pytest.mark.django_db(transaction=True)


def together(work, count):
    """What ``count`` threads that begin at once make of ``work()``."""
    barrier, results = threading.Barrier(count), []

    def one():
        try:
            barrier.wait(30)
            results.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


def test_the_same_bytes_uploaded_at_once_are_one_asset(paths, sent, monkeypatch):
    collection = make_collection()
    looked = threading.Barrier(4)
    look = ingest._existing

    def all_look_before_any_writes(*args):
        found = look(*args)
        if found is None and not looked.broken and looked.n_waiting < 4:
            looked.wait(30)
        return found

    def upload():
        return ingest.asset_upload(
            user=None,
            collection_id=collection.pk,
            upload=upload_from(iter([b"same bytes"]), name="a.txt"),
        )

    monkeypatch.setattr(ingest, "_existing", all_look_before_any_writes)
    results = together(upload, 4)
    assert sorted(created for _, created in results) == [False, False, False, True]
    assert len({asset.pk for asset, _ in results}) == 1
    with scope.system():
        assert Asset.objects.count() == 1
    (asset, _) = results[0]
    files = sorted(path.name for path in paths.media.rglob("*") if path.is_file())
    assert files == [str(asset.pk), f"{asset.pk}.description"]
    assert sent == [("redact", str(asset.pk))]


def test_a_stage_is_claimed_by_one_of_many(sent):
    asset = make_asset(make_collection(), state="received")
    claims = together(lambda: asset_claim(stage="redact", asset_id=asset.pk), 4)
    assert sum(claim is not None for claim in claims) == 1
