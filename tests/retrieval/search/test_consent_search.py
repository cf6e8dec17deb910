"""What a search shows of what people have permitted: by purpose, until the very moment it ends."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.consents import Terms
from audit.models import Influence
from retrieval import scope
from retrieval.errors import Conflict, NotAllowed
from retrieval.models import Asset, Collection
from retrieval.selectors.searches import search_explain
from retrieval.services.collections import collection_update, purposes_preview
from retrieval.services.consents import consent_end, consent_record, consents_due
from retrieval.services.content import raw_open, rendition_open
from retrieval.services.linking import subjects_link
from retrieval.services.why_not import why_not
from tests.factories import grant, make_collection, make_subject, make_user, reloaded
from tests.retrieval.search.conftest import found

NEEDED = {"search": {"consent": "required"}, "training": {"consent": "required"}}


@pytest.fixture
def strict(holdings):
    collection = make_collection(purposes=NEEDED | {"raw_access": {"consent": "required"}})
    grant(collection, holdings.reader, "curator", raw=True)
    return collection


def about(world, collection, *purposes, near=0.9, **terms):
    """A searchable asset about somebody who has permitted ``purposes``, and the record."""
    subject = make_subject()
    record = None
    if purposes:
        made = consent_record(by=None, subject_id=subject, terms=Terms(purposes=purposes, **terms))
        record = made.record
    asset = world.put(collection, world.vector("bear", near=near), rendition=b"r", raw=b"raw")
    subjects_link(by=None, asset_id=asset.pk, subject_ids=[subject])
    return asset, record


def test_each_purpose_finds_what_was_permitted_for_it(world, holdings, strict):
    both, record = about(world, strict, "search", "training")
    only, _ = about(world, strict, "search", near=0.8)
    neither, _ = about(world, strict, "training", near=0.7)
    assert reloaded(neither).state == "withheld"
    asked = {"collections": [strict.pk]}
    answer = world.ask(holdings.reader, purpose="search", **asked)
    assert found(answer) == [both.pk, only.pk]
    assert found(world.ask(holdings.reader, purpose="training", **asked)) == [both.pk]
    assert not world.ask(holdings.reader, purpose="raw_access", **asked).hits
    assert answer.hits[0].influence.consent == record.ref
    row = Influence.objects.get(record_id=answer.search_id, rank=1)
    assert row.consent == record.ref
    told = search_explain(user=holdings.reader, search_id=answer.search_id)
    assert told.hits[0].influence.consent == record.ref
    assert world.ask(holdings.reader).hits[0].influence.consent == "not required"


def test_a_consent_ends_in_the_very_next_search_though_nobody_has_come(world, holdings, strict):
    asset, record = about(
        world, strict, "search", "raw_access", expires_at=timezone.now() + timedelta(days=1)
    )
    stays, _ = about(world, strict, "search", near=0.8)
    asked = {"purpose": "search", "collections": [strict.pk]}
    before = world.ask(holdings.reader, **asked)
    assert found(before) == [asset.pk, stays.pk]
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(permitted_until=timezone.now())
    assert found(world.ask(holdings.reader, **asked)) == [stays.pk]
    assert search_explain(user=holdings.reader, search_id=before.search_id).hits[0].withheld
    with pytest.raises(Conflict):
        world.ask(holdings.reader, None, asset=asset.pk, **asked)
    for refused in (
        lambda: rendition_open(user=holdings.reader, asset_id=asset.pk),
        lambda: raw_open(user=holdings.reader, asset_id=asset.pk, reason="why not"),
    ):
        with pytest.raises(Conflict):
            refused()
    why = why_not(user=holdings.reader, search_id=world.ask(holdings.reader, **asked).search_id,
                  asset_id=asset.pk)  # fmt: skip
    assert "consent" in why.detail
    consents_due()  # and whoever comes finds that the record itself still holds
    assert reloaded(asset).permitted_until == record.expires_at
    assert found(world.ask(holdings.reader, **asked)) == [asset.pk, stays.pk]


def test_originals_are_shown_for_a_purpose_of_their_own(world, holdings, strict):
    asset, _ = about(world, strict, "search")
    shown, record = about(world, strict, "search", "raw_access", near=0.8)
    with pytest.raises(NotAllowed):
        raw_open(user=holdings.reader, asset_id=asset.pk, reason="a look")
    content = raw_open(user=holdings.reader, asset_id=shown.pk, reason="a look")
    assert content.stream.read() == b"raw"
    content.stream.close()
    consent_end(by=None, consent_id=record.id)
    with pytest.raises(Conflict):
        raw_open(user=holdings.reader, asset_id=shown.pk, reason="a look")


def test_consent_costs_a_search_no_statement(world, holdings, strict):
    about(world, strict, "search")
    world.ask(holdings.reader, purpose="search")
    counts = []
    for request in ({}, {"purpose": "search"}):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert world.ask(holdings.reader, **request).hits
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_new_purposes_name_what_they_withhold_and_withhold_it(world, holdings):
    steward, collection = make_user(), make_collection()
    grant(collection, steward, "steward")
    grant(collection, holdings.reader)
    permitted, record = about(world, collection, "search")
    explicit, _ = about(world, collection, "search", special_condition="a")
    nobody = world.put(collection, world.vector("bear", near=0.8))
    needed = {"search": {"consent": "required"}}
    sensitive = {"search": {"special_categories": True, "art9_condition": "a"}}
    preview = purposes_preview(by=steward, collection_id=collection.pk, purposes=needed)
    assert preview.withheld == [nobody.pk]
    assert reloaded(nobody).state == "searchable"
    assert purposes_of(collection)["search"]["consent"] == "not_required"
    collection_update(by=steward, collection_id=collection.pk, purposes=needed)
    asked = {"purpose": "search", "collections": [collection.pk]}
    assert set(found(world.ask(holdings.reader, **asked))) == {permitted.pk, explicit.pk}
    assert reloaded(permitted).ground == record.ref
    collection_update(by=steward, collection_id=collection.pk, purposes=sensitive)
    assert found(world.ask(holdings.reader, **asked)) == [explicit.pk]
    assert reloaded(permitted).reason == "special-category"
    free = {
        "search": {"consent": "not_required", "special_categories": False, "art9_condition": ""}
    }
    assert set(
        purposes_preview(by=steward, collection_id=collection.pk, purposes=free).returned
    ) == {permitted.pk, nobody.pk}
    collection_update(by=steward, collection_id=collection.pk, purposes=free)
    assert {reloaded(one).state for one in (permitted, nobody)} == {"received"}


def purposes_of(collection):
    with scope.system():
        return Collection.objects.get(pk=collection.pk).purposes
