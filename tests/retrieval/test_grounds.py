"""What people have said, decided as a table, and held against a slow reading of the same rules."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.grounds import Person, Record, Verdict, asset_permits, person_permits
from retrieval.purposes import PurposeRule, rule_of, rule_problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO = UUID(int=1), UUID(int=2)
REQUIRED, FREE = PurposeRule(required=True), PurposeRule()
EXPLICIT = PurposeRule(required=True, explicit=True)


def record(**fields) -> Record:
    return Record(
        **{
            "series": ONE, "version": 1, "purposes": frozenset({"search"}),
            "legal_basis": "consent", "special_condition": "", "starts_at": NOW - DAY,
            "expires_at": None, "superseded_at": None, "over": False, "given": 1,
            "withdrawn": None, **fields,
        }
    )  # fmt: skip


def says(*records, rule=REQUIRED, own=None, **person) -> Verdict:
    someone = Person(records=records, **person)
    return person_permits(someone, purpose="search", rule=rule, own=own, now=NOW)


GIVEN = record()
WITHDRAWN = record(given=1, withdrawn=2)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (says(), "consent-missing"),
        (says(rule=FREE), ""),
        (says(GIVEN), ""),
        (says(record(purposes=frozenset({"training"}))), "consent-missing"),
        (says(record(legal_basis="contract")), ""),
        (says(record(starts_at=NOW + DAY)), "consent-missing"),
        (says(record(starts_at=NOW)), ""),
        (says(record(expires_at=NOW)), "consent-expired"),
        (says(record(expires_at=NOW), rule=FREE), ""),
        (says(record(expires_at=NOW + DAY)), ""),
        # Noticed to have expired: setting the clock back brings nothing back.
        (says(record(expires_at=NOW + DAY, over=True)), "consent-expired"),
        (says(WITHDRAWN), "consent-withdrawn"),
        (says(WITHDRAWN, rule=FREE), "consent-withdrawn"),
        (says(record(purposes=frozenset({"training"}), withdrawn=2), rule=FREE), ""),
        (says(WITHDRAWN, record(series=TWO, given=3)), ""),
        (says(WITHDRAWN, record(series=TWO, given=3), rule=FREE), ""),
        (says(WITHDRAWN, record(given=3, expires_at=NOW), rule=FREE), "consent-expired"),
        (says(WITHDRAWN, record(series=TWO, given=3, starts_at=NOW + DAY)), "consent-withdrawn"),
        # Given before the other was withdrawn: it says nothing about the withdrawal.
        (says(record(given=1, withdrawn=3), record(series=TWO, given=2)), "consent-withdrawn"),
        # Unless this very asset was taken in under it.
        (says(record(given=1, withdrawn=3), record(series=TWO, given=2), own=TWO), ""),
        (says(record(superseded_at=NOW)), "consent-expired"),
        (says(record(superseded_at=NOW), record(version=2, given=2)), ""),
        (says(GIVEN, restricted=True), "restricted"),
        (says(GIVEN, rule=FREE, objected=True), "objected"),
        (says(WITHDRAWN, objected=True, restricted=True), "restricted"),
        (says(GIVEN, gone=True, rule=FREE), "consent-withdrawn"),
        (says(GIVEN, rule=EXPLICIT), "special-category"),
        (says(record(special_condition="a"), rule=EXPLICIT), ""),
        (says(record(special_condition="b"), rule=EXPLICIT), "special-category"),
    ],
)  # fmt: skip
def test_what_one_person_says(verdict, reason):
    assert verdict.reason == reason


def test_one_who_forbids_is_enough_and_nobody_permits_nothing():
    yes, until = Verdict(grounds=("b@1",)), Verdict(grounds=("a@1",), until=NOW + DAY)
    assert asset_permits([yes, until], rule=REQUIRED) == Verdict("", ("a@1", "b@1"), NOW + DAY)
    assert asset_permits([yes, Verdict("objected"), Verdict("restricted")], rule=FREE).reason == (
        "restricted"
    )
    assert asset_permits([], rule=REQUIRED).reason == "consent-missing"
    assert asset_permits([], rule=FREE) == Verdict()


def test_one_record_after_the_other_permits_without_a_gap():
    first, then = (
        record(expires_at=NOW + DAY),
        record(starts_at=NOW + DAY, expires_at=NOW + 3 * DAY),
    )
    later = record(starts_at=NOW + 4 * DAY)
    assert says(first, then, later).until == NOW + 3 * DAY
    assert says(first, record(starts_at=NOW + DAY)).until is None
    assert says(first, record(starts_at=NOW + DAY, withdrawn=0)).reason == ""


days = st.integers(-3, 3).map(lambda n: NOW + n * DAY)
records = st.builds(
    record,
    series=st.sampled_from([ONE, TWO]),
    purposes=st.sampled_from([frozenset({"search"}), frozenset({"training"})]),
    starts_at=days, expires_at=st.none() | days, superseded_at=st.none() | days, over=st.booleans(),
    given=st.integers(0, 5), withdrawn=st.none() | st.integers(0, 5),
)  # fmt: skip


@given(st.lists(records, max_size=5), st.booleans())
def test_nothing_is_permitted_but_by_a_record_in_force_that_no_withdrawal_followed(rows, required):
    verdict = says(*rows, rule=PurposeRule(required=required))
    about = [one for one in rows if "search" in one.purposes]
    withdrawals = [one.withdrawn for one in about if one.withdrawn is not None]
    good = [
        one
        for one in about
        if one.withdrawn is None and not one.over and one.starts_at <= NOW
        and (one.expires_at is None or one.expires_at > NOW)
        and (one.superseded_at is None or one.superseded_at > NOW)
        and all(one.given > tick for tick in withdrawals)
    ]  # fmt: skip
    assert (verdict.reason == "") == (bool(good) or not (required or withdrawals))
    if verdict.until is not None:
        assert verdict.until > NOW


def test_rules_of_a_collection():
    explicit = {"consent": "required", "special_categories": True, "art9_condition": "a"}
    assert rule_of({"search": explicit}, "search") == EXPLICIT
    assert rule_of({"search": {"consent": "required"}}, "search") == REQUIRED
    assert rule_of({"search": explicit | {"art9_condition": "j"}}, "search") == REQUIRED
    assert rule_of({}, "search") == FREE
    assert rule_problem(explicit) == rule_problem({}) == ""
    assert "Art. 9(2)" in rule_problem({"special_categories": True})
    assert "required" in rule_problem(explicit | {"consent": "not_required"})
