"""A table is filled from redacted renditions, whatever else happens meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from audit.models import LedgerPending
from retrieval import media, queue, scope
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.models import Asset, ModelVersion, ReembedJob, Segment
from retrieval.selectors.models import maintained_models
from retrieval.services.assets import asset_delete
from retrieval.services.embedding import UNHURRIED
from retrieval.services.ingest import asset_upload
from retrieval.services.reembed import (
    reembed_cancel,
    reembed_pause,
    reembed_resume,
    reembed_start,
    reembed_status,
    reembed_wake,
)
from retrieval.services.reembed_run import Next, reembed_run
from retrieval.services.stages import stage_run
from retrieval.services.sweep import sweep
from retrieval.uploads import upload_from
from retrieval.vectors import VectorRow, backend
from tests.factories import make_collection, make_reader, reloaded
from tests.retrieval.reembed.conftest import (
    NEW,
    OLD,
    POISON,
    TABLES,
    job_of,
    put_media,
    put_text,
    reembed,
    rows,
    run,
    segments_of,
    vectors,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection(models):
    return make_collection()


def upload(collection, data: bytes):
    """A file through all stages."""
    asset, _ = asset_upload(
        user=None, collection_id=collection.pk, upload=upload_from(iter([data]), name="a.bin")
    )
    for stage in ("redact", "verify", "embed"):
        assert stage_run(stage=stage, asset_id=asset.pk) is None
    assert reloaded(asset).state == "searchable"
    return asset


def events():
    found = LedgerPending.objects.filter(event__startswith="models:reembed:").order_by("pk")
    return [one.event.rpartition(":")[2] for one in found]


def test_every_segment_gets_the_new_versions_vector(collection, models):
    text = put_text(collection, "one", "two", "three")
    picture = put_media(collection, "image", b"IMG-a-picture")
    sound = put_media(collection, "audio", b"SND-a-sound")
    job = reembed()
    assert (job.state, job.done, job.total, job.round) == ("done", 6, 6, 2)
    expected = [models.of(NEW, word) for word in (b"one", b"two", b"three")]
    assert np.allclose(vectors(text), expected, atol=2e-3)  # halfvec keeps 11 significant bits
    assert np.allclose(vectors(picture), [models.of(NEW, b"IMG-a-pictur")], atol=2e-3)
    assert vectors(sound).shape == (2, 8)
    assert not rows(OLD)
    status = reembed_status(ref=NEW)
    assert (status.complete, status.state, status.phase) == (True, "done", "checking")
    assert events() == ["start", "finish"]


def test_originals_are_never_read(collection, models, monkeypatch):
    put_media(collection, "image", b"IMG")
    read = media.read_blob
    kinds = []
    monkeypatch.setattr(
        media, "read_blob", lambda kind, key: (kinds.append(kind), read(kind, key))[1]
    )
    assert reembed().state == "done"
    assert kinds == [media.Blob.RENDITION]


def test_what_is_withheld_stays_hidden_and_the_rest_of_the_states_stays_out(collection, models):
    shown = put_text(collection, "shown")
    withheld = put_text(collection, "withheld", state="withheld")
    never = put_text(collection, "withheld before it was ever embedded", state="withheld")
    for state in ("quarantined", "embedding", "rejected", "purged", "erased"):
        put_text(collection, state, state=state)
    with scope.system():
        row = VectorRow(
            segment_id=segments_of(withheld)[0],
            asset_id=withheld.pk,
            collection_id=collection.pk,
            modality="text",
            vector=models.of(OLD, b"withheld"),
        )
        backend().upsert(table=TABLES[OLD], rows=[row], searchable=False)
    assert reembed().state == "done"
    assert {(row.asset_id, row.searchable) for row in rows()} == {
        (shown.pk, True),
        (withheld.pk, False),
    }
    assert never.pk not in {row.asset_id for row in rows()}


def test_rows_that_should_not_be_there_are_removed_and_wrongly_shown_ones_hidden(
    collection, models
):
    kept, hidden = put_text(collection, "kept"), put_text(collection, "hidden")
    gone = put_text(collection, "gone", state="erased")
    at_work = put_text(collection, "a stage is at it", state="embedding")
    assert reembed().state == "done"
    with scope.system():
        for number, asset in enumerate((gone, at_work)):
            row = VectorRow(
                segment_id=segments_of(asset)[0] if number else 10**9,
                asset_id=asset.pk,
                collection_id=collection.pk,
                modality="text",
                vector=models.of(NEW, b"x"),
            )
            backend().upsert(table=TABLES[NEW], rows=[row])
        Asset.objects.filter(pk=hidden.pk).update(state="withheld")
    assert reembed().state == "done"
    assert {(row.asset_id, row.searchable) for row in rows()} == {
        (kept.pk, True),
        (hidden.pk, False),
        (at_work.pk, True),
    }


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_small_batches_walk_over_everything(collection, models, batch):
    assets = [put_text(collection, f"{n} a", f"{n} b") for n in range(5)]
    job = reembed(batch=batch)
    assert (job.state, job.done) == ("done", 10)
    assert [row.segment_id for row in rows()] == sorted(
        segment for asset in assets for segment in segments_of(asset)
    )


def test_only_modalities_that_the_version_embeds(collection, models):
    ModelVersion.objects.filter(version="2").update(modalities=["text"])
    put_media(collection, "image", b"IMG")
    put_text(collection, "words")
    job = reembed()
    assert (job.state, job.total) == ("done", 1)
    assert {row.modality for row in rows()} == {"text"}


def test_nothing_to_embed_is_complete(models):
    assert reembed_status(ref=NEW).complete
    assert reembed().state == "done"


def test_an_upload_while_it_runs_is_embedded_under_both(collection, models):
    put_text(collection, "before")
    reembed_start(ref=NEW, by=None)
    asset = upload(collection, b"during")
    for ref in (OLD, NEW):
        assert np.allclose(vectors(asset, ref), [models.of(ref, b"during")], atol=2e-3)
    assert run().state == "done"
    later = upload(collection, b"later")
    assert len(vectors(later)) == 1
    assert reembed_status(ref=NEW).complete


def test_an_upload_that_began_before_knows_of_a_start_in_between(collection, models):
    asset, _ = asset_upload(
        user=None, collection_id=collection.pk, upload=upload_from(iter([b"slow"]), name="a.bin")
    )
    for stage in ("redact", "verify"):
        stage_run(stage=stage, asset_id=asset.pk)
    started = []

    def start_once():
        if not started:
            started.append(reembed_start(ref=NEW, by=None))

    models.during = start_once
    stage_run(stage="embed", asset_id=asset.pk)
    assert started
    assert np.allclose(vectors(asset), [models.of(NEW, b"slow")], atol=2e-3)


def test_a_candidate_that_fails_does_not_cost_the_upload(collection, models):
    put_text(collection, "before")
    assert reembed().state == "done"
    models.refused.add(NEW)
    asset = upload(collection, b"during")
    assert len(vectors(asset, OLD)) == 1
    assert len(vectors(asset)) == 0
    job = job_of()
    assert (job.state, job.finished_at) == ("running", None)  # something is missing again
    assert not reembed_status(ref=NEW).complete
    assert run().state == "failed"
    assert job_of().reason == "bundle-hash"
    models.refused.clear()
    reembed_resume(ref=NEW, by=None)
    assert run().state == "done"
    assert len(vectors(asset)) == 1


def test_what_is_deleted_while_a_batch_is_embedded_does_not_come_back(collection, models):
    curator = make_reader(collection, "curator")
    doomed, kept = put_text(collection, "doomed"), put_text(collection, "kept")
    reembed_start(ref=NEW, by=None)
    deleted = []

    def delete_once():
        if not deleted:
            deleted.append(asset_delete(user=curator, asset_id=doomed.pk))

    models.during = delete_once
    assert run().state == "done"
    assert deleted
    assert [row.asset_id for row in rows()] == [kept.pk]


def test_what_is_withheld_or_redacted_anew_while_a_batch_is_embedded(collection, models):
    withheld, anew = put_text(collection, "withheld"), put_text(collection, "old words")
    reembed_start(ref=NEW, by=None)
    changed = []

    def change_once():
        if not changed:
            changed.append(True)
            with scope.system():
                Asset.objects.filter(pk=withheld.pk).update(state="withheld")
                Segment.objects.filter(asset=anew).delete()
                Segment.objects.create(
                    asset=anew,
                    collection=collection,
                    modality="text",
                    kind="chunk",
                    ordinal=0,
                    text="new words",
                )

    models.during = change_once
    assert run().state == "done"
    assert {(row.segment_id, row.searchable) for row in rows()} == {
        (segments_of(withheld)[0], False),
        (segments_of(anew)[0], True),
    }
    assert np.allclose(vectors(anew), [models.of(NEW, b"new words")], atol=2e-3)


def test_pause_resume_and_cancel(collection, models):
    for number in range(4):
        put_text(collection, f"line {number}")
    reembed_start(ref=NEW, by=None)
    paused = []

    def pause_once():
        if not paused:
            paused.append(reembed_pause(ref=NEW, by=None))

    models.during = pause_once
    job = run(batch=2)
    assert (job.state, job.done, len(rows())) == ("paused", 2, 2)  # the batch in hand counts
    assert {model.ref for model in maintained_models()} == {OLD, NEW}
    assert reembed_run(job_id=job.id) is None
    with pytest.raises(Conflict):
        reembed_start(ref=NEW, by=None)
    reembed_resume(ref=NEW, by=None)
    models.asked.clear()
    assert run(batch=2).state == "done"
    assert sum(count for _, count in models.asked) == 2  # nothing is embedded twice
    for change in (reembed_pause, reembed_resume, reembed_cancel):
        with pytest.raises(Conflict):
            change(ref=NEW, by=None)
    reembed_start(ref=NEW, by=None)
    reembed_cancel(ref=NEW, by=None)
    assert run().state == "cancelled"
    assert {model.ref for model in maintained_models()} == {OLD}
    assert not reembed_status(ref=NEW).complete  # what comes in now would be missing
    assert events() == ["start", "pause", "resume", "finish", "start", "cancel"]


def test_who_did_it_is_recorded(collection, models):
    operator = make_reader(collection)
    reembed_start(ref=NEW, by=operator)
    (entry,) = LedgerPending.objects.filter(event="models:reembed:start")
    assert entry.actor is not None
    assert entry.refs == {"model": NEW, "job": str(job_of().id)}


def test_an_asset_that_cannot_be_embedded_is_named_and_holds_up_no_other(collection, models):
    good, bad = put_text(collection, "good"), put_text(collection, POISON.decode())
    lost = put_media(collection, "image", b"IMG")
    media.destroy_all(lost.pk)
    job = reembed()
    assert (job.state, job.reason) == ("failed", "assets-left-out")
    assert {(one["asset"], one["code"]) for one in job.problems} == {
        (str(bad.pk), "unfit"),
        (str(lost.pk), "stored-bytes-damaged"),
    }
    assert [row.asset_id for row in rows()] == [good.pk]
    assert reembed_status(ref=NEW).complete is False
    with scope.system():
        Asset.objects.filter(pk__in=[bad.pk, lost.pk]).update(state="erased")
    reembed_resume(ref=NEW, by=None)
    assert run().state == "done"
    assert events() == ["start", "fail", "resume", "finish"]


def test_media_of_several_assets_share_a_request_and_none_takes_the_others_vectors(
    collection, models
):
    pictures = [put_media(collection, "image", f"IMG-{n:08}".encode()) for n in range(20)]
    sounds = [put_media(collection, "audio", b"SND") for _ in range(3)]
    assert reembed(pace=UNHURRIED).state == "done"
    assert [count for _, count in models.asked] == [6, 16, 4]
    for number, picture in enumerate(pictures):
        expected = models.of(NEW, f"IMG-{number:08}".encode())
        assert np.allclose(vectors(picture), [expected], atol=2e-3)
    windows = [models.of(NEW, np.full(8, ms, np.float32).tobytes()) for ms in (0, 2_000)]
    for sound in sounds:
        assert np.allclose(vectors(sound), windows, atol=2e-3)


def test_of_media_that_share_a_request_only_the_bad_one_is_left_out(collection, models):
    good = [put_media(collection, "image", f"IMG-{n:08}".encode()) for n in range(5)]
    bad = put_media(collection, "image", POISON)
    job = reembed()
    assert [one["asset"] for one in job.problems] == [str(bad.pk)]
    assert {row.asset_id for row in rows()} == {asset.pk for asset in good}


def test_a_server_that_is_away_is_waited_for(collection, models):
    put_text(collection, "line")
    job = reembed_start(ref=NEW, by=None)
    models.down = True
    waits = [reembed_run(job_id=job.id, tries=tries) for tries in (0, 1, 9)]
    assert waits == [Next(2.0), Next(10.0), Next(30.0)]
    assert (job_of().state, job_of().reason) == ("running", "waits: not-reachable")
    models.down = False
    assert run().state == "done"
    assert job_of().reason == ""


def test_an_unforeseen_error_stops_the_job_and_shows_no_content(collection, models, caplog):
    put_text(collection, "secret words")

    def break_it():
        raise RuntimeError("secret words")

    models.during = break_it
    job = reembed()
    assert (job.state, job.reason, job.claim) == ("failed", "crashed: RuntimeError", None)
    assert "secret" not in caplog.text


def test_two_at_once_do_not_work_on_the_same_job(collection, models):
    put_text(collection, "line")
    job = reembed_start(ref=NEW, by=None)
    seen = []
    models.during = lambda: seen.append(reembed_run(job_id=job.id))
    assert run().state == "done"
    assert seen == [None]


def test_who_lost_the_claim_writes_nothing(collection, models):
    put_text(collection, "line")
    job = reembed_start(ref=NEW, by=None)

    def take_over():
        ReembedJob.objects.filter(id=job.id).update(claim=job.id, claimed_by="")

    models.during = take_over
    assert reembed_run(job_id=job.id) is None
    assert not rows()
    assert job_of().claim == job.id


def test_the_sweeper_wakes_what_a_dead_process_left(collection, models, sent):
    put_text(collection, "line")
    job = reembed_start(ref=NEW, by=None)
    queue.reembed_arrived(job.id)
    sent.clear()
    ReembedJob.objects.filter(id=job.id).update(claim=job.id, claimed_by="elsewhere/0/0/1/1")
    assert reembed_wake() == 0  # a process of another machine is not ours to judge
    from retrieval import incarnation

    dead = f"{incarnation.machine()}/{2**22 + 1}/1"
    ReembedJob.objects.filter(id=job.id).update(claimed_by=dead)
    assert sweep().woken == 1
    assert sent == [("reembed", str(job.id))]
    assert reembed_wake() == 0  # its message is under way
    assert run().state == "done"


@pytest.mark.django_db(transaction=True)
def test_starting_sends_a_message_once_it_is_committed(models, sent):
    job = reembed_start(ref=NEW, by=None)
    assert sent == [("reembed", str(job.id))]
    assert reembed_start(ref=NEW, by=None).id == job.id
    assert len(sent) == 1
    queue.reembed_arrived(job.id)


def test_what_cannot_begin(models, monkeypatch):
    with pytest.raises(NotVisible):
        reembed_start(ref="fake@9", by=None)
    with pytest.raises(Invalid):
        reembed_start(ref=NEW, by=None, rate_limit=0.0)
    from retrieval.encoders.bundle import BundleError

    def unknown(ref, **_):
        raise BundleError("unknown", "No such model is installed.")

    monkeypatch.setattr("retrieval.selectors.models.bundle_folder", unknown)
    with pytest.raises(Invalid):
        reembed_start(ref=NEW, by=None)
    assert not ReembedJob.objects.exists()


def test_a_job_of_a_removed_version_ends(collection, models):
    put_text(collection, "line")
    job = reembed_start(ref=NEW, by=None)
    models.during = lambda: ModelVersion.objects.filter(version="2").delete()
    assert reembed_run(job_id=job.id, pace=UNHURRIED) is None
    assert not rows()


def test_a_retired_version_is_kept_complete_until_its_files_are_gone(
    collection, models, monkeypatch
):
    ModelVersion.objects.filter(version="2").update(status="retired")
    assert len(vectors(upload(collection, b"one"))) == 1
    from pathlib import Path

    from retrieval.encoders.bundle import BundleError

    def folder(ref, **_):
        if ref == NEW:
            raise BundleError("unknown", "No such model is installed.")
        return Path(ref)

    monkeypatch.setattr("retrieval.selectors.models.bundle_folder", folder)
    assert len(vectors(upload(collection, b"two"))) == 0
