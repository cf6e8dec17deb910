"""Deadlines: the statements against a plain reckoning, rule by rule and asset by asset."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.holds import Held, hold_place
from audit.pauses import pause_place
from audit.retention_rules import (
    ASSET_PARTS,
    PUT_ASIDE,
    STATES,
    RetentionRuleError,
    after_days,
    has_state_rule,
    periods_of,
    rules_parse,
)
from retrieval import scope
from retrieval.models import Asset
from retrieval.selectors.due import due_batch, due_counts, due_days, due_list
from retrieval.selectors.holds import held, not_held
from retrieval.subject_models import AssetSubject
from tests.factories import make_asset, make_collection, make_policy

MODALITIES = ("text", "image", "audio")
rule_sets = st.lists(
    st.builds(
        dict,
        what=st.sampled_from(["rendition", "vectors", "thumbnail"]),
        after_days=st.integers(0, 5),
        modality=st.sampled_from(["", *MODALITIES]),
        state=st.sampled_from(["", "searchable", "withheld"]),
    ),
    max_size=6,
    unique_by=lambda rule: (rule["what"], rule["modality"], rule["state"]),
)
things = st.lists(
    st.tuples(
        st.sampled_from(MODALITIES),
        st.sampled_from(["searchable", "withheld", "quarantined", "received", "purged"]),
        st.integers(0, 6),  # days since its receipt
        st.integers(0, 6),  # days since it came into its state
    ),
    min_size=1,
    max_size=8,
)


def reckoned(rules, what, asset, now):
    """When the part is due, by the meaning of the rules; None: never, or nothing is there."""
    there = {"rendition": ("searchable", "withheld", "quarantined"), "vectors": STATES[:2]}
    if asset.state not in there.get(what, there["rendition"]):
        return None
    days = after_days(rules, what=what, modality=asset.modality, state=asset.state)
    own = has_state_rule(rules, what=what, modality=asset.modality, state=asset.state)
    since = asset.state_changed_at if own and asset.state in PUT_ASIDE else asset.created_at
    return None if days is None else since + timedelta(days=days)


@pytest.mark.django_db
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=rule_sets, assets=things, what=st.sampled_from(["rendition", "vectors", "thumbnail"]))
def test_what_is_due_is_what_the_rules_mean(rules, assets, what):
    with transaction.atomic():  # each example alone
        check_due(rules, assets, what)
        transaction.set_rollback(True)


def check_due(rules, assets, what):
    now = timezone.now()
    parsed = [rule.as_json() for rule in rules_parse(rules)]
    collection = make_collection(retention_policy=make_policy(*parsed))
    made = [
        make_asset(
            collection,
            modality=modality,
            state=state,
            created_at=now - timedelta(days=age, minutes=1),
            state_changed_at=now - timedelta(days=since, minutes=1),
        )
        for modality, state, age, since in assets
    ]
    deadlines = {one.pk: reckoned(parsed, what, one, now) for one in made}
    due = {pk: at for pk, at in deadlines.items() if at is not None and at <= now}
    later = [at for at in deadlines.values() if at is not None and at > now]
    with scope.system():
        assert set(due_batch(what, until=now, now=now, limit=99)) == set(due)
        listed = due_list(what, until=now, now=now, limit=99)
        assert {row[0]: row[2] for row in listed} == due
        assert sum(one.free for one in due_counts(what, until=now, now=now)) == len(due)
        days = due_days(what, after=now, until=now + timedelta(days=30))
    found = {one.day: one.count for one in days}
    assert found == {
        day: sum(at.astimezone(UTC).date() == day for at in later)
        for day in {at.astimezone(UTC).date() for at in later}
    }


@given(rules=rule_sets)
def test_periods_say_for_each_modality_and_state_what_the_rules_say(rules):
    for what in ("rendition", "vectors"):
        periods = periods_of(rules, what=what)
        for modality in ("", *MODALITIES):
            for state in ("searchable", "withheld"):
                found = [
                    one for one in periods if modality in one.modalities and state in one.states
                ]
                days = after_days(rules, what=what, modality=modality, state=state)
                assert [one.days for one in found] == ([] if days is None else [days])


def test_a_day_is_24_hours_also_where_clocks_are_put_forward(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    rules = [{"what": "raw", "after_days": 2}]
    received = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the clocks go forward on the 29th
    from audit.models import RetentionPolicy
    from audit.retention import raw_kept_until

    due = raw_kept_until(policy=RetentionPolicy(rules=rules), modality="", at=received)
    assert due == datetime(2026, 3, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"what": "vectors", "state": "rejected", "after_days": 1}, "for vectors, state is one of"),
        ({"what": "query", "state": "searchable", "after_days": 1}, "leave state out"),
        ({"what": "raw", "state": "erased", "after_days": 1}, "state is one of"),
        ({"what": "transcript", "modality": "text", "after_days": 1}, "no transcript"),
        ({"what": "ledger", "modality": "text", "after_days": 99}, "leave modality out"),
        ({"what": "ledger", "after_days": 29}, "at least 30"),
    ],
)
def test_rules_without_a_meaning_are_refused(rule, complaint):
    with pytest.raises(RetentionRuleError) as refused:
        rules_parse([rule])
    assert complaint in refused.value.fields["rules"][0]


@pytest.mark.django_db
def test_zero_days_is_as_soon_as_it_rests_and_never_while_a_stage_works(governed, aged):
    collection = governed({"what": "rendition", "after_days": 0})
    resting = aged(collection, days=0)
    for state in ("received", "redacting", "verifying", "embedding", "rejected", "erased"):
        aged(collection, days=9, state=state)
    now = timezone.now()
    with scope.system():
        assert due_batch("rendition", until=now, now=now, limit=9) == [resting.pk]


@pytest.mark.django_db
def test_the_ways_of_asking_what_is_held_agree(governed, aged):
    """``held``, ``not_held`` and the statements' own condition, for each way a hold reaches."""
    from audit.searches import InfluenceData, record_search

    collection = governed({"what": "rendition", "after_days": 0})
    by_asset, by_subject, by_query, released, free = (aged(collection, days=1) for _ in range(5))
    elsewhere = governed({"what": "rendition", "after_days": 0})
    by_collection = aged(elsewhere, days=1)
    subject, search = uuid4(), uuid4()
    hit = InfluenceData(
        rank=1,
        asset_id=by_query.pk,
        collection_id=collection.pk,
        segment_id=1,
        confidence=1.0,
        verdict="match",
        signals=[],
        redactions=[],
    )
    with scope.system():
        record_search(
            user_id=uuid4(),
            user_label="x",
            query_modality="text",
            query=b"{}",
            query_redactions=[],
            collections=[collection.pk],
            modalities=["text"],
            models_used=[],
            parameters={},
            confident=True,
            influences=[hit],
            search_id=search,
        )
        AssetSubject.objects.create(asset=by_subject, subject=subject, via="console")
        holds = {
            by_asset.pk: hold_place(actor=None, on=Held(asset=by_asset.pk), reason="a"),
            by_subject.pk: hold_place(actor=None, on=Held(subject=subject), reason="a"),
            by_query.pk: hold_place(actor=None, on=Held(query=search), reason="a"),
            by_collection.pk: hold_place(actor=None, on=Held(collection=elsewhere.pk), reason="a"),
        }
        over = hold_place(actor=None, on=Held(asset=released.pk), reason="a")
        over.state = "released"
        over.save()
        every = [*holds, released.pk, free.pk]
        assert held(every) == {pk: (hold.id,) for pk, hold in holds.items()}
        assert held([]) == {}
        loose = Asset.objects.filter(not_held()).values_list("id", flat=True)
        assert set(loose) == {released.pk, free.pk}
        now = timezone.now()
        assert set(due_batch("rendition", until=now, now=now, limit=9)) == {released.pk, free.pk}
        listed = due_list("rendition", until=now, now=now, limit=9)
        assert {row[0]: row[3] for row in listed} == {pk: pk in holds for pk in every}


@pytest.mark.django_db
def test_a_pause_stops_its_collection_only(governed, aged):
    paused, other = (governed({"what": "rendition", "after_days": 1}) for _ in range(2))
    aged(paused, days=2)
    free = aged(other, days=2)
    now = timezone.now()
    with scope.system():
        pause_place(actor=None, reason="audit", until=now + timedelta(days=3), collection=paused.pk)
        assert due_batch("rendition", until=now, now=now, limit=9) == [free.pk]
        counts = {one.collection: one for one in due_counts("rendition", until=now, now=now)}
        later = now + timedelta(days=4)  # the pause is over by itself
        assert len(due_batch("rendition", until=later, now=later, limit=9)) == 2
    assert (counts[paused.pk].paused, counts[paused.pk].free) == (1, 0)
    assert counts[other.pk].free == 1


def test_every_part_has_its_statement():
    assert set(ASSET_PARTS) == {"raw", "rendition", "vectors", "transcript", "thumbnail"}
