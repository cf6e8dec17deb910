from __future__ import annotations

from uuid import UUID

import pytest

from retrieval.services.ingest import asset_upload
from retrieval.services.stages import stage_run
from retrieval.uploads import upload_from
from tests.factories import make_collection, make_model, make_reader
from tests.retrieval.ingest.conftest import (
    models,
    paths,
    redaction,
    sent,
    servers,
    table,
)

__all__ = ["models", "paths", "redaction", "sent", "servers", "table"]


@pytest.fixture
def collection(db):
    return make_collection()


@pytest.fixture
def steward(collection):
    return make_reader(collection, "steward")


@pytest.fixture
def run(db, servers, sent, table, django_capture_on_commit_callbacks):
    """Does ``act``, and all stages that become due by it."""
    make_model(table=table)

    def work(act=None):
        with django_capture_on_commit_callbacks(execute=True):
            made = act() if act else None
        while sent:
            stage, asset_id = sent.pop(0)
            with django_capture_on_commit_callbacks(execute=True):
                stage_run(stage=stage, asset_id=UUID(asset_id))
        return made

    return work


@pytest.fixture
def upload(run, collection):
    """An asset of these bytes that has gone through its stages."""

    def up(data: bytes, name: str = "file.bin"):
        return run(
            lambda: asset_upload(
                user=None,
                collection_id=collection.pk,
                upload=upload_from(iter([data]), name=name),
            )
        )[0]

    return up
