import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import LedgerPending
from retrieval import incarnation, media, scope
from retrieval.models import Asset, ProvenanceStep, Segment
from retrieval.services.claims import LEASE, MAX_ATTEMPTS, asset_claim
from retrieval.services.ingest import asset_upload
from retrieval.services.stages import Again, StageCrashed, stage_run
from retrieval.states import RawState, State
from retrieval.uploads import upload_from
from tests.factories import make_asset, make_collection, make_policy, reloaded

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection():
    return make_collection()


@pytest.fixture(autouse=True)
def _quiet(servers, sent):
    pass


def received(collection, data=b"first line\nmail a@b.org", **fields):
    asset, _ = asset_upload(
        user=None,
        collection_id=collection.pk,
        upload=upload_from(iter([data]), name=fields.pop("name", "a@b.org.txt")),
        **fields,
    )
    return asset


def events(asset):
    rows = LedgerPending.objects.order_by("id")
    return [row.event for row in rows if row.refs.get("asset") == str(asset.pk)]


def test_redact_stores_what_may_be_shown_and_queues_verify(
    collection, sent, django_capture_on_commit_callbacks
):
    asset = received(collection, source="from c@d.org", metadata={"by": "e@f.org", "n": [1, True]})
    with django_capture_on_commit_callbacks(execute=True):
        assert stage_run(stage="redact", asset_id=asset.pk) is None
    row = reloaded(asset)
    assert (row.state, row.modality, row.title) == ("verifying", "text", "<EMAIL_ADDRESS_1>")
    assert row.source == "from <EMAIL_ADDRESS_1>"
    assert row.metadata == {"by": "<EMAIL_ADDRESS_1>", "n": [1, True]}
    assert row.redactions == [{"kind": "EMAIL_ADDRESS", "count": 4}]
    assert (row.claim, row.attempts, row.profile_version) == (None, 0, "standard@2")
    rendition = media.read_blob(media.Blob.RENDITION, asset.pk)
    assert rendition == b"first line\nmail <EMAIL_ADDRESS_1>"
    assert media.read_blob(media.Blob.THUMBNAIL, asset.pk) == b"thumb"
    with scope.system():
        segments = list(Segment.objects.filter(asset=asset).values_list("text", "start", "end"))
    assert [rendition.decode()[start:end] for _, start, end in segments] == [s[0] for s in segments]
    assert sent == [("verify", str(asset.pk))]
    assert events(asset) == ["ingest:asset:upload", "ingest:asset:redact"]
    assert "decode" in ProvenanceStep.objects.filter(asset=asset).values_list("step", flat=True)


def test_doing_a_stage_twice_does_it_once(collection, servers):
    asset = received(collection)
    stage_run(stage="redact", asset_id=asset.pk)
    calls = list(servers.calls)
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    assert servers.calls == calls
    assert events(asset).count("ingest:asset:redact") == 1
    with scope.system():
        assert Segment.objects.filter(asset=asset).count() == 2


def test_a_redaction_begun_again_doubles_no_segment(collection):
    asset = received(collection)
    stage_run(stage="redact", asset_id=asset.pk)
    with scope.system():
        Asset.objects.filter(pk=asset.pk).update(state=State.REDACTING)
    stage_run(stage="redact", asset_id=asset.pk)
    with scope.system():
        assert Segment.objects.filter(asset=asset).count() == 2


@pytest.mark.parametrize(
    ("data", "state", "reason", "detail"),
    [
        (b"BAD", "rejected", "unknown-type", "This is no file we know."),
        (b"HELP", "quarantined", "password-protected", "It needs a password."),
    ],
)
def test_refused_content_rests_with_its_reason(collection, data, state, reason, detail):
    asset = received(collection, data)
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    row = reloaded(asset)
    assert (row.state, row.reason, row.reason_detail) == (state, reason, detail)
    assert row.claim is None
    assert events(asset)[-1] in {"ingest:asset:reject", "ingest:asset:quarantine"}
    assert not media.has_blob(media.Blob.RENDITION, asset.pk)


def test_a_quarantined_original_waits_two_weeks_and_no_longer(collection, settings):
    settings.VITRINE_QUARANTINE_RAW_DAYS = 14
    asset = received(collection, b"HELP")
    assert asset.raw_kept_until is None
    stage_run(stage="redact", asset_id=asset.pk)
    row = reloaded(asset)
    assert abs(row.raw_kept_until - row.state_changed_at - timedelta(days=14)) < timedelta(
        minutes=1
    )


def test_a_shorter_policy_counts_in_quarantine_too():
    collection = make_collection(retention_policy=make_policy({"what": "raw", "after_days": 3}))
    asset = received(collection, b"HELP")
    stage_run(stage="redact", asset_id=asset.pk)
    row = reloaded(asset)
    assert row.raw_kept_until == row.created_at + timedelta(days=3)


def test_what_verification_finds_is_quarantined(collection, servers):
    asset = received(collection)
    stage_run(stage="redact", asset_id=asset.pk)
    servers.missed = ["PERSON", "EMAIL_ADDRESS"]
    stage_run(stage="verify", asset_id=asset.pk)
    row = reloaded(asset)
    assert (row.state, row.reason) == ("quarantined", "redaction-incomplete")
    assert "EMAIL_ADDRESS, PERSON" in row.reason_detail
    assert row.title == ""  # the fake finds it in the title as well


def test_a_clean_rendition_goes_on_to_embedding(
    collection, sent, django_capture_on_commit_callbacks
):
    asset = received(collection)
    stage_run(stage="redact", asset_id=asset.pk)
    with django_capture_on_commit_callbacks(execute=True):
        stage_run(stage="verify", asset_id=asset.pk)
    assert reloaded(asset).state == "embedding"
    assert sent[-1] == ("embed", str(asset.pk))


def test_a_server_that_is_down_is_no_fault_of_the_asset(collection, servers):
    asset = received(collection)
    servers.down = True
    for _ in range(MAX_ATTEMPTS + 3):
        again = stage_run(stage="redact", asset_id=asset.pk)
        assert isinstance(again, Again)
        assert again.seconds > 0
    row = reloaded(asset)
    assert (row.state, row.claim, row.attempts) == ("redacting", None, 0)
    servers.down = False
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    assert reloaded(asset).state == "verifying"


def test_poison_that_takes_the_server_down_is_quarantined_in_the_end(collection, servers):
    asset = received(collection)

    def die(call):
        from retrieval.redaction.errors import RedactionUnavailable

        raise RedactionUnavailable("not-reachable")

    servers.before = die
    waits = [stage_run(stage="redact", asset_id=asset.pk) for _ in range(MAX_ATTEMPTS)]
    assert [again.seconds for again in waits] == [2.0, 8.0, 30.0, 120.0, 120.0]
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    row = reloaded(asset)
    assert (row.state, row.reason) == ("quarantined", "failed-repeatedly")


def test_an_unforeseen_failure_says_where_and_nothing_of_the_content(collection, servers):
    asset = received(collection)

    def fail(call):
        raise ValueError("the text was: a@b.org")

    servers.before = fail
    with pytest.raises(StageCrashed) as crashed:
        stage_run(stage="redact", asset_id=asset.pk)
    assert str(crashed.value).startswith("ValueError at ")
    assert "a@b.org" not in str(crashed.value)
    assert crashed.value.__cause__ is None
    assert (reloaded(asset).claim, reloaded(asset).attempts) == (None, 1)


def test_damaged_bytes_are_quarantined(collection, paths):
    asset = received(collection)
    (paths.media / "raw" / str(asset.pk)).write_bytes(b"garbage" * 100)
    stage_run(stage="redact", asset_id=asset.pk)
    assert (reloaded(asset).state, reloaded(asset).reason) == (
        "quarantined",
        "stored-bytes-damaged",
    )


@pytest.mark.parametrize("to", [State.ERASED, State.WITHHELD])
def test_an_asset_taken_away_in_mid_stage_ends_it_cleanly(collection, servers, to):
    asset = received(collection)

    def take_away(call):
        with scope.system():
            Asset.objects.filter(pk=asset.pk).update(state=to, claim=None)

    servers.before = take_away
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    assert reloaded(asset).state == to
    assert not media.has_blob(media.Blob.RENDITION, asset.pk)
    with scope.system():
        assert not Segment.objects.filter(asset=asset).exists()
    assert "ingest:asset:redact" not in events(asset)


def test_an_asset_destroyed_in_mid_stage_ends_it_cleanly(collection, servers, paths):
    asset = received(collection)

    def destroy(call):
        with scope.system():
            Asset.objects.filter(pk=asset.pk).update(state=State.ERASED, claim=None)
        media.destroy_all(asset.pk)

    servers.before = destroy
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    assert reloaded(asset).state == State.ERASED
    assert [p for p in paths.media.rglob("*") if p.is_file()] == []


def test_who_lost_the_claim_writes_nothing(collection, servers):
    asset = received(collection)

    def lose(call):
        servers.before = lambda _: None
        with scope.system():
            Asset.objects.filter(pk=asset.pk).update(
                claimed_until=timezone.now() - timedelta(seconds=1)
            )
        assert stage_run(stage="redact", asset_id=asset.pk) is None  # another worker takes over

    servers.before = lose
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    assert events(asset).count("ingest:asset:redact") == 1
    with scope.system():
        assert Segment.objects.filter(asset=asset).count() == 2


def test_a_claim_of_a_living_process_is_left_alone(collection):
    asset = received(collection)
    first = asset_claim(stage="redact", asset_id=asset.pk)
    assert first is not None
    assert asset_claim(stage="redact", asset_id=asset.pk) is None
    with scope.system():
        row = Asset.objects.get(pk=asset.pk)
        assert row.claimed_until > timezone.now() + LEASE / 2
        assert row.claimed_by == incarnation.me()
        # The process is killed and another gets the message again: it need not wait for the lease.
        Asset.objects.filter(pk=asset.pk).update(claimed_by=f"{incarnation.machine()}/999999/1")
    assert asset_claim(stage="redact", asset_id=asset.pk) is not None


@pytest.mark.parametrize(
    "state", ["verifying", "embedding", "searchable", "withheld", "quarantined"]
)
def test_a_stage_that_is_not_due_does_nothing(collection, state):
    asset = make_asset(collection, state=state)
    assert stage_run(stage="redact", asset_id=asset.pk) is None
    assert reloaded(asset).state == state


def test_a_vanished_asset_is_a_clean_end():
    from uuid import uuid4

    assert stage_run(stage="redact", asset_id=uuid4()) is None


def test_nothing_of_the_content_is_in_ledger_or_provenance(collection):
    asset = received(collection, b"canary a@b.org", metadata={"note": "a@b.org"})
    stage_run(stage="redact", asset_id=asset.pk)
    stage_run(stage="verify", asset_id=asset.pk)
    told = json.dumps([[row.refs, row.payload] for row in LedgerPending.objects.all()])
    told += json.dumps(list(ProvenanceStep.objects.values_list("step", "component", "version")))
    assert "canary" not in told
    assert "a@b.org" not in told


def test_raw_state_stays_kept(collection):
    asset = received(collection)
    stage_run(stage="redact", asset_id=asset.pk)
    assert reloaded(asset).raw_state == RawState.KEPT
