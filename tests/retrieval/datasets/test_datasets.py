"""Versions of datasets: who is in, who is taken out, and what a job gets to see."""

import csv
import os

import pytest
from django.core.management import call_command

from audit import actors
from audit.keystore import default_keystore
from audit.models import ConsentRecord, DataSubject
from deploy.paths import Paths
from retrieval import scope
from retrieval.alignment.trained_on import training_in
from retrieval.dataset_models import DatasetItem, DatasetVersion
from retrieval.dataset_stores import _count, _erase, _notes
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.models import AssetSubject, Collection, ModelVersion, Space
from retrieval.services.dataset_files import (
    dataset_files,
    dataset_opened,
    dataset_version_open,
    version_named,
)
from retrieval.services.dataset_training import training_place
from retrieval.services.datasets import dataset_build, datasets_recheck
from tests.factories import make_asset, make_collection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def paths(tmp_path, settings):
    settings.PATHS = Paths(tmp_path / "data")
    default_keystore.cache_clear()
    actors._known.clear()
    yield settings.PATHS
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture
def collection():
    return make_collection("Pictures")


def picture(collection, number, **fields):
    return make_asset(
        collection,
        modality="image",
        media_type="image/webp",
        rendition=b"picture %d" % number,
        title=f"Picture {number}",
        **fields,
    )


def person_in(asset):
    with scope.system():
        subject = DataSubject.objects.create()
        AssetSubject.objects.create(asset=asset, subject=subject.id, via="upload")
    return subject


def said(subject, *, purposes, withdrawn=False):
    with scope.system():
        record = ConsentRecord(
            subject=subject.id,
            purposes=purposes,
            legal_basis="consent",
            given_tick=1,
            withdrawn_tick=2 if withdrawn else None,
        )
        record.series = record.id
        if withdrawn:
            record.withdrawn_at = record.starts_at
        record.save()
    return record


def build(collection, **options):
    return dataset_build(collection_id=collection.pk, name="pictures", **options)


def test_a_version_holds_what_may_be_trained_on_and_counts_the_rest(collection):
    kept = [picture(collection, n) for n in range(3)]
    forbidding = picture(collection, 3)
    said(person_in(forbidding), purposes=["training"], withdrawn=True)
    picture(collection, 4, state="withheld")
    make_asset(collection)  # a text
    version = build(collection)
    assert version.ref == "pictures@1"
    with scope.system():
        assert set(version.items.values_list("asset_id", flat=True)) == {a.pk for a in kept}
    assert version.left_out == {"consent-withdrawn": 1}


def test_where_consent_is_required_nobody_linked_means_not_used(collection):
    picture(collection, 1)
    permitted = picture(collection, 2)
    said(person_in(permitted), purposes=["search", "training"])
    with scope.system():
        purposes = {**collection.purposes, "training": {"consent": "required"}}
        Collection.objects.update(purposes=purposes)
    with scope.system():
        assert list(build(collection).items.values_list("asset_id", flat=True)) == [permitted.pk]


def test_what_cannot_be_built_is_refused(collection):
    with pytest.raises(Conflict, match="may be used"):
        build(collection)
    picture(collection, 1)
    with pytest.raises(Invalid, match="modality"):
        build(collection, modality="text")
    with pytest.raises(Invalid, match="name"):
        dataset_build(collection_id=collection.pk, name="../x")
    build(collection)
    other = make_collection("Others")
    picture(other, 2)
    with pytest.raises(Conflict, match="Another collection"):
        build(other)
    with pytest.raises(NotVisible):
        version_named("pictures@7")
    assert build(collection).ref == "pictures@2"


def test_a_withdrawal_marks_versions_and_the_next_job_leaves_it_out(collection):
    staying, leaving = picture(collection, 1), picture(collection, 2)
    subject = person_in(leaving)
    version = build(collection)
    said(subject, purposes=["training"], withdrawn=True)
    with scope.system():
        assert DatasetVersion.objects.get().stale_at
        item = DatasetItem.objects.get(asset_id=leaving.pk)
    assert item.gone_reason == "consent-withdrawn"
    opened = dataset_opened(version.ref)
    assert [row.asset_id for row in opened.rows] == [staying.pk]
    assert opened.left_out == {"consent-withdrawn": 1}


def test_what_is_only_under_way_is_left_out_and_not_marked(collection):
    first, second = picture(collection, 1), picture(collection, 2)
    version = build(collection)
    with scope.system():
        type(second).objects.filter(pk=second.pk).update(state="embedding")
    assert [row.asset_id for row in dataset_opened(version.ref).rows] == [first.pk]
    assert datasets_recheck() == 0
    with scope.system():
        type(second).objects.filter(pk=second.pk).update(state="searchable")
    assert len(dataset_opened(version.ref).rows) == 2


def test_erasure_marks_and_names_the_models(collection):
    asset = picture(collection, 1)
    version = build(collection)
    ModelVersion.objects.create(
        name="ours",
        version="1",
        space=Space.objects.create(name="ours", dimension=8),
        manifest={"training": [{"dataset": version.ref, "id": str(version.id)}]},
        manifest_sha256="0" * 64,
    )
    with scope.system():
        assert _count([asset.pk], []) == 1
        _erase([asset.pk], [])
        _erase([asset.pk], [])
        assert _count([asset.pk], []) == 0
        [note] = _notes([asset.pk], [])
    assert note.ids == ("ours@1",)
    with pytest.raises(Conflict, match="any more"):
        dataset_opened(version.ref)


def test_files_are_there_for_the_job_alone(collection, paths):
    assets = [picture(collection, n, metadata={"label": "bear"}) for n in range(3)]
    version = build(collection)
    with dataset_files(dataset_opened(version.ref)) as folder:
        assert oct(folder.stat().st_mode)[-3:] == "700"
        found = {p.stem: p.read_bytes() for p in (folder / "images").iterdir()}
        assert found == {str(a.pk): b"picture %d" % n for n, a in enumerate(assets)}
        with (folder / "captions.tsv").open(newline="") as file:
            captions = {row["file"]: row["caption"] for row in csv.DictReader(file, delimiter="\t")}
        assert captions[f"{assets[1].pk}.webp"] == "Picture 1"
        assert (folder / "labels.tsv").read_text().count("bear") == 3
        left = folder.with_name("vitrine-dataset-999999999-left")
        left.mkdir()
    assert not folder.exists()
    with dataset_files(dataset_opened(version.ref)):
        assert not left.exists()
    held = dataset_version_open(version.ref)
    assert held.read(f"{assets[0].pk}.webp") == b"picture 0"


def test_a_crash_leaves_no_files(collection):
    picture(collection, 1)
    opened = dataset_opened(build(collection).ref)
    with pytest.raises(RuntimeError), dataset_files(opened) as folder:
        raise RuntimeError
    assert not folder.exists()


def test_training_keeps_weights_and_what_they_come_from_alone(collection, tmp_path):
    asset = picture(collection, 1)
    version = build(collection)
    data, work = tmp_path / "public", tmp_path / "work"
    (data / "photos").mkdir(parents=True)
    work.mkdir()
    (work / "image-start.safetensors").write_bytes(b"start")
    recipe = {"kind": "image", "source": [{"name": "photos"}, {"name": version.ref}]}
    with training_place(recipe, data=data, work=work) as place:
        assert os.listdir(place.data / version.ref / "images") == [f"{asset.pk}.webp"]
        assert (place.data / "photos").is_dir()
        assert (place.work / "image-start.safetensors").read_bytes() == b"start"
        (place.work / "crops").mkdir()
        (place.work / "crops" / "1.npy").write_bytes(b"crop")
        (place.work / "image-seen.pt").write_bytes(b"seen")
        (place.work / "image.pt").write_bytes(b"weights")
        gone = place.work
    assert not gone.exists()
    names = {"image-start.safetensors", "image.pt", "trained-on.json"}
    assert set(os.listdir(work)) == names
    [trained] = training_in(work)
    assert (trained["dataset"], trained["used"]) == ("pictures@1", 1)


def test_the_command_builds_and_tells(collection, capsys):
    picture(collection, 1)
    call_command("dataset", "build", "Pictures", "pictures")
    call_command("dataset", "list")
    call_command("dataset", "show", "pictures@1")
    told = capsys.readouterr().out
    assert told.count("pictures@1") == 3
    assert "1 of image" in told
