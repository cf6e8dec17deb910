"""What was decided about people outlives the database it was decided in."""

import pytest
from django.db import transaction

from audit.hold_models import LegalHold
from audit.models import ConsentRecord, DataSubject
from deploy.paths import Paths
from retrieval import scope
from retrieval.journal import journal_catch_up, journal_file, journal_read
from retrieval.models import AssetSubject, Collection
from retrieval.services.restoring import journal_apply
from tests.factories import make_asset, make_collection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def paths(tmp_path, settings):
    settings.PATHS = Paths(tmp_path)
    return settings.PATHS


@pytest.fixture
def asset():
    return make_asset(make_collection())


def withdrawn(subject):
    record = ConsentRecord(
        subject=subject.id, purposes=["search"], legal_basis="consent", given_tick=1
    )
    record.series, record.withdrawn_at, record.withdrawn_tick = record.id, record.starts_at, 2
    record.save()
    return record


def lived(asset):
    """Somebody is found in it, withdraws, asks for restriction; a hold is placed."""
    with scope.system():
        subject = DataSubject.objects.create()
        AssetSubject.objects.create(asset=asset, subject=subject.id, via="review")
        record = withdrawn(subject)
        subject.state, subject.restricted_at, subject.tick = "restricted", record.starts_at, 3
        subject.save()
        LegalHold.objects.create(asset=asset.pk, reason="The secret case of Mr X")
    return subject


def lost():
    """An older database: nothing of all that is in it."""
    with scope.system():
        for model in (AssetSubject, ConsentRecord, DataSubject, LegalHold):
            model.objects.all()._raw_delete("default")


def known():
    with scope.system():
        return (
            list(DataSubject.objects.values_list("id", "state", "tick")),
            list(ConsentRecord.objects.values("id", "subject", "withdrawn_at", "withdrawn_tick")),
            list(AssetSubject.objects.values_list("asset_id", "subject")),
            list(LegalHold.objects.values_list("asset", "state")),
        )


def test_it_is_all_there_again_after_an_older_database_came_back(asset):
    lived(asset)
    before = known()
    lost()
    assert journal_apply() == 4
    assert known() == before
    assert journal_apply() == 0


def test_nothing_personal_and_no_words_are_written_down(asset):
    lived(asset)
    text = journal_file().read_text()
    assert "Mr X" not in text
    assert text.count("\n") == 5


def test_what_rolled_back_is_not_told(asset):
    with transaction.atomic():
        lived(asset)
        transaction.set_rollback(True)
    assert [line["kind"] for line in journal_read()] == ["purposes"]  # of the collection before


def test_a_consent_that_was_required_since_is_required_again(asset):
    with scope.system():
        before = Collection.objects.get()
        before.purposes = {**before.purposes, "search": {"consent": "required"}}
        before.save()
    with scope.system():
        Collection.objects.update(purposes={})  # an older database
    assert journal_apply() == 1
    with scope.system():
        assert Collection.objects.get().purposes["search"] == {"consent": "required"}


def test_what_changed_in_bulk_is_caught_up_with(asset):
    subject = lived(asset)
    with scope.system():
        LegalHold.objects.update(state="released", released_at=subject.restricted_at)
    assert journal_catch_up() == 1
    assert journal_catch_up() == 0
    lost()
    journal_apply()
    assert known()[3] == [(asset.pk, "released")]


def test_an_older_journal_never_undoes_what_is_newer(asset):
    subject = lived(asset)
    old = journal_read()
    with scope.system():
        subject.objected_at, subject.tick, subject.state = subject.restricted_at, 4, "objected"
        subject.save()
        LegalHold.objects.update(state="released", released_at=subject.restricted_at)
    assert journal_apply(old) == 0
    assert known()[0] == [(subject.id, "objected", 4)]
    assert known()[3] == [(asset.pk, "released")]


def test_a_link_that_was_taken_back_is_not_made_again(asset):
    lived(asset)
    with scope.system():
        AssetSubject.objects.all().delete()
    lost()
    journal_apply()
    assert known()[2] == []


def test_nobody_is_linked_to_what_is_erased_and_no_erased_person_returns(asset):
    subject = lived(asset)
    lost()
    with scope.system():
        DataSubject.objects.create(id=subject.id, state="erased")
    journal_apply()
    assert known()[0] == [(subject.id, "erased", known()[0][0][2])]
    assert known()[2] == []
