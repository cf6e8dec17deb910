"""Who sees which assets and what of them: the hidden set as well as the visible one."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from audit import ledger
from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.errors import Conflict, Gone, Invalid, NotAllowed, NotVisible
from retrieval.models import Asset, ProvenanceStep, Segment
from retrieval.selectors.assets import AssetFilters, asset_get, asset_rows, asset_views
from retrieval.services.assets import asset_delete
from retrieval.services.content import raw_open, rendition_open, thumbnail_open
from retrieval.services.ingest import asset_upload
from retrieval.states import State
from retrieval.uploads import upload_from
from tests.factories import (
    grant,
    make_asset,
    make_collection,
    make_reader,
    make_team,
    make_user,
    reloaded,
)

pytestmark = pytest.mark.django_db


def seen(user, **filters):
    with scope.user(user.pk):
        return {row.pk for row in asset_rows(user=user, filters=AssetFilters(**filters))}


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture
def asset(collection):
    return make_asset(
        collection, raw=b"original", rendition=b"redacted", thumbnail=b"small", segments=("a", "b")
    )


@pytest.fixture
def hidden():
    """Somebody else's."""
    return make_asset(make_collection(), raw=b"x", rendition=b"y", thumbnail=b"z")


@pytest.fixture
def reader(collection):
    return make_reader(collection)


def test_readers_see_searchable_assets_of_their_collections_only(collection, asset, hidden, reader):
    for state in set(State) - {State.SEARCHABLE}:
        make_asset(collection, state=state)
    assert seen(reader) == {asset.pk}
    assert seen(make_user()) == set()


@pytest.mark.parametrize("role", ["curator", "steward"])
def test_curators_and_stewards_see_every_state_but_erased(collection, hidden, role):
    assets = {state: make_asset(collection, state=state) for state in State}
    everything = {one.pk for state, one in assets.items() if state != State.ERASED}
    assert seen(make_reader(collection, role)) == everything


def test_contributors_see_what_became_of_files_but_nothing_withheld(collection, hidden):
    me, colleague = (make_reader(collection, "contributor") for _ in range(2))
    assets = {state: make_asset(collection, state=state, uploaded_by=colleague) for state in State}
    mine = make_asset(collection, state=State.WITHHELD, uploaded_by=me)
    unseen = {State.WITHHELD, State.PURGED, State.ERASED}
    assert seen(me) == {mine.pk} | {one.pk for state, one in assets.items() if state not in unseen}


def test_searchers_follow_their_own_former_uploads(collection):
    me = make_reader(collection)
    mine = make_asset(collection, state=State.QUARANTINED, uploaded_by=me)
    make_asset(collection, state=State.QUARANTINED)
    assert seen(me) == {mine.pk}


def test_an_upload_is_out_of_sight_once_the_grant_is_gone(collection):
    me = make_user()
    mine = make_asset(collection, uploaded_by=me)
    grant(collection, me, "curator", expired=True)
    assert seen(me) == set()
    with pytest.raises(NotVisible):
        asset_get(user=me, asset_id=mine.pk)


def test_a_team_s_grant_counts(collection, asset):
    member, other = make_user(), make_user()
    grant(collection, make_team(member), "searcher")
    assert seen(member) == {asset.pk}
    assert seen(other) == set()


def test_filters_narrow_and_never_widen(collection, asset, hidden):
    curator = make_reader(collection, "curator")
    sound = make_asset(collection, modality="audio", state=State.WITHHELD)
    assert seen(curator, state="withheld") == {sound.pk}
    assert seen(curator, modality="audio") == {sound.pk}
    assert seen(curator, collection=collection.pk) == {asset.pk, sound.pk}
    for unknown in (hidden.collection_id, uuid.uuid4()):
        with pytest.raises(NotVisible):
            seen(curator, collection=unknown)


def test_an_asset_is_told_with_what_belongs_to_it(collection, asset, reader):
    ProvenanceStep.objects.create(asset=asset, step="decode", component="c", version="1")
    view = asset_get(user=reader, asset_id=asset.pk)
    assert (view.title, view.segments, view.readable) == ("A title", 2, True)
    assert [(step.step, step.version) for step in view.provenance] == [("decode", "1")]


def test_a_steward_governs_without_reading(collection, asset):
    steward = make_reader(collection, "steward")
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(source="s", metadata={"a": 1})
    view = asset_get(user=steward, asset_id=asset.pk)
    assert (view.title, view.source, view.metadata, view.readable) == ("", "", {}, False)
    for opening in (rendition_open, thumbnail_open):
        with pytest.raises(NotAllowed):
            opening(user=steward, asset_id=asset.pk)


def test_many_rows_cost_three_queries(collection, reader, django_assert_max_num_queries):
    for _ in range(4):
        make_asset(collection)
    with scope.user(reader.pk):
        rows = list(asset_rows(user=reader))
    with django_assert_max_num_queries(8):  # grants, segments, steps, and the scope's own settings
        assert len(asset_views(user=reader, rows=rows)) == 4


@pytest.mark.parametrize("opening", [rendition_open, thumbnail_open])
def test_content_opens_for_readers_and_for_nobody_else(asset, hidden, reader, opening):
    with opening(user=reader, asset_id=asset.pk).stream as stream:
        assert stream.read() in {b"redacted", b"small"}
    for user, wanted in [(reader, hidden.pk), (make_user(), asset.pk), (reader, uuid.uuid4())]:
        with pytest.raises(NotVisible):
            opening(user=user, asset_id=wanted)


def test_a_view_is_recorded_and_none_that_was_refused(asset, hidden, reader):
    rendition_open(user=reader, asset_id=asset.pk).stream.close()
    rendition_open(user=reader, asset_id=asset.pk, download=True).stream.close()
    with pytest.raises(NotVisible):
        rendition_open(user=reader, asset_id=hidden.pk)
    rows = LedgerPending.objects.filter(event__startswith="content:").order_by("id")
    assert [(row.event, row.refs["asset"]) for row in rows] == [
        ("content:rendition:view", str(asset.pk)),
        ("content:rendition:download", str(asset.pk)),
    ]
    assert all(row.actor for row in rows)


def test_no_record_no_content(asset, reader, monkeypatch):
    def fail(**_):
        raise RuntimeError("no ledger")

    monkeypatch.setattr(ledger, "record", fail)
    with pytest.raises(RuntimeError):
        rendition_open(user=reader, asset_id=asset.pk)


@pytest.mark.parametrize("state", ["received", "verifying", "embedding", "withheld", "quarantined"])
def test_what_is_not_searchable_is_not_shown_to_anyone(collection, state):
    asset = make_asset(collection, state=state, rendition=b"r", thumbnail=b"t")
    curator = make_reader(collection, "curator")
    for opening in (rendition_open, thumbnail_open):
        with pytest.raises(Conflict):
            opening(user=curator, asset_id=asset.pk)


def test_the_original_needs_the_flag_and_a_reason_that_stays_confidential(
    collection, asset, reader
):
    holder = make_reader(collection, raw=True)
    with pytest.raises(NotAllowed):
        raw_open(user=reader, asset_id=asset.pk, reason="curious")
    with pytest.raises(NotVisible):
        raw_open(user=make_user(), asset_id=asset.pk, reason="curious")
    for reason in ("", "  ", "x" * 301):
        with pytest.raises(Invalid):
            raw_open(user=holder, asset_id=asset.pk, reason=reason)
    with raw_open(user=holder, asset_id=asset.pk, reason="Case Muster 7").stream as stream:
        assert stream.read() == b"original"
    (row,) = LedgerPending.objects.filter(event="content:raw:view")
    assert "Muster" not in row.payload
    assert ledger.payload_read(event=row.event, payload=row.payload) == {"reason": "Case Muster 7"}


def test_raw_without_a_reading_role_opens_nothing(collection, asset):
    steward = make_reader(collection, "steward", raw=True)
    with pytest.raises(NotAllowed):
        raw_open(user=steward, asset_id=asset.pk, reason="why")


def test_a_purged_original_is_gone(collection):
    holder = make_reader(collection, raw=True)
    marked = make_asset(collection, raw=b"x", raw_state="purged")
    destroyed = make_asset(collection, raw=b"x")
    media.destroy_raw(destroyed.pk)
    for asset in (marked, destroyed):
        with pytest.raises(Gone):
            raw_open(user=holder, asset_id=asset.pk, reason="why")


def test_consent_that_cannot_be_shown_is_missing(collection, asset):
    holder = make_reader(collection, raw=True)
    with scope.system():
        collection.purposes = {"raw_access": {"consent": "required"}}
        collection.save()
    with pytest.raises(NotAllowed):
        raw_open(user=holder, asset_id=asset.pk, reason="why")


def test_deleting_leaves_nothing_but_that_something_was_here(
    collection, asset, reader, paths, django_capture_on_commit_callbacks
):
    curator = make_reader(collection, "curator")
    with django_capture_on_commit_callbacks(execute=True):
        asset_delete(user=curator, asset_id=asset.pk)
    for user in (curator, reader):
        assert seen(user) == set()
        with pytest.raises(NotVisible):
            asset_get(user=user, asset_id=asset.pk)
        with pytest.raises(NotVisible):
            rendition_open(user=user, asset_id=asset.pk)
    assert [p for p in paths.media.rglob("*") if p.is_file()] == []
    row = reloaded(asset)
    assert (row.state, row.reason, row.title, row.size_bytes) == ("erased", "deleted", "", 0)
    with scope.system():
        assert not Segment.objects.filter(asset=asset).exists()
    assert not ProvenanceStep.objects.filter(asset=asset).exists()
    (event,) = LedgerPending.objects.filter(event="ingest:asset:delete")
    assert event.refs["asset"] == str(asset.pk)
    with pytest.raises(NotVisible):
        asset_delete(user=curator, asset_id=asset.pk)


def test_who_may_not_delete_does_not(collection, asset, hidden, reader):
    with pytest.raises(NotAllowed):
        asset_delete(user=reader, asset_id=asset.pk)
    curator = make_reader(collection, "curator")
    for user, wanted in [(curator, hidden.pk), (make_user(), asset.pk), (curator, uuid.uuid4())]:
        with pytest.raises(NotVisible):
            asset_delete(user=user, asset_id=wanted)
    assert reloaded(asset).state == reloaded(hidden).state == "searchable"


def test_what_was_deleted_can_be_uploaded_anew(collection, django_capture_on_commit_callbacks):
    curator = make_reader(collection, "curator")

    def put():
        return asset_upload(
            user=curator,
            collection_id=collection.pk,
            upload=upload_from(iter([b"same"]), name="a.txt"),
        )

    first, _ = put()
    with django_capture_on_commit_callbacks(execute=True):
        asset_delete(user=curator, asset_id=first.pk)
    second, created = put()
    assert created
    assert second.pk != first.pk
    assert media.read_blob(media.Blob.RAW, second.pk) == b"same"


def test_captured_at_and_dates_are_kept(collection):
    when = timezone.now() - timedelta(days=400)
    asset, _ = asset_upload(
        user=None,
        collection_id=collection.pk,
        upload=upload_from(iter([b"x"]), name="a.txt"),
        captured_at=when,
    )
    assert reloaded(asset).captured_at == when
