"""Blind indexes: found with the key, unlinkable without, gone in time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from audit import blind
from audit.blind_digest import digest
from audit.keystore import KeyDestroyed
from audit.models import BlindIndex
from retrieval import scope

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ANN = ("email", "ann@x.org")
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def _today(monkeypatch, settings):
    settings.VITRINE_BLIND_INDEX_DAYS = 365
    monkeypatch.setattr(blind.timezone, "now", lambda: NOW)


def keep(asset_id, *pairs, received_at=NOW):
    key = blind.blind_key(asset_id=asset_id, received_at=received_at)
    entries = [(form, digest(key, form=form, value=value)) for form, value in pairs]
    blind.blind_replace(asset_id=asset_id, received_at=received_at, entries=entries)


def test_assets_are_found_by_what_they_held_and_by_nothing_else():
    with scope.system():
        keep(ONE, ANN, ("name", "ann"))
        keep(TWO, ANN, received_at=NOW - timedelta(days=90))
        assert blind.blind_lookup([ANN]) == [ONE, TWO]
        assert blind.blind_lookup([("name", "ann"), ("email", "no")]) == [ONE]
        assert blind.blind_lookup([("phone", "ann@x.org")]) == []
        keep(ONE, ("name", "ann"))  # redacted anew: what it no longer holds is gone
        assert blind.blind_lookup([ANN]) == [TWO]
        assert blind.blind_forget(asset_ids=[TWO]) == 1
        assert blind.blind_lookup([ANN]) == []


def test_rows_of_one_identifier_have_nothing_in_common():
    with scope.system():
        keep(ONE, ANN)
        keep(TWO, ANN)
        rows = BlindIndex.objects.values_list("digest", flat=True)
        first, second = (bytes(one) for one in rows)
        assert first != second
        # Not even who knows the identifier and every asset's id finds it without the period's key.
        guesses = {digest(key, form=ANN[0], value=ANN[1]) for key in (b"", ONE.bytes, TWO.bytes)}
        assert not guesses & {first, second}


def test_no_request_for_a_person_reads_or_writes_the_table():
    with scope.system():
        keep(ONE, ANN)
    with scope.user(ONE):
        assert not BlindIndex.objects.exists()
        assert blind.blind_lookup([ANN]) == []
    assert not BlindIndex.objects.exists()


def test_at_the_deadline_the_key_goes_and_the_rows_with_it(keys, monkeypatch):
    old = NOW - timedelta(days=300)
    with scope.system():
        keep(ONE, ANN)
        keep(TWO, ANN, received_at=old)
        assert blind.blind_purge() == 0
        later = blind.expires_at(old)
        assert later == datetime(2027, 2, 1, tzinfo=UTC)
        monkeypatch.setattr(blind.timezone, "now", lambda: later)
        assert blind.blind_lookup([ANN]) == [ONE]
        assert blind.blind_due() == blind.blind_purge() == 1
        with pytest.raises(KeyDestroyed):
            keys.get("period", old.strftime("blind-%Y-%m"))
        assert blind.blind_key(asset_id=TWO, received_at=old) == b""  # nor is it made again
        keep(TWO, ANN, received_at=old)
        assert blind.blind_lookup([ANN]) == [ONE]


def test_a_copy_of_the_rows_is_worth_nothing_once_the_key_is_destroyed(keys):
    with scope.system():
        keep(ONE, ANN)
        keys.destroy("period", NOW.strftime("blind-%Y-%m"))
        assert BlindIndex.objects.count() == 1
        assert blind.blind_lookup([ANN]) == []


def test_it_can_be_switched_off(settings):
    settings.VITRINE_BLIND_INDEX_DAYS = 0
    assert blind.blind_key(asset_id=ONE, received_at=NOW) == b""
    with scope.system():
        keep(ONE, ANN)
        assert not BlindIndex.objects.exists()


def test_a_lookup_reads_in_pieces(monkeypatch):
    monkeypatch.setattr(blind, "_FETCH", 2)
    with scope.system():
        for number in range(5):
            keep(UUID(int=number), ANN)
        assert len(blind.blind_lookup([ANN])) == 5
