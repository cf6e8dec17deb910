"""Consent through the stages: withheld from the start, in mid-flight, by time; and the way back."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.consents import Terms
from audit.models import ConsentRecord, LedgerPending
from retrieval import media, scope
from retrieval.errors import Invalid
from retrieval.models import Asset, AssetSubject, ProvenanceStep, Review
from retrieval.selectors.grounds import forbidden
from retrieval.services.consents import (
    consent_end,
    consent_record,
    consents_due,
    subject_hold,
    subject_release,
)
from retrieval.services.ingest import asset_upload
from retrieval.services.linking import subject_unlink, subjects_link
from retrieval.services.stages import stage_run
from retrieval.uploads import upload_from
from retrieval.vectors import backend
from tests.factories import (
    grant,
    make_asset,
    make_collection,
    make_model,
    make_reader,
    make_subject,
    reloaded,
)

pytestmark = pytest.mark.django_db
TABLE = "vectors_ingest_test"
NEEDED = {"search": {"consent": "required", "legal_basis": ""}}


@pytest.fixture(autouse=True)
def model(table, db, servers, sent):
    return make_model(table=table)


@pytest.fixture
def strict():
    return make_collection(purposes=NEEDED)


def upload(collection, *subjects, data=b"first line\nsecond line", consent=None):
    return asset_upload(
        user=None, collection_id=collection.pk, upload=upload_from(iter([data]), name="a.bin"),
        subjects=list(subjects), consent=consent,
    )  # fmt: skip


def through(asset, *stages):
    for stage in stages or ("redact", "verify", "embed"):
        stage_run(stage=stage, asset_id=asset.pk)
    return reloaded(asset)


def consent(subject, *, purposes=("search",), **terms):
    return consent_record(
        by=None, subject_id=subject, terms=Terms(purposes=purposes, **terms)
    ).record


def withdraw(record):
    return consent_end(by=None, consent_id=record.id).changed


def vectors(asset):
    with scope.system():
        return backend().count(table=TABLE, collections=[asset.collection_id])


def test_what_a_consent_permits_is_found_and_what_is_withdrawn_has_no_vector(strict):
    subject = make_subject()
    record = consent(subject)
    asset, _ = upload(strict, subject)
    row = through(asset)
    assert (row.state, row.ground, vectors(asset)) == ("searchable", record.ref, 2)
    assert withdraw(record).withheld == [asset.pk]
    row = reloaded(asset)
    assert (row.state, row.reason, vectors(asset)) == ("withheld", "consent-withdrawn", 0)
    assert row.ground == ""
    again = consent(subject)
    assert reloaded(asset).state == "embedding"
    row = through(asset, "embed")
    assert (row.state, row.reason, row.ground, vectors(asset)) == ("searchable", "", again.ref, 2)
    steps = list(ProvenanceStep.objects.filter(asset=asset).values_list("step", flat=True))
    assert steps.index("withhold") < steps.index("return") < len(steps) - 1


def test_everything_is_in_the_ledger_by_ids_alone(strict):
    subject = make_subject("ann@example.org")
    record = consent(subject)
    asset, _ = upload(strict, subject)
    through(asset)
    withdraw(record)
    rows = LedgerPending.objects.order_by("id").values_list("event", "refs", "payload")
    events = [event for event, _, _ in rows]
    for event in (
        "subject:subject:create", "consent:record:create", "subject:subject:link",
        "consent:record:withdraw", "ingest:asset:withhold",
    ):  # fmt: skip
        assert event in events
    refs = next(refs for event, refs, _ in rows if event == "subject:subject:link")
    assert refs == {
        "asset": str(asset.pk), "collection": str(strict.pk), "subject": [str(subject)],
    }  # fmt: skip
    assert "ann" not in str(list(rows))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (None, "consent-missing"),
        ({"starts_at": timezone.now() + timedelta(days=1)}, "consent-missing"),
        ({"purposes": ("training",)}, "consent-missing"),
    ],
)
def test_without_a_consent_in_force_a_file_is_withheld_before_any_stage(
    strict, sent, terms, reason, django_capture_on_commit_callbacks
):
    subject = make_subject()
    if terms is not None:
        consent(subject, **terms)
    with django_capture_on_commit_callbacks(execute=True):
        asset, new = upload(strict, subject)
    assert (new, asset.state, asset.reason) == (True, "withheld", reason)
    assert sent == []
    assert through(asset).state == "withheld"  # a stray message does nothing
    assert not media.has_blob(media.Blob.RENDITION, asset.pk)
    consent(subject)
    assert reloaded(asset).state == "received"
    assert through(asset).state == "searchable"


def test_nobody_linked_permits_nothing_where_consent_is_needed(strict):
    asset, _ = upload(strict)
    assert (asset.state, asset.reason) == ("withheld", "consent-missing")
    subject = make_subject()
    consent(subject)
    assert subjects_link(by=None, asset_id=asset.pk, subject_ids=[subject]).returned == [asset.pk]
    assert through(asset).state == "searchable"
    gone = subject_unlink(by=None, asset_id=asset.pk, subject_id=subject)
    assert gone.withheld == [asset.pk]


def test_of_several_people_one_is_enough_to_forbid(strict):
    first, second = make_subject(), make_subject()
    records = [consent(one) for one in (first, second)]
    asset, _ = upload(strict, first, second)
    assert through(asset).ground == ", ".join(sorted(one.ref for one in records))
    withdraw(records[1])
    assert reloaded(asset).reason == "consent-withdrawn"
    subject_hold(by=None, subject_id=first, hold="restricted")
    assert reloaded(asset).reason == "restricted"
    consent(second)
    assert reloaded(asset).state == "withheld"  # the first one's restriction holds
    subject_release(by=None, subject_id=first)
    assert reloaded(asset).state == "embedding"


def test_a_withdrawn_persons_file_comes_again_and_is_never_searchable(strict):
    subject, free = make_subject(), make_collection()
    record = consent(subject)
    asset, _ = upload(strict, subject)
    through(asset)
    withdraw(record)
    same, new = upload(strict, subject)
    assert (same.pk, new, same.state) == (asset.pk, False, "withheld")
    elsewhere, new = upload(free, subject)  # where no consent is needed at all
    assert (new, elsewhere.state, elsewhere.reason) == (True, "withheld", "consent-withdrawn")
    unnamed, _ = upload(free, data=b"another")
    assert through(unnamed).state == "searchable"
    linked, new = upload(free, subject, data=b"another")  # named for it only now
    assert (linked.pk, new, linked.state) == (unnamed.pk, False, "withheld")


def test_a_withdrawn_persons_file_does_not_come_back_by_another_door(strict):
    subject, free, other = make_subject(), make_collection(), make_collection()
    record = consent(subject)
    asset, _ = upload(strict, subject)
    through(asset)
    before, _ = upload(other)
    assert through(before).state == "searchable"  # nobody was named, and nothing withdrawn
    withdraw(record)
    unnamed, new = upload(free)
    assert (new, unnamed.state, unnamed.reason) == (True, "withheld", "consent-withdrawn")
    # Whoever does not know of that collection learns nothing of it from an upload.
    stranger = make_reader(other, "contributor")
    third = make_collection()
    grant(third, stranger, "contributor")
    theirs, _ = asset_upload(
        user=stranger, collection_id=third.pk,
        upload=upload_from(iter([b"first line\nsecond line"]), name="a.bin"),
    )  # fmt: skip
    assert theirs.state == "received"


def test_unknown_people_are_refused_without_telling_which(strict):
    known, other = make_subject(), make_subject()
    record = consent(known)
    for subjects, named, field in (
        ([known, uuid.uuid4()], None, "subjects"),
        ([uuid.uuid4()], None, "subjects"),
        ([], uuid.uuid4(), "consent"),
        ([other], record.id, "consent"),
    ):
        with pytest.raises(Invalid) as raised:
            upload(strict, *subjects, consent=named)
        assert list(raised.value.fields) == [field]
        assert str(known) not in str(raised.value.fields)
    asset, _ = upload(strict, consent=record.id)  # a consent stands for its subject
    with scope.system():
        link = AssetSubject.objects.get(asset=asset)
    assert (link.subject, link.consent, link.via) == (known, record.id, "upload")


@pytest.mark.parametrize("stage", ["redact", "verify", "embed"])
def test_withdrawn_while_a_stage_is_at_work_ends_withheld(
    strict, models, redaction, monkeypatch, stage
):
    subject = make_subject()
    record = consent(subject)
    asset, _ = upload(strict, subject)
    server, name = {
        "redact": (redaction, "prepare"), "verify": (redaction, "verify"),
        "embed": (models, "encode_text"),
    }[stage]  # fmt: skip
    do = getattr(server, name)

    def withdrawing(*args, **kwargs):
        if not withdrawn:
            withdrawn.append(withdraw(record))
        return do(*args, **kwargs)

    withdrawn = []
    monkeypatch.setattr(server, name, withdrawing)
    row = through(asset)
    assert withdrawn[0].withheld == [asset.pk]
    assert (row.state, row.reason, row.claim, vectors(asset)) == (
        "withheld", "consent-withdrawn", None, 0,
    )  # fmt: skip
    consent(subject)
    assert through(asset).state == "searchable"


def test_time_that_ran_out_in_mid_flight_ends_withheld(strict, models, monkeypatch):
    subject = make_subject()
    consent(subject, expires_at=timezone.now() + timedelta(days=1))
    asset, _ = upload(strict, subject)
    encode = models.encode_text

    def expiring(*args, **kwargs):
        with scope.system():
            ConsentRecord.objects.update(
                starts_at=timezone.now() - timedelta(days=1), expires_at=timezone.now()
            )
        return encode(*args, **kwargs)

    monkeypatch.setattr(models, "encode_text", expiring)
    row = through(asset)
    assert (row.state, row.reason, vectors(asset)) == ("withheld", "consent-expired", 0)


def test_what_expires_and_begins_by_itself_is_moved_and_recorded_once(strict):
    subject, now = make_subject(), timezone.now()
    first = consent(subject, expires_at=now + timedelta(days=1))
    asset, _ = upload(strict, subject)
    assert through(asset).permitted_until == first.expires_at
    assert consents_due() == 0
    moved_back(first, days=2)
    assert consents_due() == 1
    assert (reloaded(asset).state, reloaded(asset).reason) == ("withheld", "consent-expired")
    assert LedgerPending.objects.filter(event="consent:record:expire").count() == 1
    assert consents_due() == 0
    second = consent(subject, starts_at=now + timedelta(days=1))
    assert reloaded(asset).state == "withheld"
    moved_back(second, days=2)
    consents_due()
    assert reloaded(asset).state == "embedding"
    # The clock is set back to before the first one's end: what was over stays over.
    with scope.system():
        ConsentRecord.objects.filter(id=first.id).update(expires_at=now + timedelta(days=9))
        ConsentRecord.objects.filter(id=second.id).update(starts_at=now + timedelta(days=1))
        assert forbidden([asset.pk]) == {asset.pk: "consent-expired"}


def moved_back(record, *, days):
    """As if that much time had passed for the record and for what it permits."""
    with scope.system():
        row = ConsentRecord.objects.get(id=record.id)
        for name in ("starts_at", "expires_at", "next_change_at"):
            if getattr(row, name) is not None:
                setattr(row, name, getattr(row, name) - timedelta(days=days))
        row.save()
        Asset.objects.filter(permitted_until=record.expires_at).exclude(
            permitted_until=None
        ).update(permitted_until=row.expires_at)


def test_a_quarantined_one_leaves_review_and_comes_back_to_it():
    subject, free = make_subject(), make_collection()
    asset, _ = upload(free, subject, data=b"LEAK a@b.org")
    stage_run(stage="redact", asset_id=asset.pk)
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(state="quarantined", reason="redaction-incomplete")
        review = Review.objects.create(asset=asset, collection=free, kind="quarantined")
    subject_hold(by=None, subject_id=subject, hold="objected")
    assert (reloaded(asset).state, reloaded(asset).reason) == ("withheld", "objected")
    with scope.system():
        assert Review.objects.get(pk=review.pk).state == Review.State.CLOSED
    subject_release(by=None, subject_id=subject)
    assert reloaded(asset).state == "verifying"


def test_what_was_redacted_too_laxly_begins_anew_and_without_its_original_stays_away():
    subject, free = make_subject(), make_collection()
    fields = {"profile_version": "open@0", "ground": ""}
    kept = make_asset(free, raw=b"x", segments=("one",), **fields)
    gone = make_asset(free, raw_state="purged", segments=("one",), **fields)
    for asset in (kept, gone):
        subjects_link(by=None, asset_id=asset.pk, subject_ids=[subject])
    subject_hold(by=None, subject_id=subject, hold="restricted")
    assert {reloaded(one).state for one in (kept, gone)} == {"withheld"}
    subject_release(by=None, subject_id=subject)
    assert (reloaded(kept).state, reloaded(kept).profile_version) == ("received", "")
    assert (reloaded(gone).state, reloaded(gone).reason) == ("withheld", "redaction-outdated")


def test_what_is_tried_first_is_what_happens_and_changes_nothing(strict):
    subject = make_subject()
    record = consent(subject)
    asset, _ = upload(strict, subject)
    through(asset)
    entries = LedgerPending.objects.count()
    tried = consent_end(by=None, consent_id=record.id, dry_run=True)
    assert tried.changed.withheld == [asset.pk]
    assert (reloaded(asset).state, vectors(asset)) == ("searchable", 2)
    assert LedgerPending.objects.count() == entries
    with scope.system():
        assert ConsentRecord.objects.get(id=record.id).withdrawn_at is None
    assert withdraw(record).withheld == tried.changed.withheld


def test_a_later_version_takes_the_place_of_one_and_both_are_withdrawn_by_either(strict):
    subject = make_subject()
    first = consent(subject)
    asset, _ = upload(strict, subject, consent=first.id)
    through(asset)
    second = consent_record(
        by=None, subject_id=subject, supersedes=first.id, terms=Terms(purposes=["search"])
    ).record
    assert (second.series, second.version) == (first.id, 2)
    assert reloaded(asset).ground == f"{first.id}@2"
    assert withdraw(first).withheld == [asset.pk]
    with scope.system():
        assert not ConsentRecord.objects.filter(series=first.id, withdrawn_at=None).exists()
