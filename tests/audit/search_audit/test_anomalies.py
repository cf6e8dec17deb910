"""The arithmetic of anomalies, as tables."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from audit.search_audit.anomalies import (
    Asked,
    SlotCount,
    UsualHours,
    bulk_probing,
    near_duplicates,
    off_hours,
)

ANN, BOB = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


def slots(actor, *counts):
    return [SlotCount(actor, NOON + timedelta(minutes=10 * n), c) for n, c in enumerate(counts)]


@pytest.mark.parametrize(
    ("normal", "recent", "flagged"),
    [
        ([], [59], False),  # never below the fixed limit
        ([], [60], True),
        ([50, 60] * 15, [70], False),  # 55 and a deviation of 5: 75 is this person's limit
        ([50, 60] * 15, [76], True),
        ([5] * 30, [59], False),  # however unusual, few are not bulk
    ],
)
def test_bulk_is_measured_against_ones_own_normal(normal, recent, flagged):
    found = bulk_probing(normal=slots(ANN, *normal), recent=slots(ANN, *recent))
    assert bool(found) is flagged
    if found:
        assert (found[0].actor, found[0].evidence["searches"]) == (ANN, recent[-1])


def test_bulk_is_measured_against_everybodys_normal_too():
    busy = slots(BOB, *[200] * 60)
    assert bulk_probing(normal=busy, recent=slots(ANN, 190)) == []
    assert bulk_probing(normal=busy, recent=slots(ANN, 201))[0].evidence["everybodys_normal"] == 200


def asked(number, *, spread, actor=ANN, same=False):
    rng = np.random.default_rng(7)
    middle = np.eye(1, 64, dtype=np.float32)[0]
    for n in range(number):
        vector = middle + spread * rng.normal(size=64).astype(np.float32)
        digest = b"same" if same else str(n).encode()
        yield Asked(
            actor, NOON + timedelta(minutes=n), digest, {"m": vector / np.linalg.norm(vector)}
        )


@pytest.mark.parametrize(
    ("queries", "flagged"),
    [
        ([*asked(10, spread=0.01)], True),  # nearly the same, ten times
        ([*asked(9, spread=0.01)], False),
        ([*asked(40, spread=1.0)], False),  # forty different questions
        ([*asked(19, spread=0.01, same=True)], False),  # one query, loaded again now and then
        ([*asked(20, spread=0.01, same=True)], True),
        ([*asked(5, spread=0.01), *asked(5, spread=0.01, actor=BOB)], False),  # not one person
    ],
)
def test_near_duplicates(queries, flagged):
    assert bool(near_duplicates(queries)) is flagged


def test_without_vectors_only_equal_queries_are_told():
    bare = [Asked(one.actor, one.at, one.digest) for one in asked(30, spread=0.001)]
    assert near_duplicates(bare) == []
    equal = [Asked(ANN, NOON, b"same") for _ in range(20)]
    assert near_duplicates(equal)[0].evidence == {
        "same": 20,
        "nearly_the_same": 0,
        "searches": 20,
        "similarity": 0.97,
    }


VIENNA = ZoneInfo("Europe/Vienna")
DAY = UsualHours(time(7), time(19), frozenset(range(1, 6)), VIENNA)
NIGHT = UsualHours(time(22), time(6), frozenset(range(1, 6)), VIENNA)


@pytest.mark.parametrize(
    ("hours", "at", "usual"),
    [
        (DAY, datetime(2026, 3, 4, 6, tzinfo=UTC), True),  # seven in Vienna
        (DAY, datetime(2026, 3, 4, 5, 59, tzinfo=UTC), False),
        (DAY, datetime(2026, 7, 1, 5, tzinfo=UTC), True),  # summer time
        (DAY, datetime(2026, 3, 4, 18, tzinfo=UTC), False),
        (DAY, datetime(2026, 3, 7, 10, tzinfo=UTC), False),  # a Saturday
        (NIGHT, datetime(2026, 3, 7, 2, tzinfo=UTC), True),  # Friday's shift, on Saturday
        (NIGHT, datetime(2026, 3, 8, 2, tzinfo=UTC), False),  # Saturday has none
        (NIGHT, datetime(2026, 3, 4, 12, tzinfo=UTC), False),
    ],
)
def test_usual_hours(hours, at, usual):
    assert hours.contains(at) is usual


def test_off_hours_counts_a_day_once():
    late = datetime(2026, 3, 4, 20, tzinfo=UTC)
    found = off_hours([(ANN, late), (ANN, late + timedelta(hours=1)), (BOB, NOON)], hours=DAY)
    assert [(one.actor, one.evidence) for one in found] == [(ANN, {"views": 2})]
