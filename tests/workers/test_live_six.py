"""Six modalities, as ImageBind has: installed, uploaded through REST, embedded, found."""

from __future__ import annotations

import io
import json
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from retrieval import media, scope
from retrieval.models import Segment
from retrieval.services.models import model_install
from tests.cast import client_of, person
from tests.factories import grant, make_collection
from tests.retrieval.encoders.tensors_small import six_bundle
from tests.workers.live_servers import live_servers, rested

pytestmark = [
    pytest.mark.live,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
    # A third-party deprecation inside transformers', timm's or torch's modules is not ours to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning"),
]
RNG = np.random.default_rng(8)
DEPTH = RNG.random((48, 64)).astype(np.float32) * 5
THERMAL = (RNG.random((30, 40, 3)) * 255).astype(np.uint8)
IMU = RNG.standard_normal((250, 6)).astype(np.float64)
SEARCH = "/api/v1/search/"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return six_bundle(tmp_path_factory.mktemp("six") / "six")


@pytest.fixture
def appliance(tmp_path, settings, sent, bundle):
    """The six-modality model is the only one."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    def install():
        model_install(bundle, unsigned_reason="made by this test")

    with live_servers(tmp_path, settings, models=True, prepare=install):
        yield


def npy(array, name="array.npy"):
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return named(file.getvalue(), name)


def named(data, name):
    file = io.BytesIO(data)
    file.name = name
    return file


def picture():
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file, "PNG")
    return named(file.getvalue(), "photo.png")


def sound():
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(16_000) / 9) * 0.3, 8_000, format="WAV")
    return named(file.getvalue(), "tone.wav")


def uploaded(api, collection, file, **fields):
    """The asset once it rests."""
    path = f"/api/v1/collections/{collection.pk}/assets/"
    answer = api.post(path, {"file": file, **fields}, format="multipart")
    assert answer.status_code == 202, answer.content
    return rested(UUID(answer.json()["id"]))


def hits(api, body, **options):
    """Ids of the assets that a search shows, best first, sure or not."""
    asked = {"include_uncertain": True, **body}
    answer = api.post(SEARCH, asked, **{"format": "json", **options})
    assert answer.status_code == 200, answer.content
    return [hit["asset"]["id"] for hit in answer.json()["hits"]]


def test_six_modalities_are_installed_embedded_and_found(appliance):
    collection = make_collection("six", redaction_profile="open")
    user = person("ada")
    grant(collection, user, "curator")
    api = client_of(user)
    files = {
        "text": (named(b"The bear ate the honey in the snow.", "note.txt"), ""),
        "image": (picture(), ""),
        "audio": (sound(), ""),
        "depth": (npy(DEPTH, "room.npy"), "depth"),
        "thermal": (npy(THERMAL, "oven.npy"), "thermal"),
        "imu": (npy(IMU, "walk.npy"), "imu"),
    }
    assets = {
        modality: uploaded(api, collection, file, **({"modality": said} if said else {}))
        for modality, (file, said) in files.items()
    }
    for modality, asset in assets.items():
        assert (asset.state, asset.modality, asset.reason) == ("searchable", modality, "")
        assert media.read_blob(media.Blob.THUMBNAIL, asset.pk)[8:12] == b"WEBP"
        shown = api.get(f"/api/v1/assets/{asset.pk}/").json()
        assert shown["modality"] == modality
    ids = {modality: str(asset.pk) for modality, asset in assets.items()}

    with scope.system():
        spans = list(
            Segment.objects.filter(asset=assets["imu"])
            .order_by("ordinal")
            .values_list("kind", "start_ms", "end_ms")
        )
        (whole,) = Segment.objects.filter(asset=assets["depth"]).values_list("kind", flat=True)
    assert spans == [("time", start, start + 10_000) for start in (0, 5_000, 10_000, 15_000)]
    assert whole == "whole"

    content = api.get(f"/api/v1/assets/{ids['thermal']}/content/")
    assert content["Content-Type"] == "application/x-npy"
    assert content["Content-Disposition"].endswith('.npy"')
    back = np.load(io.BytesIO(b"".join(content.streaming_content)), allow_pickle=False)
    np.testing.assert_array_equal(back, THERMAL.astype(np.float32))

    # Text to depth, depth (a file) to image, a stored walk to sounds: each in the one space.
    assert hits(api, {"text": "a bear", "modalities": ["depth"]}) == [ids["depth"]]
    form = {"file_modality": "depth", "modalities": ["image"], "include_uncertain": "true"}
    found = hits(api, {"file": npy(DEPTH), **form}, format="multipart")
    assert found == [ids["image"]]
    assert hits(api, {"asset": ids["imu"], "modalities": ["audio"]}) == [ids["audio"]]
    assert set(hits(api, {"text": "a bear"})) == set(ids.values())

    # The same array finds itself with certainty; another person finds nothing.
    body = {"file": npy(IMU[:100]), "file_modality": "imu", "modalities": ["imu"]}
    answer = api.post(SEARCH, body, format="multipart").json()
    assert answer["confident"]
    assert answer["query"]["modality"] == "imu"
    (hit,) = answer["hits"]
    assert hit["asset"]["id"] == ids["imu"]
    assert hit["segment"]["kind"] == "time"
    assert hit["influence"]["signals"][0]["similarity"] == 1.0
    assert hits(client_of(person("otto")), {"text": "a bear"}) == []


def test_arrays_rest_with_a_reason_where_they_may_not_pass(appliance):
    user = person("ada")
    passing, careful = (
        make_collection(profile, redaction_profile=profile) for profile in ("open", "standard")
    )
    for collection in (passing, careful):
        grant(collection, user, "curator")
    api = client_of(user)

    def rest(collection, file, **fields):
        asset = uploaded(api, collection, file, **fields)
        assert asset.reason_detail.endswith(".")
        return asset.state, asset.reason

    assert rest(careful, npy(DEPTH), modality="depth") == ("quarantined", "not-redactable")
    assert rest(passing, npy(DEPTH)) == ("rejected", "modality-missing")
    assert rest(passing, picture(), modality="depth") == ("rejected", "modality-mismatch")
    assert rest(passing, npy(IMU), modality="image") == ("rejected", "modality-mismatch")
    wrong = rest(passing, npy(DEPTH[:, :, None].repeat(2, axis=2)), modality="depth")
    assert wrong[0] == "quarantined"  # the model does not take two channels

    path = f"/api/v1/collections/{passing.pk}/assets/"
    unknown = api.post(path, {"file": npy(DEPTH), "modality": "smell"}, format="multipart")
    assert unknown.status_code == 400
    assert set(unknown.json()["errors"]) == {"modality"}
    preview = api.post(
        f"{path}?preview=1", {"file": npy(DEPTH), "modality": "depth"}, format="multipart"
    )
    assert preview["X-Vitrine-Modality"] == "depth"
    refused = api.post(SEARCH, {"file": npy(DEPTH)}, format="multipart")
    assert refused.status_code == 422
    assert json.loads(refused.content)["detail"].startswith("The file is an array")
