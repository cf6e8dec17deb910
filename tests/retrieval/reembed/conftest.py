from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audit import actors
from audit.keystore import default_keystore
from deploy.paths import Paths
from retrieval import clients, scope
from retrieval.models import ModelVersion, ReembedJob, Segment, Space, VectorTable
from retrieval.services.reembed import reembed_start
from retrieval.services.reembed_run import reembed_run
from retrieval.vectors import backend, ddl
from retrieval.vectors.shards import SHARED_SHARDS
from tests.factories import make_asset
from tests.fakes import FakeRedaction, FakeVersions

DIMENSION = 8
OLD, NEW = "fake@1", "fake@2"
TABLES = {ref: ddl.table_name(f"reembed-test-{ref}") for ref in (OLD, NEW)}
POISON = FakeVersions.POISON


@pytest.fixture(autouse=True)
def paths(tmp_path, settings, monkeypatch):
    settings.PATHS = Paths(tmp_path)
    monkeypatch.setattr("retrieval.selectors.models.bundle_folder", lambda ref, **_: Path(ref))
    default_keystore.cache_clear()
    actors._known.clear()
    yield settings.PATHS
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture(scope="session")
def vector_tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        for table in TABLES.values():
            ddl.create_table(table=table, dimension=DIMENSION)


def make_version(ref: str, *, status: str, modalities=("audio", "image", "text")) -> ModelVersion:
    """A version of the space ``fake`` with its table."""
    name, _, number = ref.partition("@")
    space, _ = Space.objects.get_or_create(name=name, defaults={"dimension": DIMENSION})
    version = ModelVersion.objects.create(
        name=name,
        version=number,
        space=space,
        status=status,
        modalities=list(modalities),
        manifest={
            "name": name,
            "version": number,
            "towers": {m: {"input": {}} for m in modalities},
        },
        manifest_sha256="0" * 64,
    )
    VectorTable.objects.create(
        model_version=version, table=TABLES[ref], dimension=DIMENSION, shards=SHARED_SHARDS
    )
    return version


@pytest.fixture
def redaction():
    return FakeRedaction()


@pytest.fixture
def models(db, vector_tables, redaction, sent):
    made = FakeVersions()
    make_version(OLD, status="active")
    make_version(NEW, status="installed")
    with clients.override(models=made, redaction=redaction):
        yield made


@pytest.fixture
def sent(monkeypatch):
    """Messages to the broker: (task, id)."""
    from celery import current_app

    messages = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda name, args=(), **_: messages.append((name.rsplit(".")[-1], args[0])),
    )
    return messages


def job_of(ref: str = NEW) -> ReembedJob:
    return ReembedJob.objects.get(model_version__version=ref.partition("@")[2])


def run(ref: str = NEW, **options) -> ReembedJob:
    """The job after as many stretches as it takes to rest."""
    job = job_of(ref)
    while reembed_run(job_id=job.id, **options) is not None:
        pass
    return job_of(ref)


def reembed(ref: str = NEW, **options) -> ReembedJob:
    reembed_start(ref=ref, by=None)
    return run(ref, **options)


def rows(ref: str = NEW):
    """What is stored under a version, by segment."""
    with scope.system():
        return backend().listed(table=TABLES[ref], after=0)


def vectors(asset, ref: str = NEW) -> np.ndarray:
    with scope.system():
        return backend().fetch(table=TABLES[ref], asset_id=asset.pk)


def segments_of(asset) -> list[int]:
    with scope.system():
        return list(Segment.objects.filter(asset=asset).values_list("id", flat=True))


def put_text(collection, *lines: str, **fields):
    return make_asset(collection, segments=lines, **fields)


def put_media(collection, modality: str, rendition: bytes, **fields):
    """An image or a sound of two windows, with its rendition and nothing else."""
    asset = make_asset(
        collection,
        modality=modality,
        media_type="image/webp" if modality == "image" else "audio/ogg",
        rendition=rendition,
        raw_state="purged",
        **fields,
    )
    windows = [(None, None)] if modality == "image" else [(0, 10_000), (2_000, 12_000)]
    with scope.system():
        for number, (start, end) in enumerate(windows):
            Segment.objects.create(
                asset=asset,
                collection=collection,
                modality=modality,
                kind="whole" if start is None else "time",
                ordinal=number,
                start_ms=start,
                end_ms=end,
            )
    return asset
