"""The console's pages on the audit: who gets in, what is shown, that nothing changes."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from audit import ledger
from audit.actors import actor_for
from audit.chaining import chain_pending
from audit.models import LedgerEntry
from audit.searches import InfluenceData, record_search
from tests.cast import cast

pytestmark = pytest.mark.django_db
LISTS = ["ledgerentry", "ledgerpending", "searchrecord", "actor", "retentionpolicy"]


@pytest.fixture
def people(db, settings):
    # Hashing a password well takes a third of a second; the cast has seven.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return cast()


def visitor(user):
    client = Client()
    client.force_login(user)
    return client


def page(user, name, *args):
    return visitor(user).get(reverse(f"admin:audit_{name}", args=args))


def search_by(user, collections, hits):
    return record_search(
        user_id=user.pk,
        user_label=user.username,
        query_modality="text",
        query=b"a query nobody may read here",
        query_redactions=[],
        collections=collections,
        modalities=["image"],
        models_used=["starter@1"],
        parameters={},
        confident=True,
        keep_query_for=timedelta(hours=1),
        influences=[
            InfluenceData(
                rank=rank,
                asset_id=asset,
                collection_id=collection,
                segment_id=1,
                confidence=0.5,
                verdict="match",
            )
            for rank, (asset, collection) in enumerate(hits, start=1)
        ],
    )


def test_the_pages_open_for_a_governor_with_names(people):
    searcher = people.searcher
    record = search_by(searcher, [people.collection.pk], [(uuid4(), people.collection.pk)])
    for model in LISTS:
        answer = page(people.governor, f"{model}_changelist")
        assert answer.status_code == 200, model
    assert "sara" in page(people.governor, "searchrecord_changelist").content.decode()
    assert "sara" in page(people.governor, "ledgerentry_changelist").content.decode()
    shown = page(people.governor, "searchrecord_change", record.pk).content.decode()
    assert "nobody may read" not in shown
    entry = LedgerEntry.objects.get(event="search:query:run")
    shown = page(people.governor, "ledgerentry_change", entry.pk).content.decode()
    assert bytes(entry.hash).hex() in shown
    assert "sara" in page(people.governor, "actor_changelist").content.decode()


def test_a_steward_sees_ids_and_only_what_concerns_governed_collections(people):
    mine, other = people.collection.pk, uuid4()
    asset_mine, asset_other = uuid4(), uuid4()
    both = search_by(people.searcher, [mine, other], [(asset_mine, mine), (asset_other, other)])
    elsewhere = search_by(people.searcher, [other], [(asset_other, other)])
    actor = actor_for(people.searcher.pk, "sara")
    listed = page(people.steward, "searchrecord_changelist").content.decode()
    assert str(both.pk) in listed
    assert str(elsewhere.pk) not in listed
    assert str(actor) in listed
    shown = page(people.steward, "searchrecord_change", both.pk).content.decode()
    assert str(asset_mine) in shown
    for hidden in (asset_other, other, "sara"):
        assert str(hidden) not in shown
    assert page(people.steward, "searchrecord_change", elsewhere.pk).status_code == 302
    entries = page(people.steward, "ledgerentry_changelist").content.decode()
    assert str(mine) in entries
    assert str(other) not in entries
    for closed in ("ledgerpending", "actor"):
        assert page(people.steward, f"{closed}_changelist").status_code == 403


def test_others_do_not_get_in(people):
    for user in (people.searcher, people.outsider):
        assert page(user, "ledgerentry_changelist").status_code == 302
    assert page(people.operator, "ledgerentry_changelist").status_code == 403


def test_the_ledger_and_the_records_offer_no_way_to_change_them(people):
    ledger.record(event="test:a:b", actor=None, refs={})
    chain_pending()
    record = search_by(people.searcher, [people.collection.pk], [])
    client = visitor(people.governor)
    for model, key in (("ledgerentry", 1), ("searchrecord", record.pk)):
        for action in ("change", "delete"):
            url = reverse(f"admin:audit_{model}_{action}", args=[key])
            assert client.post(url, {"post": "yes"}).status_code == 403
        assert client.get(reverse(f"admin:audit_{model}_add")).status_code == 403


def test_the_list_of_the_ledger_counts_no_rows(people, django_assert_num_queries):
    for number in range(3):
        ledger.record(event="test:a:b", actor=UUID(int=number), refs={})
    chain_pending()
    last = LedgerEntry.objects.order_by("-seq").first().seq
    with django_assert_num_queries(1) as captured:
        assert LedgerEntry.objects.all().count() == last
    assert "COUNT" not in captured[0]["sql"]
