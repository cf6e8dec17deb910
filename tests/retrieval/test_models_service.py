"""Bundles are verified, copied, given a table and catalogued; nothing unverified gets that far."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from safetensors.numpy import save

from audit.models import LedgerPending
from deploy.paths import Paths
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.models import Calibration, Collection, ModelVersion, VectorTable
from retrieval.services.models import (
    active_models,
    model_install,
    model_remove,
    model_verify,
)
from retrieval.vectors import backend, ddl
from tests.factories import make_collection

pytestmark = pytest.mark.django_db
PARAMETERS = {
    "version": 1,
    "weights": {"z": 1.0, "similarity": 0.0, "peak": 0.5},
    "bias": -3.0,
    "threshold": 0.5,
}


@pytest.fixture(autouse=True)
def paths(tmp_path, settings):
    settings.PATHS = Paths(tmp_path / "data")
    return settings.PATHS


@pytest.fixture
def bundle(tmp_path):
    """Makes a well-formed bundle of one text tower."""

    def make(
        version="1", *, space="tiny", dimension=4, pairs=None, extra=None, folder=None
    ) -> Path:
        folder = tmp_path / (folder or f"bundle-{version}-{space}")
        folder.mkdir()
        pair = {"query_modality": "text", "target_modality": "text", "parameters": PARAMETERS}
        calibration = {"pairs": [pair] if pairs is None else pairs}
        files = {
            "text.safetensors": save({"w": np.zeros(4, np.float32)}),
            "calibration.json": json.dumps(calibration).encode(),
            **(extra or {}),
        }
        for name, data in files.items():
            (folder / name).write_bytes(data)
        manifest = {
            "format": 1,
            "name": "tiny",
            "version": version,
            "space": space,
            "dimension": dimension,
            "licence": "none",
            "towers": {"text": {"library": "sentence_transformers", "weights": "text.safetensors"}},
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    return make


def unprobed(folder: Path) -> None:
    """Loading towers is tested where there are some: test_models_probe."""
    assert (folder / "manifest.json").is_file()


def refuse(source: Path) -> None:
    model_install(source, unsigned_reason="why not", probe=unprobed)


def installed_folders(paths: Paths) -> list[str]:
    return sorted(path.name for path in paths.models.iterdir() if path.name != ".lock")


@pytest.fixture
def install(django_db_setup, django_db_blocker, bundle):
    """Installs bundles, and drops their tables when the test's transaction has ended."""
    refs = []

    def do(source, **options) -> ModelVersion:
        options = {"unsigned_reason": "made here", "probe": unprobed, **options}
        version = model_install(source, **options)
        refs.append(version.ref)
        return version

    yield do
    connection.close()  # with it go the locks of the test's transaction
    for ref in refs:
        ddl.drop_table(table=ddl.table_name(ref))


def test_the_starter_comes_with_the_appliance_and_is_active(paths):
    version = model_install("builtin")
    assert (version.name, version.status) == ("starter", "active")
    assert {"text", "image", "audio"} <= set(version.modalities)
    assert not version.signed
    [model] = active_models()
    assert (model.ref, model.space, model.folder) == (
        version.ref,
        version.space_id,
        paths.models / version.ref,  # a later release may bring another one
    )
    pairs = {(c.query_modality, c.target_modality) for c in Calibration.objects.all()}
    assert {("text", "image"), ("image", "audio"), ("audio", "text")} <= pairs
    again = model_install("builtin")
    assert again.pk == version.pk
    assert LedgerPending.objects.filter(event="models:bundle:install").count() == 1
    assert model_verify(ref=version.ref) == ""
    (paths.models / version.ref / "MODEL_CARD.md").write_text("damaged")
    assert model_install("builtin").pk == version.pk
    assert model_verify(ref=version.ref) == ""


def test_an_upgrade_that_only_calibrates_the_starter_anew_keeps_its_vectors(
    bundle, install, paths, monkeypatch
):
    monkeypatch.setattr("retrieval.services.models.BUILTIN", bundle())
    version = install("builtin")
    collection = make_collection("one")
    [before] = Calibration.objects.filter(model_version=version)
    with scope.system():
        own = Calibration.objects.create(
            model_version=version,
            query_modality="text",
            target_modality="text",
            collection=collection,
            parameters=before.parameters,
        )
        Collection.objects.filter(id=collection.id).update(calibrated=True)
    newer = bundle(space="tiny", extra={"MODEL_CARD.md": b"better"}, folder="newer")
    pair = {"query_modality": "text", "target_modality": "text"}
    parameters = {**PARAMETERS, "bias": -5.0}
    write(newer, "calibration.json", {"pairs": [{**pair, "parameters": parameters}]})
    monkeypatch.setattr("retrieval.services.models.BUILTIN", newer)
    again = model_install("builtin")
    assert again.pk == version.pk
    assert again.status == "active"
    [after] = Calibration.objects.filter(model_version=version, status="active")
    assert after.parameters["bias"] == -5.0
    with scope.system():
        own.refresh_from_db()
        collection.refresh_from_db()
    assert (own.status, collection.calibrated) == ("retired", False)
    assert (paths.models / "tiny@1" / "MODEL_CARD.md").read_text() == "better"
    assert model_verify(ref="tiny@1") == ""
    assert LedgerPending.objects.filter(event="models:bundle:refresh").count() == 1
    assert model_install("builtin").pk == version.pk
    assert LedgerPending.objects.filter(event="models:bundle:refresh").count() == 1


def test_a_starter_of_the_same_name_with_other_towers_is_refused(bundle, install, monkeypatch):
    monkeypatch.setattr("retrieval.services.models.BUILTIN", bundle())
    install("builtin")
    newer = bundle(folder="newer")
    write(newer, "text.safetensors", None)
    monkeypatch.setattr("retrieval.services.models.BUILTIN", newer)
    with pytest.raises(Conflict):
        model_install("builtin")


def write(folder: Path, name: str, content) -> None:
    """A file of a bundle, and its hash in the manifest."""
    data = save({"w": np.ones(4, np.float32)}) if content is None else json.dumps(content).encode()
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_starter_that_cannot_be_read_fails_no_other_model(bundle, install, paths, monkeypatch):
    install(bundle())
    monkeypatch.setattr("retrieval.encoders.bundle.BUILTIN", paths.data / "nothing")
    model_verify(ref="tiny@1")
    [model] = active_models()
    assert model.folder == paths.models / "tiny@1"


def test_a_bundle_is_copied_verified_and_recorded(bundle, install, paths):
    version = install(bundle())
    assert (version.ref, version.status) == ("tiny@1", "active")
    assert version.unsigned_reason == "made here"
    assert (paths.models / "tiny@1" / "text.safetensors").is_file()
    assert installed_folders(paths) == ["tiny@1"]
    copied = paths.models / "tiny@1" / "text.safetensors"
    assert copied.stat().st_mode & 0o777 == 0o600
    table = VectorTable.objects.get(model_version=version)
    with scope.system():
        assert backend().count(table=table.table) == 0


def test_a_second_version_waits(bundle, install):
    install(bundle("1"))
    assert install(bundle("2")).status == "installed"
    assert [model.ref for model in active_models()] == ["tiny@1"]


def test_an_unsigned_bundle_needs_a_reason(bundle):
    with pytest.raises(Invalid) as raised:
        model_install(bundle(), unsigned_reason="  ", probe=unprobed)
    assert "reason" in raised.value.fields


def test_a_version_of_another_space_waits_too(bundle, install):
    install(bundle("1"))
    assert install(bundle("2", space="other")).status == "installed"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "text.safetensors").write_bytes(b"other"),
        lambda folder: (folder / "text.safetensors").unlink(),
        lambda folder: (folder / "run.py").write_text("print()"),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "link.txt").symlink_to("/etc/passwd"),
    ],
    ids=["changed", "missing", "code", "no manifest", "link"],
)
def test_a_spoilt_bundle_is_refused_and_leaves_nothing(bundle, paths, spoil):
    folder = bundle()
    spoil(folder)
    with pytest.raises(Invalid, match="cannot be used"):
        refuse(folder)
    assert not ModelVersion.objects.exists()
    assert installed_folders(paths) == []


@pytest.mark.parametrize(
    "pairs",
    [
        [{"query_modality": "text"}],
        [{"query_modality": "text", "target_modality": "text", "parameters": {"version": 2}}],
        [{"query_modality": "t", "target_modality": "t", "parameters": PARAMETERS}] * 2,
        "none",
    ],
    ids=["parts missing", "another version", "twice", "no list"],
)
def test_a_calibration_that_cannot_be_used_is_refused(bundle, pairs):
    with pytest.raises(Invalid, match="calibrat"):
        refuse(bundle(pairs=pairs))


def test_other_content_under_the_same_version_is_a_conflict(bundle, install):
    install(bundle("1"))
    with pytest.raises(Conflict):
        refuse(bundle("1", space="other"))


def test_one_space_has_one_dimension(bundle, install):
    install(bundle("1"))
    with pytest.raises(Conflict, match="dimension 4, not 5"):
        install(bundle("2", dimension=5))


def test_an_active_version_stays_and_another_goes_with_its_files(bundle, install, paths):
    install(bundle("1"))
    install(bundle("2"))
    (paths.models / "tiny@2.fitted").mkdir()
    (paths.models / "tiny@2.runtime.json").write_text("{}")
    with pytest.raises(Conflict, match="active"):
        model_remove(ref="tiny@1")
    with pytest.raises(NotVisible):
        model_remove(ref="tiny@9")
    model_remove(ref="tiny@2")
    assert installed_folders(paths) == ["tiny@1"]
    assert not ModelVersion.objects.filter(version="2").exists()
    assert LedgerPending.objects.filter(event="models:bundle:remove").count() == 1


def test_a_file_changed_after_installation_is_found(bundle, install, paths):
    install(bundle())
    model_verify(ref="tiny@1")
    (paths.models / "tiny@1" / "text.safetensors").write_bytes(b"other")
    with pytest.raises(Invalid):
        model_verify(ref="tiny@1")


def test_the_command_says_what_it_did(bundle, install, capsys):
    folder = bundle()
    call_command("models", "list")
    with pytest.raises(CommandError, match="--unsigned"):
        call_command("models", "install", str(folder))
    with pytest.raises(CommandError, match="belong together"):
        call_command("models", "install", str(folder), "--unsigned")
    install(folder)
    call_command(
        *("models", "install", str(folder), "--unsigned", "--reason", "made here", "--no-tune")
    )
    call_command("models", "list")
    call_command("models", "verify")
    with pytest.raises(CommandError, match="is active"):
        call_command("models", "remove", "tiny@1")
    printed = capsys.readouterr().out
    for part in (
        "No model is installed",
        "tiny@1 is installed (active), not signed",
        "every file is",
    ):
        assert part in printed
