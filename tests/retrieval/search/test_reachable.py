"""What a search reaches: the same as access decides, and never what was true a moment ago."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership, User
from audit.models import RetentionPolicy
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.models import (
    Asset,
    Calibration,
    Collection,
    Grant,
    ModelSet,
    ModelSetVersion,
    ModelVersion,
    Segment,
)
from retrieval.profile_models import RedactionProfile
from retrieval.selectors import reachable
from retrieval.selectors.reachable import reachable_read
from retrieval.services.search.shown import segments_shown
from tests.conftest import owner_connection
from tests.factories import grant, make_asset, make_collection, make_policy, make_team, make_user
from tests.retrieval.search.conftest import catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_known():
    reachable.forget_reachable()
    yield
    reachable.forget_reachable()


def reach(user):
    return reachable_read(user=user)[0]


def every_kind_of_grant():
    """People who hold something in every way there is, and the collections they hold it in."""
    people = [make_user() for _ in range(4)]
    people.append(make_user(is_active=False))
    collections = [make_collection() for _ in range(12)]
    team, empty = make_team(people[0], people[1]), make_team()
    for number, role in enumerate(("searcher", "contributor", "curator", "steward")):
        for person in people:
            if person is not people[3]:
                grant(collections[number], person, role)
        grant(collections[4 + number], team, role)
    grant(collections[8], people[2], "searcher", expired=True)
    grant(collections[9], team, "curator", expired=True)
    grant(collections[9], people[0], "steward", raw=True)
    grant(collections[10], empty)
    for _ in range(2):
        grant(collections[5], people[0], "searcher")
    return people, collections


def rows_seen(person, *, few):
    """What row-level security shows, decided row by row or by the list of what is visible."""
    with scope.user(person.pk), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('vitrine.few', %s, true)", [few])
        seen = [set(one.objects.values_list("collection", flat=True)) for one in (Asset, Segment)]
        cursor.execute("SELECT set_config('vitrine.few', '', true)")
    assert seen[0] == seen[1]
    return seen[0]


def test_sql_and_python_decide_alike():
    people, collections = every_kind_of_grant()
    segments = {}
    for one in collections:
        asset = make_asset(one, segments=("words",))
        with scope.system():
            segments[asset.segments.get().pk] = one.pk
    for person in people:
        decided = set(access.collections_with(user=person, permission=Permission.READ))
        assert set(reach(person).collections) == decided
        with scope.user(person.pk):
            looked = segments_shown(user=person, segment_ids=segments)
        assert {segments[pk] for pk in looked} == decided
        assert rows_seen(person, few="on") == rows_seen(person, few="off")
    assert set(reach(people[0]).collections) == {collections[n].pk for n in (0, 1, 2, 4, 5, 6)}


def test_what_has_not_moved_is_not_read_again():
    reader = make_user()
    grant(make_collection(), reader)
    first = reach(reader)
    make_collection()
    grant(make_collection(), make_user())
    assert reach(reader) is first
    with CaptureQueriesContext(connection) as sent:
        reach(reader)
    assert len(sent) == 1


CHANGES = {
    "a grant is revoked": lambda it: Grant.objects.filter(pk=it.own.pk).delete(),
    "a grant is given": lambda it: grant(it.other, it.reader),
    "a grant becomes another role": lambda it: Grant.objects.filter(pk=it.own.pk).update(
        role="steward"
    ),
    "a team's grant is revoked": lambda it: Grant.objects.filter(pk=it.shared.pk).delete(),
    "a team is left": lambda it: Membership.objects.filter(user=it.reader).delete(),
    "an account is closed": lambda it: User.objects.filter(pk=it.reader.pk).update(is_active=False),
    "a collection goes": lambda it: Collection.objects.filter(pk=it.mine.pk).delete(),
    "a purpose changes": lambda it: Collection.objects.filter(pk=it.mine.pk).update(purposes={}),
    "a profile changes": lambda it: Collection.objects.filter(pk=it.mine.pk).update(
        redaction_profile="strict"
    ),
    "a policy is chosen": lambda it: Collection.objects.filter(pk=it.mine.pk).update(
        retention_policy=make_policy()
    ),
    "a policy's rules change": lambda _: RetentionPolicy.objects.update(rules=[]),
    "a version of a profile is made": lambda _: RedactionProfile.objects.create(
        name="own", version=2, body={}
    ),
    "a version is retired": lambda _: ModelVersion.objects.update(status="retired"),
    "a version becomes a set's": lambda it: ModelSetVersion.objects.create(
        model_set=ModelSet.objects.create(name="its-own"), space_id="fake", version=it.model
    ),
    "a calibration is fitted anew": lambda _: Calibration.objects.all().update(
        parameters={"fake": 2}
    ),
}


class It:
    """A reader of one collection, of a second through a team, and not of a third."""

    def __init__(self):
        self.model = catalogue()
        self.reader = make_user()
        self.mine = make_collection(
            retention_policy=make_policy({"what": "query", "after_days": 1}),
            redaction_profile="own",
        )
        RedactionProfile.objects.create(name="own", version=1, body={})
        self.team_collection, self.other = make_collection(), make_collection()
        self.own = grant(self.mine, self.reader)
        self.shared = grant(self.team_collection, make_team(self.reader))


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_counts_at_once(change):
    it = It()
    before = reach(it.reader)
    assert reach(it.reader) is before
    with scope.system():
        CHANGES[change](it)
    after = reach(it.reader)
    assert after != before
    reachable.forget_reachable()
    assert reach(it.reader) == after


def test_a_grant_ends_when_its_time_is_over():
    reader, ends, stays = make_user(), make_collection(), make_collection()
    grant(stays, reader)
    with scope.system():
        Grant.objects.create(
            collection=ends,
            user=reader,
            role="searcher",
            expires_at=timezone.now() + timedelta(milliseconds=200),
        )
    held = {len(reach(reader).collections)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.25)")
    held.add(len(reach(reader).collections))
    assert held == {2, 1}


def test_what_was_undone_counts_as_undone():
    reader, mine = make_user(), make_collection()
    one = grant(mine, reader)
    with transaction.atomic():
        with scope.system():
            Grant.objects.filter(pk=one.pk).delete()
        assert not reach(reader).collections
        transaction.set_rollback(True)
    assert list(reach(reader).collections) == [mine.pk]


def test_the_application_cannot_hold_a_stamp_still():
    with connection.cursor() as cursor:
        for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            cursor.execute("SELECT has_table_privilege('retrieval_stamp', %s)", [right])
            assert cursor.fetchone() == (False,)
        cursor.execute("SELECT has_function_privilege('vitrine_stamp(text[])', 'EXECUTE')")
        assert cursor.fetchone() == (False,)


@pytest.mark.django_db(transaction=True)
def test_without_stamps_everything_is_read_every_time():
    reader = make_user()
    grant(make_collection(), reader)
    with owner_connection() as conn:
        conn.execute("TRUNCATE retrieval_stamp")
    assert reach(reader) is not reach(reader)
