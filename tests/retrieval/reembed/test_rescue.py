"""A newer starter on a data folder that was begun with an older one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command

from audit.models import LedgerPending
from retrieval.encoders.bundle import BUILTIN, BundleError, manifest_read
from retrieval.models import ModelVersion, ReembedJob
from retrieval.services import model_rescue
from retrieval.services.model_rescue import models_rescue
from tests.factories import make_collection
from tests.retrieval.reembed.conftest import NEW, OLD, put_text, run, vectors

pytestmark = pytest.mark.django_db


def loads(_folder):
    """Every bundle."""


def refuses(code):
    def probe(_folder):
        raise BundleError(code, "That kind of tower is not known.")

    return probe


@pytest.fixture
def files(models, monkeypatch):
    """The versions whose files are there; ``fake@2`` plays the starter that ships."""
    there = {OLD, NEW}

    def folder(ref, **_):
        if ref not in there:
            raise BundleError("unknown", "No such model is installed.")
        return Path(ref)

    class Shipped:
        name, version = "fake", "2"

    monkeypatch.setattr("retrieval.selectors.models.bundle_folder", folder)
    monkeypatch.setattr(model_rescue, "bundle_folder", folder)
    monkeypatch.setattr(model_rescue, "manifest_read", lambda _: Shipped)
    return there


def statuses():
    return {version.ref: version.status for version in ModelVersion.objects.all()}


def test_where_the_old_files_are_there_nothing_happens(files):
    assert models_rescue(probe=loads) == []
    assert statuses() == {OLD: "active", NEW: "installed"}
    assert not ReembedJob.objects.exists()


def test_where_they_are_gone_the_new_one_takes_over_and_its_vectors_are_made(files, models):
    asset = put_text(make_collection(), "stored long ago")
    files.discard(OLD)
    out = io.StringIO()
    call_command("models", "rescue", stdout=out)
    assert f"{NEW} is in use instead" in out.getvalue()
    assert statuses() == {OLD: "retired", NEW: "active"}
    (entry,) = LedgerPending.objects.filter(event="models:version:rescue")
    assert entry.refs == {"model": NEW, "replaced": OLD}
    assert run().state == "done"
    assert len(vectors(asset)) == 1
    assert models_rescue() == []


def test_an_older_starter_that_the_new_program_cannot_load_gives_way(files):
    for code in ("too-slow", "crashed"):
        assert models_rescue(probe=refuses(code)) == []
    (rescued,) = models_rescue(probe=refuses("bad-tower"))
    assert (rescued.gone, rescued.now) == (OLD, NEW)
    assert statuses() == {OLD: "retired", NEW: "active"}


def test_a_model_of_another_name_is_not_the_starters_to_judge(files):
    ModelVersion.objects.filter(version="1").update(name="clip")
    files.add("clip@1")
    assert models_rescue(probe=refuses("bad-tower")) == []


def test_without_the_starter_installed_there_is_nothing_to_take_over(files):
    ModelVersion.objects.filter(version="2").delete()
    files.discard(OLD)
    assert models_rescue() == []
    assert statuses() == {OLD: "active"}


def test_the_starter_that_ships_can_be_named():
    assert "@" in manifest_read(BUILTIN).ref
