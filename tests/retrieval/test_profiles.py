"""Profiles of one's own: who makes and changes them, and what a version says for good."""

import pytest
from django.core.management.base import CommandError
from django.db import DatabaseError, transaction

from audit.models import LedgerPending
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.management.commands.redact import _profile as command_profile
from retrieval.profile_models import RedactionProfile
from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.profile_schema import rules_to
from retrieval.redaction.profiles import OPEN, STANDARD
from retrieval.selectors.profiles import (
    profile_at,
    profile_list,
    profile_named,
    profile_of,
    profile_versions,
)
from retrieval.services.collections import collection_create
from retrieval.services.profiles import hash_key, profile_change, profile_create
from retrieval.services.search import reach
from tests.factories import make_user
from tests.retrieval.api.conftest import paths, people

__all__ = ["paths", "people"]

RULES = {"entities": {"PERSON": {"threshold": 0.5}}, "deny": ["Blue Heron"]}


def events():
    return [(e.event, e.refs, e.payload) for e in LedgerPending.objects.order_by("id")]


def test_a_change_is_a_new_version_and_the_old_one_stays(people):
    profile_create(by=people.steward, name="ours", rules=RULES)
    changed = {**RULES, "entities": {"PERSON": {"threshold": 0.3, "operator": "hash"}}}
    profile_change(by=people.steward, name="ours", rules=changed)
    assert profile_named("ours").ref == "ours@2"
    assert profile_at("ours@1").entities["PERSON"].threshold == 0.5
    assert profile_at("ours@3") is None
    assert profile_at("standard@1") is None
    assert [one.profile.ref for one in profile_versions(user=people.steward, name="ours")] == [
        "ours@2",
        "ours@1",
    ]
    with pytest.raises(Conflict):
        profile_change(by=people.steward, name="ours", rules=changed)
    (_, made, _), (event, refs, payload) = events()[-2:]
    assert (made, event, refs) == (
        {"profile": "ours@1"},
        "policy:profile:change",
        {"profile": "ours@2"},
    )
    assert payload == '{"changed":["entities.PERSON"]}'


def test_the_application_can_not_alter_a_version(people):
    row = profile_create(by=people.governor, name="ours", rules=RULES)
    for forbidden in (
        lambda: RedactionProfile.objects.filter(pk=row.pk).update(body={}),
        lambda: RedactionProfile.objects.filter(pk=row.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            forbidden()


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"entities": {"EMAIL": {"threshold": 0.5}}}, "rules.entities"),
        ({"entities": {"PERSON": {"threshold": 2}}}, "rules.entities.PERSON.threshold"),
        ({}, "rules.entities"),
        ({"entities": {}, "name": "x"}, "rules"),
        ([], "rules"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(people, rules, field):
    with pytest.raises(Invalid) as refused:
        profile_create(by=people.steward, name="ours", rules=rules)
    assert list(refused.value.fields) == [field]


def test_names_are_taken_once_and_those_that_ship_for_good(people):
    profile_create(by=people.steward, name="ours", rules=RULES)
    for name in ("ours", "strict", "combined"):
        with pytest.raises(Conflict):
            profile_create(by=people.governor, name=name, rules=RULES)
    with pytest.raises(NotAllowed):
        profile_change(by=people.governor, name="open", rules=RULES)
    with pytest.raises(NotVisible):
        profile_change(by=people.governor, name="nobodys", rules=RULES)
    with pytest.raises(UnknownProfileError):
        profile_named("nobodys")


def test_who_makes_and_changes_profiles(people, django_assert_max_num_queries):
    for other in (people.searcher, people.curator, people.operator, people.outsider):
        with pytest.raises(NotAllowed):
            profile_create(by=other, name="theirs", rules=RULES)
    profile_create(by=people.steward, name="ours", rules=RULES)
    stranger = people.outsider
    stranger.may_create_collections = True
    stranger.save()
    collection_create(by=stranger, name="Another", redaction_profile="ours")
    with pytest.raises(NotAllowed):  # another's collection uses it
        profile_change(by=people.steward, name="ours", rules=rules_to(OPEN))
    assert profile_change(by=people.governor, name="ours", rules=rules_to(OPEN)).version == 2
    with pytest.raises(NotAllowed):
        profile_list(user=people.searcher)
    assert len(profile_list(user=people.operator)) == 4


def test_words_of_the_lists_are_for_those_whom_they_concern(people):
    def words(user):
        view = next(v for v in profile_list(user=user) if v.profile.name == "ours")
        return view.rules["deny"]

    profile_create(by=people.governor, name="ours", rules=RULES)
    assert words(people.governor) == ["Blue Heron"]
    assert words(people.steward) == words(people.operator) == []
    collection = collection_create(by=people.steward, name="B", redaction_profile="ours")
    assert words(people.steward) == ["Blue Heron"]
    with scope.system():
        assert profile_of(collection).ref == "ours@1"
    assert ("policy:profile:assign", "ours@1") in [(e[0], e[1].get("profile")) for e in events()]


def test_a_hash_key_is_the_collections_and_only_where_something_is_hashed(people):
    hashing = profile_create(
        by=people.steward,
        name="ours",
        rules={"entities": {"PERSON": {"threshold": 0.5, "operator": "hash"}}},
    )
    profile = profile_at(hashing.ref)
    one = hash_key(collection_id=people.collection.pk, profile=profile)
    other = collection_create(by=people.steward, name="B")
    assert len(one) == 32
    assert one != hash_key(collection_id=other.pk, profile=profile)
    assert hash_key(collection_id=other.pk, profile=STANDARD) == b""


def test_the_command_takes_profiles_by_name_or_from_a_file(people, tmp_path):
    profile_create(by=people.steward, name="ours", rules=RULES)
    assert command_profile("open") is OPEN
    assert command_profile("ours").ref == "ours@1"
    file = tmp_path / "rules.json"
    file.write_text('{"entities": {"PERSON": {"threshold": 0.5}}}')
    assert command_profile(str(file)).ref == "file@1"
    for content in ('{"entities": {"PERSON": {}}}', "[]", "{"):
        file.write_text(content)
        with pytest.raises(CommandError):
            command_profile(str(file))
    with pytest.raises(CommandError):
        command_profile("nobodys")


def test_a_query_over_several_collections_loses_what_any_of_them_takes_out(people):
    profile_create(by=people.steward, name="ours", rules=RULES)
    wide = collection_create(by=people.steward, name="B", redaction_profile="open")
    own = collection_create(by=people.steward, name="C", redaction_profile="ours")

    def searched_by(*collections, reader=people.steward):
        reachable, _ = reach.reachable_read(user=reader, asset_id=None)
        parts = reach._named(reachable, tuple(one.pk for one in collections) or None)
        return reach._rules(reachable, parts, "text").profile

    assert searched_by(wide) == OPEN
    assert searched_by(own).ref == "ours@1"
    both = searched_by(wide, own)
    assert both.name == "combined"
    assert {"PERSON", "CREDIT_CARD"} <= set(both.kinds)
    assert both.deny == ("Blue Heron",)
    assert searched_by(reader=make_user()) == STANDARD
