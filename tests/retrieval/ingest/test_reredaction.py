"""Redacting a collection anew: what is hidden at once, what comes back, what nothing is left of."""

from dataclasses import replace

import pytest
from django.core.cache import cache

from audit.blind import blind_lookup
from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.errors import Conflict, NotAllowed, NotVisible
from retrieval.models import Asset, Collection, ProvenanceStep, Segment
from retrieval.profile_models import Reredaction
from retrieval.redaction.base import Finding
from retrieval.redaction.blind import forms_of
from retrieval.selectors.reredaction import is_behind
from retrieval.services import reredaction_run
from retrieval.services.ingest import asset_upload
from retrieval.services.reredaction import (
    reredact_cancel,
    reredact_plan,
    reredact_start,
    reredact_wake,
)
from retrieval.services.reredaction_run import Again, reredact_run
from retrieval.services.stages import stage_run
from retrieval.states import STAGE_OF, State
from retrieval.uploads import upload_from
from retrieval.vectors import backend
from tests.factories import grant, make_collection, make_model, make_user, reloaded
from tests.fakes import FakeRedaction

pytestmark = pytest.mark.django_db

MAIL = "ann@x.org"


class ByProfile(FakeRedaction):
    """Leaves e-mail addresses in where the profile does not name them."""

    def prepare(self, stream, *, name, title, profile, keys=None):
        made = super().prepare(stream, name=name, title=title, profile=profile, keys=keys)
        if "EMAIL_ADDRESS" in profile.kinds:
            return made
        left = made.rendition.decode().replace("<EMAIL_ADDRESS_1>", MAIL)
        return replace(made, rendition=left.encode(), segments=self._chunks(left), blind=())

    def verify(self, rendition, *, media_type, profile):
        named = "EMAIL_ADDRESS" in profile.kinds
        return super().verify(rendition if named else b"", media_type=media_type, profile=profile)


@pytest.fixture
def redaction():
    return ByProfile()


@pytest.fixture(autouse=True)
def _ready(servers, sent, table):
    cache.clear()
    make_model(table=table)


@pytest.fixture
def collection():
    return make_collection(redaction_profile="open")


@pytest.fixture
def steward(collection):
    user = make_user()
    grant(collection, user, "steward")
    return user


def stored(collection, text):
    """A searchable asset with a text of its own and ``MAIL`` in it."""
    asset, _ = asset_upload(
        user=None,
        collection_id=collection.pk,
        upload=upload_from(iter([f"{text}\nmail {MAIL}".encode()]), name="a.txt"),
    )
    return through(asset)


def through(*assets):
    """These assets as the workers leave them."""
    for asset in assets:
        while (state := State(reloaded(asset).state)) in STAGE_OF:
            stage_run(stage=STAGE_OF[state], asset_id=asset.pk)
    return reloaded(assets[0])


def without_original(asset):
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(raw_state="purged")
    media.destroy_raw(asset.pk)


def use(collection, profile):
    with scope.system():
        Collection.objects.filter(pk=collection.pk).update(redaction_profile=profile)


def run(job, capture):
    with capture(execute=True):
        return reredact_run(job_id=job.pk)


def finish(job, capture, *assets):
    for _ in range(30):
        if run(job, capture) is None:
            return
        through(*assets)
    raise AssertionError("it does not end")


def state_of(asset):
    row = reloaded(asset)
    return row.state, row.reason, row.profile_version


def left_of(asset, table):
    """Everything stored of the asset that could hold its words."""
    row = reloaded(asset)
    with scope.system():
        texts = list(Segment.objects.filter(asset=asset).values_list("text", flat=True))
        vectors = len(backend().fetch(table=table, asset_id=asset.pk))
    blob = media.Blob.RENDITION
    rendition = media.read_blob(blob, asset.pk).decode() if media.has_blob(blob, asset.pk) else ""
    return [row.title, row.source, str(row.metadata), rendition, *texts], vectors


def test_a_stricter_profile_hides_at_once_and_brings_back_what_is_through(
    collection, steward, table, django_capture_on_commit_callbacks
):
    capture = django_capture_on_commit_callbacks
    one, two, lost = (stored(collection, text) for text in ("one", "two", "three"))
    without_original(lost)
    assert MAIL in str(left_of(one, table))
    with pytest.raises(Conflict):
        reredact_start(by=steward, collection_id=collection.pk)
    use(collection, "standard")
    plan = reredact_plan(user=steward, collection_id=collection.pk)
    assert (plan.again, plan.not_any_more, plan.exposed, plan.stricter) == (2, 1, 1, True)
    assert plan.lost == (lost.pk,)
    with scope.system():
        assert Asset.objects.filter(is_behind([collection])).count() == 0  # it is not told yet
        assert Asset.objects.filter(is_behind(Collection.objects.all())).count() == 3
    job = reredact_start(by=steward, collection_id=collection.pk)
    assert run(job, capture) == Again(0.0)
    for asset in (one, two):
        assert state_of(asset) == ("withheld", "redaction-outdated", "open@3")
        assert left_of(asset, table)[1] == 0
    assert run(job, capture) == Again(reredaction_run.PAUSE_SECONDS)
    words, vectors = left_of(one, table)
    assert (state_of(one), vectors, "".join(words)) == (("received", "", ""), 0, "{}")
    assert not media.has_blob(media.Blob.THUMBNAIL, one.pk)
    finish(job, capture, one, two)
    for asset in (one, two):
        assert state_of(asset) == ("searchable", "", "standard@2")
        words, vectors = left_of(asset, table)
        assert MAIL not in str(words)
        assert vectors == 2
    with scope.system():
        assert blind_lookup(forms_of(MAIL)) == sorted([one.pk, two.pk])
        steps = ProvenanceStep.objects.filter(asset=one).values_list("step", "component")
        assert ("reredact", "profile:standard@2") in list(steps)
    assert state_of(lost) == ("searchable", "", "open@3")
    with scope.system():
        done = Reredaction.objects.get()
    assert (done.state, done.total, done.begun, done.withheld) == ("done", 2, 2, 0)
    events = [e.event for e in LedgerPending.objects.order_by("id") if "job" in e.refs]
    assert events[0] == "policy:profile:reredact"
    assert events[-1] == "policy:profile:reredacted"


def test_what_has_no_original_is_withheld_if_the_steward_says_so_and_returns_with_the_profile(
    collection, steward, table, django_capture_on_commit_callbacks
):
    capture = django_capture_on_commit_callbacks
    lost = stored(collection, "three")
    without_original(lost)
    use(collection, "standard")
    with pytest.raises(Conflict):
        reredact_start(by=steward, collection_id=collection.pk)
    job = reredact_start(by=steward, collection_id=collection.pk, withhold_rest=True)
    finish(job, capture, lost)
    assert state_of(lost) == ("withheld", "redaction-outdated", "open@3")
    assert left_of(lost, table)[1] == 0
    plan = reredact_plan(user=steward, collection_id=collection.pk)
    assert (plan.not_any_more, plan.exposed) == (1, 0)  # it shows nothing any more
    use(collection, "open")
    plan = reredact_plan(user=steward, collection_id=collection.pk)
    assert (plan.again, plan.not_any_more, plan.returning) == (0, 0, 1)
    job = reredact_start(by=steward, collection_id=collection.pk)
    finish(job, capture, lost)
    assert state_of(lost) == ("searchable", "", "open@3")
    assert left_of(lost, table)[1] == 2


def test_under_a_laxer_profile_each_stays_searchable_until_its_turn(
    collection, steward, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(reredaction_run, "MOST_AT_ONCE", 1)
    use(collection, "strict")
    assets = [stored(collection, text) for text in ("one", "two", "three")]
    use(collection, "open")
    assert not reredact_plan(user=steward, collection_id=collection.pk).stricter
    job = reredact_start(by=steward, collection_id=collection.pk)
    assert reredact_start(by=steward, collection_id=collection.pk) == job
    run(job, django_capture_on_commit_callbacks)
    run(job, django_capture_on_commit_callbacks)
    states = sorted(reloaded(asset).state for asset in assets)
    assert states == ["received", "searchable", "searchable"]
    finish(job, django_capture_on_commit_callbacks, *assets)
    assert {state_of(asset)[2] for asset in assets} == {"open@3"}


def test_a_doubt_that_waits_for_a_steward_is_closed_with_the_old_redaction(
    collection, steward, redaction, django_capture_on_commit_callbacks
):
    redaction.low = (Finding(kind="PERSON", score=0.3, recognizer="fake", start=0, end=3),)
    asset = stored(collection, "one")
    redaction.low = ()
    with scope.system():
        assert asset.reviews.filter(state="open").count() == 1
    use(collection, "standard")
    job = reredact_start(by=steward, collection_id=collection.pk)
    run(job, django_capture_on_commit_callbacks)
    assert state_of(asset)[0] == "withheld"
    with scope.system():
        assert not asset.reviews.filter(state="open").exists()
    finish(job, django_capture_on_commit_callbacks, asset)
    assert state_of(asset) == ("searchable", "", "standard@2")


def test_what_is_quarantined_under_the_new_profile_rests_there(
    collection, steward, redaction, django_capture_on_commit_callbacks
):
    asset = stored(collection, "one")
    use(collection, "standard")
    job = reredact_start(by=steward, collection_id=collection.pk)
    redaction.missed = ["PERSON"]
    finish(job, django_capture_on_commit_callbacks, asset)
    assert state_of(asset) == ("quarantined", "redaction-incomplete", "standard@2")


def test_a_lost_message_is_sent_again_and_a_cancelled_run_stops(
    collection, steward, sent, django_capture_on_commit_callbacks
):
    asset = stored(collection, "one")
    use(collection, "standard")
    with django_capture_on_commit_callbacks(execute=True):
        job = reredact_start(by=steward, collection_id=collection.pk)
    assert sent[-1] == ("reredact", str(job.pk))
    assert reredact_wake() == 0
    assert reredact_wake(node_restarted=True) == 1
    run(job, django_capture_on_commit_callbacks)
    reredact_cancel(by=steward, collection_id=collection.pk)
    assert run(job, django_capture_on_commit_callbacks) is None
    assert reredact_wake(node_restarted=True) == 0
    assert state_of(asset)[0] == "withheld"  # it shows too much: it comes back with the next run
    with pytest.raises(Conflict):
        reredact_cancel(by=steward, collection_id=collection.pk)


def test_only_those_who_govern_the_collection(collection):
    reader = make_user()
    grant(collection, reader, "curator")
    for act in (reredact_plan, reredact_start, reredact_cancel):
        who = "user" if act is reredact_plan else "by"
        with pytest.raises(NotAllowed):
            act(**{who: reader}, collection_id=collection.pk)
        with pytest.raises(NotVisible):
            act(**{who: make_user()}, collection_id=collection.pk)
