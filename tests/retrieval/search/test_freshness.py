"""What was made searchable is found by the very next search, what was taken away by none after."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.db import connection

from retrieval import clients, scope
from retrieval.models import Asset, Collection, Grant
from retrieval.services.assets import asset_delete
from retrieval.services.indexing import words_index
from retrieval.services.search import SearchRequest, search_run
from retrieval.states import State
from tests.factories import grant, make_collection, make_user
from tests.retrieval.search.conftest import World, catalogue, found

pytestmark = pytest.mark.django_db(transaction=True)
SEARCHERS = 3


@pytest.fixture
def world(transactional_db, fake_table, fake_calibration):
    made = World()
    catalogue()
    with clients.override(models=made.models, redaction=made.redaction):
        yield made


@dataclass
class Searching:
    """What searches found that run all the time: when each began, and the assets."""

    user: object
    seen: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self):
        try:
            while not self.stop.is_set():
                began = time.monotonic()
                request = SearchRequest(text="bear", include_uncertain=True, top_k=50)
                answer = search_run(user=self.user, request=request)
                self.seen.append((began, frozenset(found(answer))))
        except Exception as error:  # noqa: BLE001 - told in the test's own thread
            self.errors.append(error)
        finally:
            connection.close()

    def after(self, moment, *, searches=SEARCHERS + 1):
        """What the first searches that began after ``moment`` found."""
        limit = time.monotonic() + 30
        while len(later := [ids for began, ids in self.seen if began > moment]) < searches:
            assert not self.errors, self.errors
            assert time.monotonic() < limit, "the searches have stopped"
            self.stop.wait(0.005)
        return later

    def held(self, asset, *, since):
        """Whether each search that began after ``since`` found the asset."""
        told = {asset.pk in ids for ids in self.after(since)}
        assert len(told) == 1, "some did and some did not"
        return told.pop()


@contextmanager
def searching(user):
    run = Searching(user)
    threads = [threading.Thread(target=run.run) for _ in range(SEARCHERS)]
    for thread in threads:
        thread.start()
    try:
        yield run
    finally:
        run.stop.set()
        for thread in threads:
            thread.join()
    assert not run.errors, run.errors


def put(world, collection):
    asset = world.put(collection, world.vector("bear", near=0.9), title="A bear")
    with scope.system():
        words_index(asset_id=asset.pk)
    return asset


def revoke(asset, curator):
    with scope.system():
        Grant.objects.filter(collection=asset.collection_id).exclude(user=curator).delete()


def withhold(asset, _):
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(state=State.WITHHELD)


def need_consent(asset, _):
    needed = {"search": {"consent": "required"}}
    with scope.system():
        Collection.objects.filter(pk=asset.collection_id).update(purposes=needed)


def delete(asset, curator):
    asset_delete(user=curator, asset_id=asset.pk)


def close(asset, _):
    with scope.system():
        grants = Grant.objects.filter(collection=asset.collection_id, role="searcher")
        grants.update(role="steward")


TAKEN_AWAY = {"revoked": revoke, "withheld": withhold, "deleted": delete, "only governed": close}


def test_what_comes_and_goes_counts_in_the_next_search(world):
    reader, curator = make_user("reader"), make_user("curator")
    keeps = make_collection("keeps")
    grant(keeps, reader)
    stays = put(world, keeps)
    with searching(reader) as run:
        for change in TAKEN_AWAY.values():
            collection = make_collection()
            grant(collection, reader)
            grant(collection, curator, "curator")
            asset = put(world, collection)
            assert run.held(asset, since=time.monotonic())
            change(asset, curator)
            assert not run.held(asset, since=time.monotonic())
            assert run.held(stays, since=time.monotonic())


def test_a_collection_that_asks_for_consent_from_now_on_is_searched_no_more(world):
    reader, mine, other = make_user("reader"), make_collection(), make_collection()
    for one in (mine, other):
        grant(one, reader)
    asset, stays = put(world, mine), put(world, other)
    asked = SearchRequest(text="bear", purpose="search", include_uncertain=True)
    assert set(found(search_run(user=reader, request=asked))) == {asset.pk, stays.pk}
    need_consent(asset, None)
    assert found(search_run(user=reader, request=asked)) == [stays.pk]
