"""From an approved request to its receipt, whatever comes in between."""

import threading
import uuid

import pytest
from django.db import connection, transaction

from audit import signing
from audit.backups import BackupEntry, backup_note
from audit.erasure_models import ErasureItem, ErasureReceipt, ErasureRequest, Tombstone
from audit.holds import Held, hold_place, hold_release
from audit.models import SearchRecord
from audit.subject_models import DataSubject
from audit.tombstones import tombstones_file, tombstones_read
from retrieval import media, queue, scope
from retrieval.models import Asset
from retrieval.selectors.erasures import erasure_get
from retrieval.services import erasing, erasure_proving
from retrieval.services import erasure_run as running
from retrieval.services.erasing import stores_count
from retrieval.services.erasure_proving import erasures_prove
from retrieval.services.erasure_receipts import PURPOSE, body_digest
from retrieval.services.erasure_run import erasure_run, erasures_sweep
from retrieval.services.erasures import (
    candidate_decide,
    erasure_request,
    held_resume,
    tombstones_apply,
)
from retrieval.services.scrubbing import Scrubbed
from tests.factories import make_asset, reloaded
from tests.retrieval.erasure.scenery import held_identifier, link

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _alone(settings, sent):
    settings.VITRINE_SECOND_PERSON = ()


@pytest.fixture(autouse=True)
def _unscrubbed(request, monkeypatch):
    """What scrubbing does has a file of its own, and takes seconds."""
    if "real_scrubbing" not in request.fixturenames:
        monkeypatch.setattr(erasure_proving, "scrub", lambda _: Scrubbed())


def row_of(request):
    with scope.system():
        return ErasureRequest.objects.get(pk=request.pk)


def run(request):
    assert erasure_run(request_id=request.id)
    erasures_prove()
    return row_of(request)


def receipts(request):
    with scope.system():
        return list(ErasureReceipt.objects.filter(request=request).order_by("seq"))


@pytest.fixture
def real_scrubbing():
    """For a test that wants it."""


@pytest.mark.django_db(transaction=True)
def test_a_subject_goes_with_everything_and_the_receipt_proves_it(
    governor, subject, asset, real_scrubbing
):
    request = erasure_request(by=governor, subject_id=subject.id)
    assert run(request).state == "done"
    (receipt,) = receipts(request)
    document = erasure_get(user=governor, request_id=request.id).receipt
    body = {name: value for name, value in document.items() if name != "signature"}
    assert signing.verify(PURPOSE, body, document["signature"])
    assert not signing.verify(PURPOSE, body | {"partial": True}, document["signature"])
    assert (receipt.partial, body["assets"]["linked"], body["assets"]["erased"]) == (False, 1, 1)
    counts = {one["name"]: (one["before"], one["after"]) for one in body["stores"]}
    assert counts["vectors"] == (2, 0)
    assert counts["originals"] == (2, 0)
    assert all(after == 0 for _, after in counts.values())
    assert {one["table"] for one in body["scrubbed"]["tables"]} >= {
        "retrieval_asset",
        "retrieval_segment",
        "audit_datasubject",
    }
    entry = document["ledger"]["entry"]
    assert '"' + body_digest(body) + '"' in entry["payload"]
    assert entry["refs"]["receipt"] == body["receipt"]
    assert document["ledger"]["checkpoint"]["tree_size"] >= entry["seq"]


def test_the_stand_alone_verifier_agrees(governor, subject, asset, tmp_path):
    import json
    import subprocess
    import sys

    from deploy.paths import ROOT

    request = erasure_request(by=governor, subject_id=subject.id)
    run(request)
    document = erasure_get(user=governor, request_id=request.id).receipt
    key, file = tmp_path / "key.pem", tmp_path / "receipt.json"
    key.write_text(signing.public_key_pem())
    verifier = [sys.executable, str(ROOT / "audit/standalone/vitrine_verify.py"), "receipt"]

    def verdict(changed):
        file.write_text(json.dumps(changed))
        argv = [*verifier, str(file), "--key", str(key)]
        return subprocess.run(argv, capture_output=True, check=False).returncode

    assert verdict(document) == 0
    assert verdict(document | {"erased": []}) == 1


def test_tombstones_stand_in_the_database_and_in_the_file(governor, subject, asset):
    request = erasure_request(by=governor, subject_id=subject.id)
    run(request)
    filed = {(one.kind, one.id, one.request) for one in tombstones_read()}
    assert filed == {("asset", asset.id, request.id), ("subject", subject.id, request.id)}
    assert not Tombstone.objects.filter(filed=False).exists()
    assert oct(tombstones_file().stat().st_mode)[-3:] == "600"


@pytest.mark.django_db(transaction=True)
def test_what_an_older_database_brings_back_is_erased_again(governor, subject, asset, paths):
    import json

    lines = [
        {"kind": "asset", "id": str(asset.id), "at": "2026-01-01T00:00:00+00:00", "request": None},
        {"kind": "subject", "id": str(subject.id), "at": "2026-01-01T00:00:00+00:00"},
        {"kind": "nonsense"},
    ]
    assert tombstones_apply(json.loads(json.dumps(lines))) == 2
    assert tombstones_apply(lines) == 0
    assert reloaded(asset).state == "erased"
    with scope.system():
        left = stores_count(asset_ids=[asset.id], subject_ids=[subject.id])
        assert DataSubject.objects.get(pk=subject.pk).state == "erased"
    assert {name for name, count in left.items() if count} == set()


def test_a_held_asset_makes_it_held_and_the_release_finishes_it(
    governor, subject, asset, collection
):
    other = link(make_asset(collection, raw=b"x", segments=("kept",)), subject)
    with scope.system():
        hold = hold_place(actor=None, on=Held(asset=other.id), reason="case 7")
    request = erasure_request(by=governor, subject_id=subject.id)
    row = run(request)
    assert (row.state, row.reason) == ("held", "held")
    (partial,) = receipts(request)
    assert partial.partial
    assert partial.body["held"] == [{"asset": str(other.id), "holds": [str(hold.id)]}]
    assert any(str(hold.id) in note["ids"] for note in partial.body["remains"])
    assert (reloaded(asset).state, reloaded(other).state) == ("erased", "searchable")
    with scope.system():
        assert DataSubject.objects.get(pk=subject.pk).state == "active"
    assert held_resume() == 0
    with scope.system():
        hold_release(actor=uuid.uuid4(), hold_id=hold.id, reason="closed")
    assert held_resume() == 1
    assert run(request).state == "done"
    assert [one.partial for one in receipts(request)] == [True, False]
    assert receipts(request)[1].body["assets"]["erased"] == 2
    assert reloaded(other).state == "erased"


def test_a_hold_on_the_subject_keeps_everything(governor, subject, asset):
    with scope.system():
        hold_place(actor=None, on=Held(subject=subject.id), reason="case 7")
    request = erasure_request(by=governor, subject_id=subject.id)
    assert run(request).state == "held"
    assert reloaded(asset).state == "searchable"
    assert media.has_blob(media.Blob.RAW, asset.id)


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_over_the_same_asset_erase_it_once(governor, subject, asset):
    of_subject = erasure_request(by=governor, subject_id=subject.id)
    of_asset = erasure_request(by=governor, asset_id=asset.id)
    gate = threading.Barrier(2)

    def at_once(request):
        gate.wait()
        try:
            erasure_run(request_id=request.id)
        finally:
            connection.close()

    threads = [threading.Thread(target=at_once, args=[one]) for one in (of_subject, of_asset)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    erasures_prove()
    assert {row_of(one).state for one in (of_subject, of_asset)} == {"done"}
    with scope.system():
        states = sorted(ErasureItem.objects.values_list("state", flat=True))
    assert states == ["erased", "gone"]
    assert Tombstone.objects.filter(kind="asset", object_id=asset.id).count() == 1


def test_one_request_is_run_by_one_process_only(governor, subject, asset, monkeypatch):
    request = erasure_request(by=governor, subject_id=subject.id)
    inner = []
    original = running._batch

    def meanwhile(*args):
        inner.append(erasure_run(request_id=request.id))
        return original(*args)

    monkeypatch.setattr(running, "_batch", meanwhile)
    assert erasure_run(request_id=request.id)
    assert set(inner) == {False}


class Broken(Exception):
    """What cannot be done, and is told as such."""


class Died(BaseException):
    """As a killed process leaves things."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["outside_erase", "assets_erase", "subject_erase", "_close"])
def test_a_run_that_died_is_gone_on_with(where, governor, subject, asset, sent, monkeypatch):
    request = erasure_request(by=governor, subject_id=subject.id)

    def die(*_, **__):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(running, where, die)
        if where == "outside_erase":  # between the commit and the files
            patch.setattr(erasing, where, die)
        with pytest.raises(Died):
            erasure_run(request_id=request.id)
    assert row_of(request).state == "running"
    assert not erasure_run(request_id=request.id)  # the dead one's claim still holds
    with scope.system():
        ErasureRequest.objects.update(claimed_until="2020-01-01T00:00Z")
    sent.clear()
    assert erasures_sweep() == 0  # as far as is known the first message is still under way
    queue.erasure_arrived(request.id)
    assert erasures_sweep() == 1
    assert ("erase", str(request.id)) in sent
    assert run(request).state == "done"
    (receipt,) = receipts(request)
    assert all(one["after"] == 0 for one in receipt.body["stores"])
    assert receipt.body["stores"][0]["before"] == 2


def test_what_always_fails_is_tried_again_and_fails_in_the_end(
    governor, subject, asset, monkeypatch
):
    request = erasure_request(by=governor, subject_id=subject.id)

    def fail(*_, **__):
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(running, "outside_erase", fail)
        with pytest.raises(Broken):
            erasure_run(request_id=request.id)
        assert (row_of(request).state, row_of(request).claim) == ("running", None)
        with scope.system():
            ErasureRequest.objects.update(attempts=running.MOST_ATTEMPTS - 1)
        patch.setattr(running, "_close", fail)
        with pytest.raises(Broken):
            erasure_run(request_id=request.id)
    assert (row_of(request).state, row_of(request).reason) == ("failed", "attempts")


def test_a_receipt_that_was_cut_short_is_finished_not_made_twice(
    governor, subject, asset, monkeypatch
):
    request = erasure_request(by=governor, subject_id=subject.id)
    erasure_run(request_id=request.id)
    with monkeypatch.context() as patch:
        patch.setattr(erasure_proving, "checkpoint_now", lambda: (_ for _ in ()).throw(Died))
        with pytest.raises(Died):
            erasures_prove()
    assert row_of(request).state == "running"
    erasures_prove()
    assert row_of(request).state == "done"
    (receipt,) = receipts(request)
    assert receipt.body["ledger"]["entry"]["refs"]["receipt"] == str(receipt.id)


def test_what_is_linked_after_the_approval_goes_too_and_is_told(
    governor, subject, asset, collection
):
    request = erasure_request(by=governor, subject_id=subject.id)
    late = link(make_asset(collection), subject)
    run(request)
    assert reloaded(late).state == "erased"
    assert receipts(request)[0].body["assets"]["linked_after_approval"] == 1


def test_open_candidates_are_told_and_included_ones_go_later(governor, subject, asset, collection):
    unlinked = held_identifier(make_asset(collection))
    request = erasure_request(by=governor, subject_id=subject.id)
    run(request)
    assert receipts(request)[0].body["candidates"]["open_assets"] == [str(unlinked.id)]
    (candidate,) = erasure_get(user=governor, request_id=request.id).candidates
    candidate_decide(
        by=governor, request_id=request.id, candidate_id=candidate.id, decision="include"
    )
    assert run(request).state == "done"
    assert reloaded(unlinked).state == "erased"
    assert [one.body["candidates"]["open"] for one in receipts(request)] == [1, 0]
    assert receipts(request)[1].body["assets"]["linked_after_approval"] == 0


def test_living_backups_are_named_with_the_day_they_go(governor, asset):
    from datetime import UTC, datetime

    day = datetime(2027, 1, 1, tzinfo=UTC)
    backup_note(BackupEntry(id="b1", made_at=day, until=day, keys_until=day, place="elsewhere"))
    request = erasure_request(by=governor, asset_id=asset.id)
    run(request)
    notes = receipts(request)[0].body["remains"]
    assert [one["until"] for one in notes if one["ids"] == ["b1"]] == [day.isoformat()]


def test_a_query_by_it_under_a_hold_is_kept_and_told(governor, asset):
    with scope.system():
        kept = SearchRecord.objects.get(kept_query__isnull=False, hit_count=0, influences=None)
        hold_place(actor=None, on=Held(query=kept.id), reason="case 7")
    request = erasure_request(by=governor, asset_id=asset.id)
    run(request)
    notes = receipts(request)[0].body["remains"]
    assert [one["what"] for one in notes if str(kept.id) in one["ids"]] == [
        "queries that asked by it and are under a legal hold"
    ]
    kept.refresh_from_db()
    assert (kept.kept_query, kept.held_query is None) == (None, False)


def test_a_stage_that_is_at_work_on_it_writes_nothing_afterwards(governor, asset):
    writer = media.write_blob(media.Blob.RENDITION, asset.id, b"late")
    request = erasure_request(by=governor, asset_id=asset.id)
    assert erasure_run(request_id=request.id)
    with pytest.raises(FileNotFoundError):
        writer.publish()
    erasures_prove()
    assert all(one["after"] == 0 for one in receipts(request)[0].body["stores"])


def test_the_same_file_uploaded_again_is_another_asset(governor, asset, collection):
    with scope.system():
        digest = bytes(Asset.objects.get(pk=asset.pk).digest)
    request = erasure_request(by=governor, asset_id=asset.id)
    run(request)
    with scope.system(), transaction.atomic():
        again = Asset.objects.create(collection=collection, digest=digest, size_bytes=1)
    assert again.id != asset.id
    assert reloaded(asset).state == "erased"
