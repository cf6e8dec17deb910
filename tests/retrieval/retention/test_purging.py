"""What the end of a period does, part by part; holds, pauses, clocks and crashes in between."""

import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from audit import clock
from audit.clock import ClockImplausible, Moment, clock_check, clock_confirm, fault
from audit.hold_models import ClockMark, LegalHold, PurgeRun, PurgeTally
from audit.holds import Held, hold_place
from audit.models import LedgerPending
from audit.pauses import pause_end, pause_place
from retrieval import media, scope
from retrieval.models import Asset, Segment
from retrieval.selectors.due import due_batch
from retrieval.services import purge as purging
from retrieval.services import purge_parts
from retrieval.services.purge import Purged, PurgeRunning, purge
from tests.factories import make_asset

pytestmark = pytest.mark.django_db
ONE = {"what": "rendition", "after_days": 30}
DATA = {"raw": b"original", "rendition": b"redacted", "thumbnail": b"small"}


@pytest.fixture(autouse=True)
def own_paths(paths):
    return paths


def events(name):
    return list(LedgerPending.objects.filter(event=name).order_by("id"))


def test_the_end_of_the_rendition_takes_everything_but_a_row_that_says_so(governed, aged, left):
    collection = governed(ONE)
    asset = aged(collection, days=31, segments=("a bear",), metadata={"a": "b"}, **DATA)
    young = aged(collection, days=29, segments=("a bear",), **DATA)
    assert purge(dry_run=True) == Purged(rendition=1)
    assert left(asset)[0] == "searchable"
    assert purge() == Purged(rendition=1)
    assert left(asset) == ("purged", "purged", [])
    assert left(young) == ("searchable", "kept", ["vectors", "transcript", "thumbnail"])
    for kind in media.Blob:
        with pytest.raises(media.BlobMissing):
            media.read_blob(kind, asset.pk)
    with scope.system():
        row = Asset.objects.get(pk=asset.pk)
        assert Segment.objects.filter(asset=asset).count() == 0
        assert [step.step for step in row.provenance.all()] == ["purge-rendition"]
    assert (row.reason, row.title, row.metadata) == ("period-over", "", {})
    assert bytes(row.digest) != bytes(asset.digest)  # the same content can come anew
    (entry,) = events("retention:rendition:purge")
    assert entry.refs == {"asset": str(asset.pk), "collection": str(collection.pk)}
    (report,) = events("retention:purge:run")
    assert '"rendition":{"failed":0,"held":0,"paused":0,"purged":1}' in report.payload
    assert purge() == Purged()


def test_parts_go_alone_and_the_asset_stays(governed, aged, left):
    collection = governed(
        {"what": "vectors", "after_days": 2},
        {"what": "transcript", "after_days": 3, "modality": "audio"},
        {"what": "thumbnail", "after_days": 4},
    )
    asset = aged(collection, days=5, modality="audio", **DATA)
    with scope.system():
        for ordinal, modality in enumerate(("audio", "text")):
            Segment.objects.create(
                asset=asset,
                collection=collection,
                modality=modality,
                kind="time",
                ordinal=ordinal,
                text="bear" if modality == "text" else "",
            )
    silent = aged(collection, days=5, modality="audio")
    foreseen = purge(dry_run=True)
    assert foreseen == purge() == Purged(vectors=2, transcript=1, thumbnail=2)
    assert left(asset) == left(silent) == ("searchable", "kept", [])
    with scope.system():
        assert list(asset.segments.values_list("modality", flat=True)) == ["audio"]
    with pytest.raises(media.BlobMissing):
        media.read_blob(media.Blob.THUMBNAIL, asset.pk)
    assert media.read_blob(media.Blob.RENDITION, asset.pk) == b"redacted"
    assert events("retention:thumbnail:purge")[0].refs["asset"] == sorted(
        [str(asset.pk), str(silent.pk)]
    )


def test_a_rule_for_a_state_counts_from_when_it_came_into_it(governed, aged, left):
    collection = governed(
        {"what": "rendition", "after_days": 9},
        {"what": "rendition", "state": "quarantined", "after_days": 2},
    )
    fresh = aged(collection, days=8, state="quarantined", since=1)
    stale = aged(collection, days=8, state="quarantined", since=3)
    assert purge() == Purged(rendition=1)
    assert (left(fresh)[0], left(stale)[0]) == ("quarantined", "purged")


def test_a_hold_wins_and_its_end_lets_go(governed, aged, left):
    collection = governed(ONE, {"what": "raw", "after_days": 1})
    asset = aged(collection, days=31, raw_kept_until=timezone.now(), **DATA)
    with scope.system():
        hold = hold_place(actor=None, on=Held(asset=asset.pk), reason="a case")
    assert purge() == Purged(held=2)
    assert left(asset) == ("searchable", "kept", ["vectors", "transcript", "thumbnail"])
    assert media.read_blob(media.Blob.RAW, asset.pk) == b"original"
    with scope.system():
        told = PurgeTally.objects.filter(held=1).values_list("what", "collection")
        assert set(told) == {("raw", collection.pk), ("rendition", collection.pk)}
        LegalHold.objects.filter(pk=hold.pk).update(state="released")
    assert purge() == Purged(raw=1, rendition=1)


def test_pauses_stop_one_collection_or_everything_until_they_end(governed, aged, left):
    paused, other = governed(ONE), governed(ONE)
    first, second = aged(paused, days=31), aged(other, days=31)
    until = timezone.now() + timedelta(days=2)
    with scope.system():
        pause_place(actor=None, reason="audit", until=until, collection=paused.pk)
        whole = pause_place(actor=None, reason="audit", until=until)
    assert purge(dry_run=True) == Purged(paused=2)
    assert purge() == Purged(paused=2)
    with scope.system():
        pause_end(actor=None, pause_id=whole.pk)
    assert purge() == Purged(rendition=1, paused=1)
    assert (left(first)[0], left(second)[0]) == ("searchable", "purged")
    assert len(events("retention:purge:pause")) == 2


def test_a_run_that_died_is_gone_on_with_and_counts_everything_once(governed, aged, monkeypatch):
    collection = governed(ONE)
    for _ in range(5):
        aged(collection, days=31, **DATA)
    real, calls = purge_parts.rendition_purge, []

    def dies_in_the_second_batch(assets):
        calls.append(len(assets))
        if len(calls) == 2:
            real(assets)  # files are gone, rows are not written
            raise KeyboardInterrupt
        return real(assets)

    monkeypatch.setitem(purging.PURGES, "rendition", dies_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        purge(batch=2)
    with scope.system():
        assert Asset.objects.filter(state="purged").count() == 2
        assert PurgeRun.objects.get().state == "running"
    monkeypatch.setitem(purging.PURGES, "rendition", real)
    purge(batch=2)
    with scope.system():
        assert Asset.objects.filter(state="purged").count() == 5
        run = PurgeRun.objects.get()
        assert (run.state, run.resumed) == ("done", 1)
        assert run.tallies.get().purged == 5
    assert len(events("retention:rendition:purge")) == 5


def test_a_file_that_will_not_go_holds_nobody_up(governed, aged, left, monkeypatch):
    collection = governed(ONE)
    stuck, free = aged(collection, days=31, **DATA), aged(collection, days=31, **DATA)
    real = media.destroy_all

    def destroy(asset_id):
        if asset_id == stuck.pk:
            raise PermissionError
        real(asset_id)

    monkeypatch.setattr(media, "destroy_all", destroy)
    assert purge(batch=1) == Purged(rendition=1, failed=1)
    assert (left(stuck)[0], left(free)[0]) == ("searchable", "purged")
    monkeypatch.setattr(media, "destroy_all", real)
    assert purge() == Purged(rendition=1)


def test_runs_that_find_nothing_leave_only_the_last_one(governed, aged):
    aged(governed(ONE), days=31)
    for _ in range(4):
        purge()
    with scope.system():
        assert PurgeRun.objects.count() == 2  # the one that did something, and the last


NOON = timezone.now()


def moved(*, wall, machine, boot="a"):
    mark = ClockMark(at=NOON, boot="a", boot_seconds=100.0)
    now = Moment(NOON + timedelta(hours=wall), boot, 100.0 + 3600 * machine)
    return fault(mark, now)


@pytest.mark.parametrize(
    ("wall", "machine", "boot", "found"),
    [
        (5, 5, "a", ""),
        (5.5, 5, "a", ""),
        (24 * 400, 24 * 400, "a", ""),  # a long time, but it passed
        (24 * 40, 1, "a", clock.AHEAD),
        (-24, 1, "a", clock.BACK),
        (30, 5, "a", clock.AHEAD),
        (24, -0.01, "a", ""),  # another container, whose second clock began later
        (24 * 8, -0.01, "a", clock.AHEAD),
        (24, 0, "b", ""),
        (24 * 8, 0, "b", clock.AHEAD),
        (-2, 0, "b", clock.BACK),
        (-0.5, 0, "b", ""),
    ],
)
def test_the_wall_clock_is_held_against_the_machines(wall, machine, boot, found, settings):
    settings.VITRINE_CLOCK_GAP_DAYS = 7
    assert moved(wall=wall, machine=machine, boot=boot) == found


def test_a_clock_that_jumps_and_comes_back_purges_nothing(governed, aged, left, monkeypatch):
    asset = aged(governed(ONE), days=10, **DATA)
    purge()
    right = clock.moment()
    ahead = Moment(right.at + timedelta(days=40), right.boot, right.boot_seconds + 5)
    monkeypatch.setattr(clock, "moment", lambda: ahead)
    monkeypatch.setattr(timezone, "now", lambda: ahead.at)
    for _ in range(2):
        with pytest.raises(ClockImplausible):
            purge()
    with pytest.raises(CommandError, match="--clock-is-right"):
        call_command("purge")
    with scope.system():
        assert PurgeRun.objects.filter(state="refused").count() == 1
    assert len(events("retention:clock:refuse")) == 1
    assert left(asset)[0] == "searchable"
    assert clock.clock_alarm().alarm == clock.AHEAD
    monkeypatch.undo()
    assert purge() == Purged()  # and the alarm is over
    assert clock.clock_alarm() is None
    assert left(asset)[0] == "searchable"


def test_somebody_may_say_that_the_clock_is_right(governed, aged, left, monkeypatch):
    asset = aged(governed(ONE), days=10, **DATA)
    clock_check()
    right = clock.moment()
    ahead = Moment(right.at + timedelta(days=40), "another start", 5.0)
    with pytest.raises(ClockImplausible):
        clock_check(now=ahead)
    monkeypatch.setattr(clock, "moment", lambda: ahead)
    monkeypatch.setattr(timezone, "now", lambda: ahead.at)
    call_command("purge", "--clock-is-right")
    assert left(asset)[0] == "purged"
    assert len(events("retention:clock:confirm")) == 1


def test_what_comes_in_while_the_clock_stands_years_back_is_not_due_once_it_is_right(monkeypatch):
    clock_check()
    mark = ClockMark.objects.get().at
    monkeypatch.setattr(timezone, "now", lambda: mark - timedelta(days=20000))
    assert clock.received_now() == mark
    with pytest.raises(ClockImplausible):
        clock_check()
    clock_confirm(actor=None)
    assert clock.received_now() == mark - timedelta(days=20000)


@pytest.mark.django_db(transaction=True)
def test_a_hold_placed_while_a_purge_runs_keeps_all_that_is_left(governed, aged, left, monkeypatch):
    """Two connections: the hold waits for the batch that runs, and then nothing more goes."""
    collection = governed(ONE)
    assets = [aged(collection, days=31, **DATA) for _ in range(4)]
    begun, placed = threading.Event(), threading.Event()
    real = purge_parts.rendition_purge
    order = []

    def place():
        begun.wait(20)
        try:
            with scope.system():
                hold_place(actor=None, on=Held(collection=collection.pk), reason="a case")
                order.append("placed")
        finally:
            placed.set()
            connection.close()

    other = threading.Thread(target=place)
    other.start()

    def slow(rows):
        begun.set()
        assert not placed.wait(0.5), "the hold must wait for the batch"
        order.append("batch")
        return real(rows)

    monkeypatch.setitem(purging.PURGES, "rendition", slow)
    done = purge(batch=1)
    other.join(20)
    monkeypatch.undo()
    assert order[0] == "batch"
    assert order[-1] == "placed" or order[1] == "placed"
    kept = [one for one in assets if left(one)[0] == "searchable"]
    assert len(kept) == 4 - done.rendition == done.held
    assert kept, "the hold came before the last batch"
    assert purge() == Purged(held=len(kept))


@pytest.mark.django_db(transaction=True)
def test_a_second_purge_at_once_says_so_and_does_nothing(governed, aged, left, monkeypatch):
    collection = governed(ONE)
    aged(collection, days=31)
    begun, go = threading.Event(), threading.Event()
    real = purge_parts.rendition_purge

    def slow(rows):
        begun.set()
        go.wait(20)
        return real(rows)

    def run():
        try:
            purge()
        finally:
            connection.close()

    monkeypatch.setitem(purging.PURGES, "rendition", slow)
    first = threading.Thread(target=run)
    first.start()
    begun.wait(20)
    try:
        with pytest.raises(PurgeRunning):
            purge()
    finally:
        go.set()
        first.join(20)
    with scope.system():
        assert PurgeRun.objects.get().tallies.get().purged == 1


@pytest.mark.django_db(transaction=True)
def test_an_asset_that_somebody_works_on_is_left_to_the_next_run(governed, aged, left):
    collection = governed(ONE)
    busy, free = aged(collection, days=31), aged(collection, days=31)
    locked, go = threading.Event(), threading.Event()

    def work():
        try:
            with scope.system():
                Asset.objects.select_for_update().get(pk=busy.pk)
                locked.set()
                go.wait(20)
        finally:
            connection.close()

    other = threading.Thread(target=work)
    other.start()
    locked.wait(20)
    try:
        assert purge() == Purged(rendition=1)
    finally:
        go.set()
        other.join(20)
    assert (left(busy)[0], left(free)[0]) == ("searchable", "purged")
    assert purge() == Purged(rendition=1)


def test_nothing_is_due_outside_the_appliances_own_scope(governed, aged):
    aged(governed(ONE), days=31)
    now = timezone.now()
    assert due_batch("rendition", until=now, now=now, limit=9) == []
    make_asset(governed(ONE))
    assert PurgeRun.objects.count() == LegalHold.objects.count() == 0
