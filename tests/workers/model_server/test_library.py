import hashlib
import json
import shutil

import pytest

from retrieval.encoders import bundle
from workers.model_server.library import BundleLibrary
from workers.model_server.store import ModelRefusal


@pytest.fixture
def models(tmp_path):
    """A folder with a bundle whose one file is not what its manifest says."""
    folder = tmp_path / "toy@1"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"changed")
    manifest = {
        "format": 1,
        "name": "toy",
        "version": "1",
        "space": "toy",
        "dimension": 3,
        "licence": "MIT",
        "files": {"weights.safetensors": hashlib.sha256(b"original").hexdigest()},
        "towers": {"text": {"library": "timm", "weights": "weights.safetensors"}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_the_builtin_and_the_installed_bundles_are_found(models):
    library = BundleLibrary(models)
    refs = [description.ref for description in library.found()]
    assert refs == sorted([bundle.manifest_read(bundle.BUILTIN).ref, "toy@1"])
    assert library.builtin_ref in refs


def test_a_changed_bundle_is_refused_before_its_weights_are_read(models):
    with pytest.raises(ModelRefusal) as refused:
        BundleLibrary(models).open("toy@1")
    assert refused.value.code == "bundle-changed"


@pytest.mark.parametrize("ref", ["none@1", "../toy@1", "", "toy", "..@..", "/etc@1"])
def test_unknown_and_climbing_refs_are_refused(models, ref):
    with pytest.raises(ModelRefusal) as refused:
        BundleLibrary(models).open(ref)
    assert refused.value.status == 404


def test_an_unreadable_manifest_hides_nothing_else(models):
    (models / "broken@1").mkdir()
    (models / "broken@1" / "manifest.json").write_text("{")
    assert "toy@1" in [description.ref for description in BundleLibrary(models).found()]
    shutil.rmtree(models / "toy@1")
    assert "toy@1" not in [description.ref for description in BundleLibrary(models).found()]
