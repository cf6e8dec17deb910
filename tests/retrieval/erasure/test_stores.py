"""Every store is emptied, and none is forgotten."""

from fnmatch import fnmatchcase

import pytest
from django.db import connection

from audit.keystore import KeyDestroyed, default_keystore
from audit.models import Influence, SearchRecord
from audit.subject_models import ConsentRecord, DataSubject
from retrieval import scope
from retrieval.erasure_stores import stores
from retrieval.models import ReembedJob, Segment
from retrieval.services.erasing import (
    assets_erase,
    assets_lock,
    outside_erase,
    stores_count,
    subject_erase,
)
from tests.factories import make_asset, reloaded
from tests.retrieval.erasure.scenery import link, make_subject

pytestmark = pytest.mark.django_db

# Tables with such a column that need no store: what they hold is an id and nothing else of it.
IDS_ALONE = {
    "audit_erasurecandidate": "the request's own list",
    "audit_erasureitem": "the request's own list",
    "audit_erasurerequest": "what was asked for",
    "audit_tombstone": "that it is erased",
    "audit_legalhold": "what was held, and why",
}


def counts(asset, subject=None):
    with scope.system():
        return stores_count(asset_ids=[asset.pk], subject_ids=[subject.id] if subject else [])


def erase(asset):
    with scope.system():
        assets_erase(assets_lock([asset.pk]))


def test_the_example_has_something_in_every_store(asset, subject):
    empty = {name for name, count in counts(asset, subject).items() if count == 0}
    others = {store.name for store in stores() if store.name in OWNED_ELSEWHERE}
    assert empty <= others


# Stores of other parts, whose own tests fill and empty them.
OWNED_ELSEWHERE = {"dataset versions", "dataset items", "exports", "access archives", "disclosures"}


def test_every_store_is_empty_afterwards(asset, subject, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        erase(asset)
        with scope.system():
            subject_erase(subject.id)
    assert {name: count for name, count in counts(asset, subject).items() if count} == {}


def test_nothing_of_another_asset_goes(asset, django_capture_on_commit_callbacks):
    other = make_asset(
        asset.collection, raw=b"o", rendition=b"r", thumbnail=b"t", segments=("kept words",)
    )
    with scope.system():
        ReembedJob.objects.all().delete()
    before = counts(other)
    with django_capture_on_commit_callbacks(execute=True):
        erase(asset)
    assert counts(other) == before
    assert reloaded(other).title == "A title"


def test_what_is_left_of_them_are_ids(asset, subject, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        erase(asset)
        with scope.system():
            subject_erase(subject.id)
    row = reloaded(asset)
    assert (row.state, row.title, row.metadata, row.size_bytes) == ("erased", "", {}, 0)
    with scope.system():
        assert ReembedJob.objects.get().problems == [{"asset": "other", "code": "y"}]
        hit = Influence.objects.get()
        assert (hit.rank, hit.asset_id, hit.signals, hit.redactions) == (1, asset.pk, [], [])
        assert not SearchRecord.objects.filter(kept_query__isnull=False, hit_count=9).exists()
        gone = DataSubject.objects.get(pk=subject.pk)
        assert (gone.state, gone.identifier, gone.identifier_blind) == ("erased", None, None)
        record = ConsentRecord.objects.get()
        assert (record.purposes, record.notice_ref) == (["search"], "")
        assert record.withdrawn_at is not None
    with pytest.raises(KeyDestroyed):
        default_keystore().get("subject", str(subject.id))


def test_no_table_that_names_an_asset_a_segment_or_a_subject_is_forgotten():
    """A new table of that kind must be registered as a store, or named above with its reason."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT c.table_name FROM information_schema.columns c "
            "JOIN pg_class k ON k.relname = c.table_name AND NOT k.relispartition "
            "WHERE c.table_schema = 'public' AND (c.column_name IN "
            "('asset', 'asset_id', 'assets', 'segment_id', 'subject', 'subject_id', 'subjects') "
            "OR c.table_name IN ('audit_datasubject', 'retrieval_asset', 'retrieval_segment'))"
        )
        found = {name for (name,) in cursor.fetchall()}
    answered = [pattern for store in stores() for pattern in store.tables]
    forgotten = {
        name
        for name in found
        if name not in IDS_ALONE and not any(fnmatchcase(name, one) for one in answered)
    }
    assert forgotten == set()


def test_a_store_that_fails_keeps_no_other_from_being_emptied(asset, monkeypatch):
    erase(asset)
    monkeypatch.setattr("retrieval.queue.withdraw", _away)
    with pytest.raises(OSError, match="away"):
        outside_erase(asset_ids=[asset.pk])
    left = {name for name, count in counts(asset).items() if count}
    assert left <= {"queued work"}


def _away(_):
    raise OSError("away")


def test_an_asset_of_two_people_goes_as_a_whole_and_leaves_no_link(asset, collection):
    other = make_subject("ben@example.org")
    link(asset, other)
    erase(asset)
    with scope.system():
        assert not Segment.objects.filter(asset=asset).exists()
        assert (
            stores_count(asset_ids=[], subject_ids=[other.id])["links between subjects and assets"]
            == 0
        )
