from __future__ import annotations

import pytest

from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.errors import Conflict, Invalid, NotVisible, Unavailable
from retrieval.models import Asset, RedactionReport, Review, Segment
from retrieval.redaction.base import Finding
from retrieval.selectors.reviews import Decision, review_get, review_rows
from retrieval.services.assets import asset_delete
from retrieval.services.purge import strays_remove
from retrieval.services.reviews import review_decide
from retrieval.services.stages import stage_run
from retrieval.states import RawState, State
from retrieval.vectors import backend
from tests.factories import grant, make_asset, make_reader, make_review, make_user, reloaded

pytestmark = pytest.mark.django_db

TEXT = b"Ann saw the bear.\nThe bear saw Ann."


def person(start: int, end: int, score: float = 0.9) -> Finding:
    return Finding(kind="PERSON", score=score, recognizer="fake", start=start, end=end)


def open_review(asset: Asset) -> Review:
    with scope.system():
        return Review.objects.select_related("report").get(asset=asset, state="open")


def decide(run, user, review, decision, *regions, reason=""):
    run(
        lambda: review_decide(
            user=user,
            review_id=review.pk,
            decision=Decision(decision),
            regions=regions,
            reason=reason,
        )
    )


def events(asset):
    rows = LedgerPending.objects.order_by("id")
    return [row.event for row in rows if row.refs.get("asset") == str(asset.pk)]


def vectors(table, asset):
    with scope.system():
        return len(backend().fetch(table=table, asset_id=asset.pk))


@pytest.fixture
def missed(upload, redaction):
    """A text in which the second look finds a name."""
    redaction.missed_at = [person(0, 3)]
    return upload(TEXT)


def test_what_is_quarantined_is_in_the_queue_with_its_findings(missed, steward):
    assert reloaded(missed).state == State.QUARANTINED
    view = review_get(user=steward, review_id=open_review(missed).pk)
    assert (view.review.kind, view.review.reason) == ("quarantined", "redaction-incomplete")
    assert view.doubts == [
        {"kind": "PERSON", "score": 0.9, "recognizer": "fake", "start": 0, "end": 3}
    ]
    assert not any(one.why_not for one in view.options)


def test_accepted_it_goes_on_and_is_found(missed, steward, run, table):
    decide(run, steward, open_review(missed), "accept", reason="A brand name. a@b.org")
    assert reloaded(missed).state == State.SEARCHABLE
    assert vectors(table, missed) == 2
    with scope.system():
        review = Review.objects.get(asset=missed)
    assert (review.state, review.decided_by) == ("accepted", steward)
    assert review.decision_reason == "A brand name. <EMAIL_ADDRESS_1>"
    assert "review:asset:accept" in events(missed)
    assert not media.has_blob(media.Blob.REVIEW, missed.pk)


def test_drawn_on_it_is_taken_out_everywhere_and_the_rest_counts_as_seen(
    upload, steward, run, redaction, table
):
    redaction.missed_at = [person(0, 3), person(12, 16)]
    asset = upload(TEXT)
    at = TEXT.decode().rindex("Ann")
    # The second look finds "bear" again, where the text has moved it.
    review = open_review(asset)
    redaction.missed_at = [person(18, 22)]
    decide(run, steward, review, "redact", {"start": 0, "end": 3}, {"start": at, "end": at + 3})
    row = reloaded(asset)
    rendition = media.read_blob(media.Blob.RENDITION, asset.pk).decode()
    assert rendition == "<DRAWN_1> saw the bear.\nThe bear saw <DRAWN_1>."
    assert (row.state, vectors(table, asset)) == (State.SEARCHABLE, 2)
    assert row.redactions == [{"kind": "DRAWN", "count": 2}]
    with scope.system():
        texts = list(Segment.objects.filter(asset=asset).values_list("text", "start", "end"))
        review = Review.objects.get(asset=asset)
    assert [text for text, _, _ in texts] == rendition.split("\n")
    assert all(rendition[start:end] == text for text, start, end in texts)
    assert review.applied_at is not None
    assert media.read_blob(media.Blob.THUMBNAIL, asset.pk) == b"amended"
    told = LedgerPending.objects.get(event="review:asset:redact")
    assert told.refs["review"] == str(review.pk)


def test_what_is_new_to_the_second_look_comes_back(missed, steward, run, redaction):
    first = open_review(missed)
    redaction.missed_at = [person(30, 33)]
    decide(run, steward, first, "redact", {"start": 0, "end": 3})
    assert reloaded(missed).state == State.QUARANTINED
    second = open_review(missed)
    assert second.pk != first.pk
    assert [one["start"] for one in second.report.remaining] == [30]


def test_a_searchable_asset_with_doubts_is_in_the_queue_and_leaves_the_index_when_drawn_on(
    upload, steward, run, redaction, table
):
    redaction.low = (person(0, 3, 0.3),)
    asset = upload(TEXT)
    assert reloaded(asset).state == State.SEARCHABLE
    review = open_review(asset)
    assert (review.kind, review.reason) == ("low-confidence", "low-confidence")
    redaction.down = True
    decide(run, steward, review, "redact", {"start": 0, "end": 3})
    assert (reloaded(asset).state, vectors(table, asset)) == (State.VERIFYING, 0)
    redaction.down = False
    run(lambda: stage_run(stage="verify", asset_id=asset.pk))
    assert (reloaded(asset).state, vectors(table, asset)) == (State.SEARCHABLE, 2)
    with scope.system():
        assert not Review.objects.filter(asset=asset, state="open").exists()
        assert "Ann saw" not in Segment.objects.filter(asset=asset).first().text


def test_low_confidence_accepted_it_stays_as_it_is(upload, steward, run, redaction, table):
    redaction.low = (person(0, 3, 0.3),)
    asset = upload(TEXT)
    before = events(asset)
    decide(run, steward, open_review(asset), "accept")
    assert (reloaded(asset).state, vectors(table, asset)) == (State.SEARCHABLE, 2)
    assert events(asset) == [*before, "review:asset:accept"]


def test_rejected_nothing_of_it_can_be_shown_any_more(upload, steward, run, redaction, table):
    redaction.low = (person(0, 3, 0.3),)
    asset = upload(TEXT)
    decide(run, steward, open_review(asset), "reject", reason="Not ours.")
    row = reloaded(asset)
    assert (row.state, row.reason) == (State.REJECTED, "rejected-in-review")
    assert vectors(table, asset) == 0
    assert not any(media.has_blob(kind, asset.pk) for kind in media.REDACTED_BLOBS)
    with scope.system():
        assert not Segment.objects.filter(asset=asset).exists()


def test_blobs_that_a_dead_process_left_of_a_rejected_asset_are_removed(collection, monkeypatch):
    asset = make_asset(collection, state=State.REJECTED, raw=b"raw", rendition=b"x")
    monkeypatch.setattr("retrieval.services.purge._ABANDONED_SECONDS", 0)
    strays_remove()
    assert not media.has_blob(media.Blob.RENDITION, asset.pk)
    assert media.has_blob(media.Blob.RAW, asset.pk)


def test_run_again_from_the_original(missed, steward, run, redaction):
    redaction.missed_at = []
    decide(run, steward, open_review(missed), "retry")
    assert reloaded(missed).state == State.SEARCHABLE
    with scope.system():
        assert Review.objects.get(asset=missed).state == "retried"


def test_a_picture_and_a_sound_are_drawn_on(upload, steward, run, redaction):
    redaction.reason = "picture-unreadable"
    picture, sound = upload(b"IMGpixels"), upload(b"SNDwave")
    redaction.reason = ""
    decide(run, steward, open_review(picture), "redact", {"box": [1, 1, 2, 9]})
    decide(run, steward, open_review(sound), "redact", {"start_ms": 500, "end_ms": 99_000})
    assert reloaded(picture).state == reloaded(sound).state == State.SEARCHABLE
    (box,), (time,) = redaction.regions
    assert box.box == (1, 1, 2, 2)
    assert (time.start_ms, time.end_ms) == (500, 12_000)
    assert media.read_blob(media.Blob.RENDITION, picture.pk) == b"IMGpixels+"
    with scope.system():
        assert Segment.objects.filter(asset=sound, kind="time").count() == 2


def test_an_accepted_reason_is_not_asked_again_after_drawing(upload, steward, run, redaction):
    redaction.reason = "language-unsupported"
    asset = upload(TEXT)
    decide(run, steward, open_review(asset), "redact", {"start": 0, "end": 3})
    assert reloaded(asset).state == State.SEARCHABLE


def test_regions_survive_a_redaction_anew_on_a_picture(upload, steward, run, redaction):
    redaction.reason = "picture-unreadable"
    asset = upload(b"IMGpixels")
    redaction.reason = ""
    decide(run, steward, open_review(asset), "redact", {"box": [1, 1, 2, 2]})
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(state=State.RECEIVED)
    run(lambda: stage_run(stage="redact", asset_id=asset.pk))
    assert reloaded(asset).state == State.SEARCHABLE
    assert media.read_blob(media.Blob.RENDITION, asset.pk) == b"IMGpixels+"


def test_what_was_drawn_on_a_text_that_is_redacted_anew_comes_before_a_steward(
    missed, steward, run, redaction
):
    redaction.missed_at = []
    decide(run, steward, open_review(missed), "redact", {"start": 0, "end": 3})
    with scope.system():
        Asset.objects.filter(pk=missed.pk).update(state=State.RECEIVED)
    run(lambda: stage_run(stage="redact", asset_id=missed.pk))
    assert reloaded(missed).reason == "drawn-before"
    decide(run, steward, open_review(missed), "accept")
    assert reloaded(missed).state == State.SEARCHABLE


def test_a_process_that_died_between_file_and_commit_applies_nothing_twice(
    missed, steward, run, redaction
):
    review = open_review(missed)
    redaction.missed_at = []
    review_decide(
        user=steward,
        review_id=review.pk,
        decision=Decision.REDACT,
        regions=[{"start": 0, "end": 3}],
    )
    amended = b"<DRAWN_1> saw the bear.\nThe bear saw Ann."
    media.write_blob(media.Blob.RENDITION, missed.pk, amended).publish()
    run(lambda: stage_run(stage="verify", asset_id=missed.pk))
    assert media.read_blob(media.Blob.RENDITION, missed.pk) == amended
    assert reloaded(missed).state == State.SEARCHABLE
    with scope.system():
        first = Segment.objects.filter(asset=missed).first()
    assert first.text == "<DRAWN_1> saw the bear."


def test_of_two_stewards_one_decides(missed, steward, run, collection, monkeypatch):
    other = make_reader(collection, "steward")
    review = open_review(missed)
    stale = review_get(user=other, review_id=review.pk)
    decide(run, steward, review, "accept")
    with pytest.raises(Conflict):
        decide(run, other, review, "reject")
    # Both had looked before either decided.
    monkeypatch.setattr("retrieval.services.reviews.review_get", lambda **_: stale)
    with pytest.raises(Conflict, match="Somebody else"):
        decide(run, other, review, "reject")
    assert reloaded(missed).state == State.SEARCHABLE


def test_without_a_second_look_nothing_can_be_accepted(upload, steward, run, collection):
    asset = upload(b"HELP")
    review = open_review(asset)
    view = review_get(user=steward, review_id=review.pk)
    assert view.why_not(Decision.ACCEPT).endswith("Run it again from the original, or reject it.")
    for decision in ("accept", "redact"):
        with pytest.raises(Conflict):
            decide(run, steward, review, decision)
    gone = make_asset(collection, state=State.QUARANTINED, raw_state=RawState.PURGED)
    lost = make_review(gone, report=None)
    view = review_get(user=steward, review_id=lost.pk)
    assert "upload the file anew" in view.why_not(Decision.ACCEPT)
    assert view.why_not(Decision.RETRY)
    decide(run, steward, lost, "reject")
    assert reloaded(gone).state == State.REJECTED


def test_a_rendition_of_an_earlier_run_is_not_accepted(upload, steward, run, redaction):
    """Under a stricter profile redaction fails: what the laxer one left must not be let through."""
    asset = upload(TEXT)
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(state=State.RECEIVED)
    media.write_blob(media.Blob.RAW, asset.pk, b"HELP").publish()
    run(lambda: stage_run(stage="redact", asset_id=asset.pk))
    assert reloaded(asset).reason == "password-protected"
    assert media.has_blob(media.Blob.RENDITION, asset.pk)
    with pytest.raises(Conflict):
        decide(run, steward, open_review(asset), "accept")


@pytest.mark.parametrize(
    ("decision", "regions"),
    [
        ("redact", []),
        ("redact", [{"start": 3, "end": 3}]),
        ("redact", [{"box": [0, 0, 1, 1]}]),
        ("accept", [{"start": 0, "end": 3}]),
    ],
)
def test_regions_that_cannot_be_meant(missed, steward, run, decision, regions):
    with pytest.raises(Invalid):
        decide(run, steward, open_review(missed), decision, *regions)
    assert open_review(missed).state == "open"


def test_a_reason_that_cannot_be_redacted_is_not_kept(missed, steward, run, redaction):
    redaction.down = True
    with pytest.raises(Unavailable):
        decide(run, steward, open_review(missed), "accept", reason="Ann is a brand.")
    assert open_review(missed).decision_reason == ""


@pytest.mark.parametrize("role", ["searcher", "contributor", "curator"])
def test_only_stewards_of_the_collection_see_and_decide(missed, run, collection, role):
    for user in (make_reader(collection, role), make_user(is_governor=True)):
        with scope.user(user.pk):
            assert list(review_rows(user=user)) == []
        with pytest.raises(NotVisible):
            decide(run, user, open_review(missed), "accept")
    assert reloaded(missed).state == State.QUARANTINED


def test_row_level_security_hides_reviews_and_reports_of_others(missed, collection):
    stranger = make_user()
    grant(collection, stranger, expired=True)
    with scope.user(stranger.pk):
        assert not Review.objects.exists()
        assert not RedactionReport.objects.exists()
    with scope.user(make_reader(collection).pk):
        assert Review.objects.exists()


def test_whoever_is_no_steward_any_more_decides_nothing(missed, steward, run, monkeypatch):
    stale = review_get(user=steward, review_id=open_review(missed).pk)
    with scope.system():
        steward.grants.all().delete()
    monkeypatch.setattr("retrieval.services.reviews.review_get", lambda **_: stale)
    with pytest.raises(NotVisible):
        decide(run, steward, stale.review, "accept")
    assert open_review(missed)


def test_deleting_an_asset_takes_its_reviews_and_reports(missed, collection, run):
    curator = make_reader(collection, "curator")
    run(lambda: asset_delete(user=curator, asset_id=missed.pk))
    with scope.system():
        assert not Review.objects.exists()
        assert not RedactionReport.objects.exists()
    assert not any(media.has_blob(kind, missed.pk) for kind in media.Blob)


def face(*box):
    return Finding(kind="FACE", score=0.5, recognizer="fake", box=box)


def missing(redaction, place, *, until_taken_out):
    """The second look finds ``place`` in the rendition, though not in the title before it."""

    def before(call):
        if call == "verify" and redaction.calls.count("verify") == 2:
            redaction.missed_at = [place]
        if call == "amend" and until_taken_out:
            redaction.missed_at = []

    redaction.calls.clear()
    redaction.regions.clear()
    redaction.missed_at = []
    redaction.before = before


def test_what_is_still_found_in_a_picture_is_taken_out_before_anybody_is_asked(upload, redaction):
    missing(redaction, face(0, 0, 1, 1), until_taken_out=True)
    asset = reloaded(upload(b"IMGpixels"))
    assert asset.state == State.SEARCHABLE
    assert asset.redactions == [{"kind": "FACE", "count": 1}]
    assert media.read_blob(media.Blob.RENDITION, asset.pk) == b"IMGpixels+"
    with scope.system():
        assert not Review.objects.filter(asset=asset).exists()


def test_what_stays_after_two_rounds_or_covers_too_much_is_for_a_steward(upload, redaction):
    missing(redaction, face(0, 0, 1, 1), until_taken_out=False)
    asset = reloaded(upload(b"IMGpixels"))
    assert (asset.state, asset.redactions[0]["count"]) == (State.QUARANTINED, 2)
    assert media.read_blob(media.Blob.RENDITION, asset.pk) == b"IMGpixels++"
    missing(redaction, face(0, 0, 4, 2), until_taken_out=False)
    other = reloaded(upload(b"IMGothers"))
    assert other.state == State.QUARANTINED
    assert media.read_blob(media.Blob.RENDITION, other.pk) == b"IMGothers"


def test_a_language_without_measured_names_is_for_a_steward(upload, redaction, steward, run):
    redaction.language = "fi"
    asset = upload(b"Tervetuloa meille")
    assert reloaded(asset).reason == "language-unsupported"
    decide(run, steward, open_review(asset), "accept", reason="I read Finnish.")
    assert reloaded(asset).state == State.SEARCHABLE
