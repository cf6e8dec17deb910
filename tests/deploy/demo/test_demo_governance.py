"""The demo's console has something to show, and nothing of it disappears from search."""

from __future__ import annotations

import pytest

from accounts.models import User
from audit.models import ConsentRecord, DataSubject, LegalHold, RetentionPolicy
from deploy.demo.cast import CAST
from deploy.demo.governance import ABOUT, GROUNDS, HELD, NOTES, governance
from deploy.demo.load import demo_items
from retrieval import scope
from retrieval.models import Asset, AssetSubject, Collection
from tests.factories import grant, make_asset, make_collection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def collections():
    admin = make_user("admin", is_governor=True, is_operator=True)
    made = {one.key: make_collection(one.name) for one in CAST.collections}
    for one in made.values():
        grant(one, admin, "steward")
    for title in (*ABOUT, HELD, "Another note"):
        make_asset(made[NOTES], title=title)
    return made


def test_it_is_set_up_once_and_everything_stays_searchable(collections):
    for _ in range(2):
        governance(collections)
    with scope.system():
        assert Asset.objects.exclude(state="searchable").count() == 0
        assert Asset.objects.filter(raw_kept_until=None).count() == 0
        assert AssetSubject.objects.count() == len(ABOUT)
        assert DataSubject.objects.count() == ConsentRecord.objects.count() == 1
        hold = LegalHold.objects.get()
        assert Asset.objects.get(pk=hold.asset).title == HELD
        found = Collection.objects.get(pk=collections[NOTES].pk)
    assert found.retention_policy == RetentionPolicy.objects.get()
    assert found.purposes["search"] == {"consent": "not_required", "legal_basis": GROUNDS[NOTES]}
    assert User.objects.count() == 1


def test_what_it_names_is_in_the_demo():
    notes = {item.title for item in demo_items() if item.collection == NOTES}
    assert {*ABOUT, HELD} <= notes
    assert set(GROUNDS) == {one.key for one in CAST.collections}
