from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from audit import retention
from audit.models import LedgerPending, RetentionPolicy
from audit.retention import (
    PolicyMissing,
    PolicyNameTaken,
    RetentionRuleError,
    Rule,
    after_days,
    policy_create,
    policy_update,
    query_period,
    raw_kept_until,
    rules_parse,
)

RAW = {"what": "raw", "after_days": 30}
RAW_AUDIO = {"what": "raw", "modality": "audio", "after_days": 7}
QUERY = {"what": "query", "after_days": 1}


def test_rules_are_read_as_meant():
    assert rules_parse([RAW, RAW_AUDIO, {**QUERY, "modality": ""}]) == [
        Rule("raw", 30),
        Rule("raw", 7, "audio"),
        Rule("query", 1),
    ]
    assert rules_parse([]) == []
    assert Rule("raw", 7, "audio").as_json() == RAW_AUDIO


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ("raw", "list"),
        ({"what": "raw"}, "list"),
        (None, "list"),
        (["raw"], "Rule 1"),
        ([{"what": "raw"}], "members"),
        ([{**RAW, "why": "x"}], "no others"),
        ([{**RAW, "what": "everything"}], "one of raw"),
        ([{**RAW, "modality": "smell"}], "one of text"),
        ([{**RAW, "after_days": -1}], "whole number"),
        ([{**RAW, "after_days": 36501}], "whole number"),
        ([{**RAW, "after_days": 1.5}], "whole number"),
        ([{**RAW, "after_days": "30"}], "whole number"),
        ([{**RAW, "after_days": True}], "whole number"),
        ([{**RAW, "after_days": None}], "whole number"),
        ([RAW, {**RAW, "after_days": 5}], "Rule 2: another rule"),
        ([RAW, {**RAW, "modality": ""}], "Rule 2: another rule"),
    ],
)
def test_rules_that_cannot_be_meant_so_are_refused_with_the_place(rules, complaint):
    with pytest.raises(RetentionRuleError) as refused:
        rules_parse(rules)
    assert refused.value.status == 400
    assert complaint in " ".join(refused.value.fields["rules"])


@pytest.mark.parametrize(
    ("rules", "modality", "days"),
    [
        ([RAW, RAW_AUDIO], "audio", 7),
        ([RAW, RAW_AUDIO], "image", 30),
        ([RAW, RAW_AUDIO], "", 7),
        ([RAW_AUDIO], "image", None),
        ([RAW_AUDIO], "", 7),
        ([QUERY], "image", None),
        ([], "", None),
        ([{**RAW, "after_days": 0}], "image", 0),
    ],
)
def test_the_rule_for_a_modality_goes_before_the_rule_for_all(rules, modality, days):
    assert after_days(rules, what="raw", modality=modality) == days


def test_originals_are_kept_until_a_steward_has_set_a_period():
    at = datetime(2026, 11, 21, tzinfo=UTC)
    policy = RetentionPolicy(name="p", rules=[RAW])
    assert raw_kept_until(policy=policy, modality="image", at=at) == at + timedelta(days=30)
    assert raw_kept_until(policy=None, modality="image", at=at) is None
    assert raw_kept_until(policy=RetentionPolicy(rules=[]), modality="image", at=at) is None


def test_the_strictest_collection_decides_how_long_a_query_is_kept():
    day = timedelta(days=1)

    def period(*policies):
        return query_period(policies, modality="text", default=day)

    assert period() == day
    assert period([RAW]) == day
    assert period([{"what": "query", "after_days": 3}]) == 3 * day
    assert period([{"what": "query", "after_days": 3}], [RAW]) == day
    assert (
        period([{"what": "query", "after_days": 3}], [{"what": "query", "after_days": 0}])
        == 0 * day
    )


@pytest.mark.django_db
def test_a_policy_is_made_and_changed_with_its_entries_and_followers(monkeypatch):
    told = []
    monkeypatch.setattr(retention, "_followers", [lambda *, policy_id: told.append(policy_id)])
    actor = uuid4()
    policy = policy_create(actor=actor, name="  thirty   days ", rules=[RAW])
    assert (policy.name, policy.rules, told) == ("thirty days", [RAW], [])
    policy_update(actor=actor, policy_id=policy.id, rules=[RAW_AUDIO])
    policy_update(actor=actor, policy_id=policy.id, name="a week")
    stored = RetentionPolicy.objects.get()
    assert (stored.name, stored.rules) == ("a week", [RAW_AUDIO])
    assert told == [policy.id, policy.id]
    events = LedgerPending.objects.order_by("id").values_list("event", "actor", "refs")
    assert list(events) == [
        (f"retention:policy:{verb}", actor, {"policy": str(policy.id)})
        for verb in ("create", "update", "update")
    ]


@pytest.mark.django_db
def test_a_follower_that_fails_undoes_the_change(monkeypatch):
    def fail(*, policy_id):
        raise RuntimeError

    policy = policy_create(actor=None, name="p", rules=[RAW])
    monkeypatch.setattr(retention, "_followers", [fail])
    with pytest.raises(RuntimeError):
        policy_update(actor=None, policy_id=policy.id, rules=[])
    assert RetentionPolicy.objects.get().rules == [RAW]
    assert LedgerPending.objects.count() == 1


@pytest.mark.django_db
def test_names_are_given_once_and_are_names():
    policy_create(actor=None, name="p", rules=[])
    with pytest.raises(PolicyNameTaken) as taken:
        policy_create(actor=None, name=" p ", rules=[])
    assert taken.value.status == 409
    for name in ("", "   ", "x" * 201):
        with pytest.raises(RetentionRuleError) as refused:
            policy_create(actor=None, name=name, rules=[])
        assert "name" in refused.value.fields
    with pytest.raises(PolicyMissing), transaction.atomic():
        policy_update(actor=None, policy_id=uuid4(), name="q")
    assert RetentionPolicy.objects.count() == 1
