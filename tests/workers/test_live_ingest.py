"""The real redaction and model servers, the real sandbox and starter bundle, file by file."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from audit import actors
from audit.keystore import default_keystore
from deploy.paths import ROOT, Paths
from retrieval import clients, media, scope
from retrieval.encoders.client import ModelClient, ModelUnavailable
from retrieval.models import Segment
from retrieval.redaction.client import RedactionClient
from retrieval.redaction.errors import RedactionUnavailable
from retrieval.selectors.models import active_models
from retrieval.services.ingest import asset_upload
from retrieval.services.models import model_install
from retrieval.services.stages import Again, stage_run
from retrieval.states import STAGE_OF, State
from retrieval.uploads import upload_from
from retrieval.vectors import backend
from tests.factories import make_collection, reloaded

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

ITEMS = ROOT / "deploy" / "demo" / "items"
NOTE = b"""# Report

Anna can be reached at anna.muster@example.org, or by card 4111 1111 1111 1111.
The bear came back to the picnic place in the evening and ate the honey.
"""


@pytest.fixture
def appliance(tmp_path, settings):
    """Both servers, on sockets of the test's own."""
    settings.PATHS = Paths(tmp_path)
    settings.PATHS.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    default_keystore.cache_clear()
    actors._known.clear()
    sockets = {
        "redaction": settings.PATHS.redaction_socket,
        "model": settings.PATHS.model_socket,
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"workers.{name}_server", "--socket", str(path)], cwd=ROOT
        )
        for name, path in sockets.items()
    ]
    redaction, models = RedactionClient(sockets["redaction"]), ModelClient(sockets["model"])
    try:
        for client in (redaction, models):
            wait_for(client)
        with clients.override(redaction=redaction, models=models):
            yield
    finally:
        redaction.close()
        models.close()
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
        default_keystore.cache_clear()
        actors._known.clear()


def wait_for(client):
    limit = time.monotonic() + 300
    while True:
        try:
            client.health()
        except (RedactionUnavailable, ModelUnavailable):
            assert time.monotonic() < limit
            time.sleep(0.2)
        else:
            return


def ingested(collection, data, name):
    """The asset once it rests."""
    asset, _ = asset_upload(
        user=None, collection_id=collection.pk, upload=upload_from(iter([data]), name=name)
    )
    limit = time.monotonic() + 300
    while (stage := STAGE_OF.get(State(reloaded(asset).state))) is not None:
        again = stage_run(stage=stage, asset_id=asset.pk)
        assert time.monotonic() < limit
        if isinstance(again, Again):
            time.sleep(again.seconds)
    return reloaded(asset)


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
