"""The real redaction and model servers, the real sandbox and starter bundle, file by file."""

from __future__ import annotations

import pytest

from deploy.paths import ROOT
from retrieval import media, scope
from retrieval.models import Segment
from retrieval.selectors.models import active_models
from retrieval.services.ingest import asset_upload
from retrieval.services.models import model_install
from retrieval.services.replay import search_replay
from retrieval.services.saliency import saliency_draw
from retrieval.services.search import SearchRequest, search_run
from retrieval.uploads import upload_from
from retrieval.vectors import backend
from tests.factories import make_collection, make_reader
from tests.workers.live_servers import live_servers, rested

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

ITEMS = ROOT / "deploy" / "demo" / "items"
NOTE = b"""# Report

Anna can be reached at anna.muster@example.org, or by card 4111 1111 1111 1111.
The bear came back to the picnic place in the evening and ate the honey.
"""


@pytest.fixture
def appliance(tmp_path, settings):
    with live_servers(tmp_path, settings):
        yield


def ingested(collection, data, name):
    """The asset once it rests."""
    asset, _ = asset_upload(
        user=None, collection_id=collection.pk, upload=upload_from(iter([data]), name=name)
    )
    return rested(asset.pk)


def found_and_explained(reader):
    """A hit of every modality, drawn with what carries it; and the same again from the record."""
    asked = SearchRequest(text="a bear ate the honey", include_uncertain=True)
    answer = search_run(user=reader, request=asked)
    drawn = {
        hit.asset.modality: saliency_draw(user=reader, search_id=answer.search_id, rank=hit.rank)
        for hit in answer.hits
    }
    assert set(drawn) == {"text", "image", "audio"}
    assert all(one.png.startswith(b"\x89PNG") for one in drawn.values())
    assert {"bear", "honey"} & set(drawn["text"].parts)
    assert search_replay(search_id=answer.search_id).same


def test_every_modality_goes_the_whole_way_and_bad_files_rest_with_a_reason(appliance, sent):
    model_install("builtin")
    (model,) = active_models()
    collection = make_collection()

    note = ingested(collection, NOTE, "for anna.muster@example.org.md")
    photo_file = next(iter(sorted((ITEMS / "photos").glob("*.jpg"))))
    photo = ingested(collection, photo_file.read_bytes(), photo_file.name)
    sound_file = next(iter(sorted((ITEMS / "sounds").glob("*.ogg"))))
    sound = ingested(collection, sound_file.read_bytes(), sound_file.name)

    for asset, modality in [(note, "text"), (photo, "image"), (sound, "audio")]:
        assert (asset.state, asset.modality, asset.reason) == ("searchable", modality, "")
        with scope.system():
            segments = Segment.objects.filter(asset=asset).count()
            vectors = backend().fetch(table=model.table, asset_id=asset.pk)
        assert vectors.shape == (segments, model.dimension)
        assert segments >= 1
        assert media.read_blob(media.Blob.THUMBNAIL, asset.pk)[8:12] == b"WEBP"
    text = media.read_blob(media.Blob.RENDITION, note.pk).decode()
    assert "anna.muster" not in text + note.title
    assert "4111" not in text
    assert "honey" in text
    assert {one["kind"] for one in note.redactions} >= {"EMAIL_ADDRESS", "CREDIT_CARD"}
    assert photo.width
    assert sound.duration_ms

    found_and_explained(make_reader(collection))

    for name, data in {
        "cut.jpg": photo_file.read_bytes()[:2000],
        "what.bin": bytes(range(256)) * 20,
        "no picture.png": b"just words",
    }.items():
        asset = ingested(collection, data, name)
        assert asset.state in {"quarantined", "rejected"}, name
        assert asset.reason
        assert asset.reason_detail.endswith(".")
        assert name not in asset.reason_detail
