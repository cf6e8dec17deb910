"""Searches run all the time; what is withdrawn is in none that begins after the withdrawal."""

import time

import pytest

from audit.consents import Terms
from retrieval import scope
from retrieval.models import Asset
from retrieval.services.consents import (
    consent_end,
    consent_record,
    subject_hold,
    subject_release,
)
from retrieval.services.linking import subjects_link
from retrieval.states import State
from retrieval.vectors import backend
from tests.factories import grant, make_collection, make_subject, make_user
from tests.retrieval.search.conftest import TABLE
from tests.retrieval.search.test_freshness import put, searching, world

__all__ = ["world"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_never_a_hit_after_the_withdrawal_has_committed(world):
    reader, collection = make_user("reader"), make_collection()
    grant(collection, reader)
    subject, other = make_subject(), make_subject()
    record = consent_record(by=None, subject_id=subject, terms=Terms(purposes=["search"])).record
    assets = [put(world, collection) for _ in range(5)]
    stays = put(world, collection)
    for asset in assets:
        subjects_link(by=None, asset_id=asset.pk, subject_ids=[subject, other])
    with searching(reader) as run:
        assert all(run.held(asset, since=time.monotonic()) for asset in assets)
        consent_end(by=None, consent_id=record.id)
        committed = time.monotonic()
        for found in run.after(committed, searches=20):
            assert found == {stays.pk}
        consent_record(by=None, subject_id=subject, terms=Terms(purposes=["search"]))
        for asset in assets:  # what the embed stage does
            with scope.system():
                assert Asset.objects.get(pk=asset.pk).state == "received"
        subject_hold(by=None, subject_id=other, hold="restricted")
        subject_release(by=None, subject_id=other)
        for found in run.after(time.monotonic(), searches=5):
            assert found == {stays.pk}  # on their way back, and not there yet
    with scope.system():
        assert backend().count(table=TABLE, collections=[collection.pk]) == 1
        gone = Asset.objects.filter(pk__in=[one.pk for one in assets], state=State.SEARCHABLE)
        assert not gone.exists()
