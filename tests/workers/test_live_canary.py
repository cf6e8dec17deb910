"""Seeded files of most types through the real servers: identifiers are nowhere but in originals."""

from __future__ import annotations

import os
from contextlib import ExitStack

import psycopg
import pytest
from django.db import connection

from audit.canary.search import search
from deploy.benchmarks.redact.seeded.files import write
from deploy.canary.blobs import opened
from deploy.canary.files import Folder
from deploy.canary.queue import Queue
from deploy.canary.scratch import Scratch
from deploy.canary.tables import Tables, see_everything
from retrieval import media, scope
from retrieval.models import Asset
from retrieval.services.ingest import asset_upload
from retrieval.services.models import model_install
from retrieval.uploads import upload_from
from tests.conftest import owner_login
from tests.factories import make_collection
from tests.workers.live_servers import live_servers, rested

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

# One picture among them: reading its writing takes as long as all the rest.
TYPES = ("txt", "md", "html", "docx", "pdf", "jpg", "wav", "mp3", "ogg")
CANARIES = 4 * len(TYPES)


@pytest.fixture
def appliance(tmp_path, settings):
    with live_servers(tmp_path / "data", settings):
        yield


def test_nothing_of_a_seeded_ingest_is_left_outside_the_originals(appliance, tmp_path, capfd):
    made = write(tmp_path / "seeded", assets=len(TYPES), canaries=CANARIES, types=TYPES)
    model_install("builtin")
    collection = make_collection()
    states, reasons = {}, {}
    for file in made.files:
        data = (tmp_path / "seeded" / "files" / file.name).read_bytes()
        asset, _ = asset_upload(
            user=None,
            collection_id=collection.pk,
            upload=upload_from(iter([data]), name=file.name),
            title=file.title,
            source=file.title,
            metadata=dict(file.metadata),
        )
        asset = rested(asset.pk)
        states[file.name.rpartition(".")[2]] = asset.state
        reasons[file.name] = (asset.state, asset.reason, asset.reason_detail)
    assert states["txt"] == states["docx"] == states["wav"] == "searchable", reasons
    assert set(states.values()) <= {"searchable", "quarantined"}

    values = [canary.value for canary in made.canaries]
    before = searched(values, tmp_path)
    out = "".join(capfd.readouterr())
    assert [value for value in values if value in out] == []
    assert {s.name: s.hits for s in before.stores if s.hits and not s.permitted} == {}
    assert before.clean
    [kept] = [s for s in before.stores if s.name.startswith("originals")]
    plain = {n for n, canary in enumerate(made.canaries) if canary.place != "pixels"}
    assert {hit.token for hit in kept.hits} == plain

    for pk in asset_ids():
        media.destroy_raw(pk)
    after = searched(values, tmp_path)
    assert after.clean
    assert not any(store.hits for store in after.stores)


def asset_ids():
    with scope.system():
        return list(Asset.objects.values_list("id", flat=True))


def searched(values, tmp_path):
    owner = owner_login()
    with ExitStack() as stack:
        login = psycopg.connect(
            dbname=connection.settings_dict["NAME"],
            user=owner.user,
            password=owner.password,
            host=owner.host or None,
            port=owner.port or None,
            autocommit=True,
        )
        stack.enter_context(login)
        see_everything(login)
        tables = Tables(login, Scratch(login))
        folder = Folder("data folder", tmp_path / "data", left_out=lambda e: e.name == "run")
        queue = Queue(os.environ["REDIS_URL"])
        return search(values, [tables, queue, folder, *opened()])
