import numpy as np
import pytest
from django.db import connection

from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.encoders.client import ModelRefused
from retrieval.models import Asset, ModelVersion, ProvenanceStep, Segment
from retrieval.redaction.types import SegmentPlan
from retrieval.services.assets import asset_delete
from retrieval.services.ingest import asset_upload
from retrieval.services.retention import thumbnail_wanted
from retrieval.services.segments import segments_write
from retrieval.services.stages import Again, stage_run
from retrieval.uploads import upload_from
from retrieval.vectors import backend
from tests.factories import make_collection, make_model, make_reader, reloaded

pytestmark = pytest.mark.django_db

TABLE = "vectors_ingest_test"


@pytest.fixture(autouse=True)
def model(table, db, servers, sent):
    return make_model(table=table)


@pytest.fixture
def collection():
    return make_collection()


def ready(collection, data=b"first line\nsecond line"):
    """An asset whose embedding is due."""
    asset, _ = asset_upload(
        user=None, collection_id=collection.pk, upload=upload_from(iter([data]), name="a.bin")
    )
    for stage in ("redact", "verify"):
        assert stage_run(stage=stage, asset_id=asset.pk) is None
    assert reloaded(asset).state == "embedding"
    return asset


def stored(asset):
    with scope.system():
        return backend().fetch(table=TABLE, asset_id=asset.pk)


def test_text_is_embedded_as_it_was_redacted(collection, models):
    asset = ready(collection, b"mail a@b.org\nsecond")
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    assert reloaded(asset).state == "searchable"
    expected = [models.vector(b"mail <EMAIL_ADDRESS_1>"), models.vector(b"second")]
    assert np.allclose(stored(asset), expected, atol=2e-3)  # halfvec keeps 11 significant bits
    (event,) = LedgerPending.objects.filter(event="ingest:asset:embed")
    assert event.refs["models"] == ["fake@1"]
    step = ProvenanceStep.objects.filter(asset=asset).last()
    assert (step.step, step.component, step.version) == ("embed", "fake", "1")


@pytest.mark.parametrize(
    ("data", "modality", "segments"), [(b"IMG1", "image", 1), (b"SND1", "audio", 2)]
)
def test_pictures_and_sounds_get_a_vector_a_segment(collection, data, modality, segments):
    asset = ready(collection, data)
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    row = reloaded(asset)
    assert (row.state, row.modality) == ("searchable", modality)
    assert stored(asset).shape == (segments, 8)


def test_what_is_said_in_a_sound_is_embedded_as_text(collection, models):
    asset = ready(collection, b"SND1\nmail a@b.org\nthen rain")
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    with scope.system():
        rows = Segment.objects.filter(asset=asset).order_by("ordinal")
        assert [row.modality for row in rows] == ["audio", "audio", "text", "text"]
        said = backend().fetch(table=TABLE, asset_id=asset.pk, modality="text")
        heard = backend().fetch(table=TABLE, asset_id=asset.pk, modality="audio")
    expected = [models.vector(b"mail <EMAIL_ADDRESS_1>"), models.vector(b"then rain")]
    assert np.allclose(said, expected, atol=2e-3)
    assert heard.shape == (2, 8)


def test_a_model_without_the_sounds_tower_embeds_its_words(collection, model):
    asset = ready(collection, b"SND1\nrain")
    ModelVersion.objects.filter(pk=model.pk).update(
        modalities=["text"], manifest={"towers": {"text": {}}}
    )
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    assert reloaded(asset).state == "searchable"
    assert stored(asset).shape == (1, 8)
    silent = ready(collection, b"SND2")
    stage_run(stage="embed", asset_id=silent.pk)
    assert (reloaded(silent).state, reloaded(silent).reason) == ("quarantined", "no-model")


def test_embedding_twice_doubles_nothing(collection):
    asset = ready(collection)
    stage_run(stage="embed", asset_id=asset.pk)
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(state="embedding")
    stage_run(stage="embed", asset_id=asset.pk)
    assert reloaded(asset).state == "searchable"
    assert stored(asset).shape == (2, 8)


def test_every_active_model_embeds_and_no_other(collection, model, django_db_blocker):
    ModelVersion.objects.filter(pk=model.pk).update(status="retired")
    asset = ready(collection)
    again = stage_run(stage="embed", asset_id=asset.pk)
    assert isinstance(again, Again)  # none is active yet: set-up installs one in a moment
    assert (reloaded(asset).state, reloaded(asset).attempts) == ("embedding", 0)
    assert stored(asset).shape == (0, 0)


def test_a_modality_no_model_takes_rests_with_its_reason(collection, model):
    ModelVersion.objects.filter(pk=model.pk).update(modalities=["image"])
    asset = ready(collection)
    stage_run(stage="embed", asset_id=asset.pk)
    assert (reloaded(asset).state, reloaded(asset).reason) == ("quarantined", "no-model")


def test_nothing_to_embed_rests_with_its_reason(collection):
    asset = ready(collection, b"\n")
    stage_run(stage="embed", asset_id=asset.pk)
    assert (reloaded(asset).state, reloaded(asset).reason) == ("quarantined", "nothing-to-embed")


def test_a_model_server_that_is_down_is_waited_for(collection, models):
    asset = ready(collection)
    models.down = True
    assert isinstance(stage_run(stage="embed", asset_id=asset.pk), Again)
    assert (reloaded(asset).state, reloaded(asset).attempts) == ("embedding", 0)
    models.down = False
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    assert reloaded(asset).state == "searchable"


@pytest.mark.parametrize(
    "vectors",
    [
        np.ones((2, 7), np.float32),
        np.full((2, 8), np.nan, np.float32),
        np.zeros((2, 8), np.float32),
    ],
)
def test_vectors_that_cannot_be_right_are_not_stored(collection, models, monkeypatch, vectors):
    asset = ready(collection)
    monkeypatch.setattr(models, "encode_text", lambda *_, **__: vectors)
    stage_run(stage="embed", asset_id=asset.pk)
    assert (reloaded(asset).state, reloaded(asset).reason) == ("quarantined", "embedding-failed")
    assert stored(asset).shape == (0, 0)


def test_a_model_that_refuses_quarantines(collection, models, monkeypatch):
    def refuse(*_, **__):
        raise ModelRefused("bad-input", "unfit")

    asset = ready(collection)
    monkeypatch.setattr(models, "encode_text", refuse)
    stage_run(stage="embed", asset_id=asset.pk)
    assert reloaded(asset).reason == "embedding-failed"


def test_consent_that_cannot_be_shown_withholds(collection):
    asset = ready(collection)
    with scope.system():
        collection.purposes = {"search": {"consent": "required"}}
        collection.save()
    stage_run(stage="embed", asset_id=asset.pk)
    assert (reloaded(asset).state, reloaded(asset).reason) == ("withheld", "consent-missing")
    assert stored(asset).shape == (0, 0)


def test_withheld_in_mid_embedding_stays_unsearchable(collection, models, monkeypatch):
    asset = ready(collection)
    encode = models.encode_text

    def withhold(*args, **kwargs):
        with scope.system():
            Asset.objects.filter(pk=asset.pk).update(state="withheld", claim=None)
        return encode(*args, **kwargs)

    monkeypatch.setattr(models, "encode_text", withhold)
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    assert reloaded(asset).state == "withheld"
    assert stored(asset).shape == (0, 0)


def test_deleting_takes_the_vectors_along(collection):
    asset, other = ready(collection, b"one"), ready(collection, b"two")
    for each in (asset, other):
        stage_run(stage="embed", asset_id=each.pk)
    asset_delete(user=make_reader(collection, "curator"), asset_id=asset.pk)
    assert stored(asset).shape == (0, 0)
    assert stored(other).shape == (1, 8)
    with scope.system():
        assert not Segment.objects.filter(asset=asset).exists()


def test_the_original_is_not_needed_any_more(collection):
    asset = ready(collection)
    media.destroy_raw(asset.pk)
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    assert reloaded(asset).state == "searchable"


def test_what_retention_took_is_not_made_anew(collection, table):
    """Vectors, transcript and thumbnail stay away whatever else happens to the asset."""
    asset = ready(collection, b"first line")
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(vectors_kept=False)
    assert stage_run(stage="embed", asset_id=asset.pk) is None
    assert reloaded(asset).state == "searchable"
    assert len(stored(asset)) == 0
    with scope.system(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM retrieval_lexical WHERE asset_id = %s", [asset.pk])
        assert cursor.fetchone()[0] > 0  # it is found by its words

    sound = ready(collection, b"SND1 with words")
    with scope.system():
        plan = SegmentPlan(kind="time", ordinal=0, text="", start_ms=0, end_ms=9)
        heard = SegmentPlan(
            kind="time", ordinal=1, text="bear", start_ms=0, end_ms=9, modality="text"
        )
        where = {"asset_id": sound.pk, "collection_id": collection.pk, "modality": "audio"}
        segments_write(plans=[plan, heard], **where)
        assert Segment.objects.filter(asset=sound).count() == 2
        Asset.objects.filter(pk=sound.pk).update(transcript_kept=False, thumbnail_kept=False)
        segments_write(plans=[plan, heard], **where)
        assert [row.modality for row in Segment.objects.filter(asset=sound)] == ["audio"]
    assert not thumbnail_wanted(asset_id=sound.pk)
    assert thumbnail_wanted(asset_id=asset.pk)
