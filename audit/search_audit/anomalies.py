"""What is unusual in how somebody searches. Arithmetic alone: no database, no text, no names.

The limits are our choice, made so that ordinary work stays below them; none was fitted to people.
A flag is a reason to look, never a finding about a person.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

import numpy as np
import numpy.typing as npt

SLOT: Final = timedelta(minutes=10)
BULK_LEAST: Final = 60  # searches in a slot, one every ten seconds; fewer are never bulk
OWN_SLOTS: Final = 20  # a person's own normal is known from so many slots on
OWN_DEVIATIONS: Final = 4.0
ALL_SLOTS: Final = 50  # and the organisation's from so many
ALL_QUANTILE: Final = 0.99
TOGETHER: Final = timedelta(hours=1)
SAME_LEAST: Final = 20  # the very same query within an hour
NEAR_LEAST: Final = 10  # different queries around one, within an hour
NEAR_SIMILARITY: Final = 0.97  # cosine in one model's space

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """Something unusual: ``evidence`` has counts and the limits they passed."""

    kind: str
    actor: UUID
    since: datetime
    until: datetime
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SlotCount:
    """How many searches one person made in the ten minutes from ``start``; never 0."""

    actor: UUID
    start: datetime
    searches: int


@dataclass(frozen=True)
class Asked:
    """One search: the query's HMAC, 32 bytes, and its vectors while they are kept.

    Vectors are float32 ``(d,)`` of length 1, by model.
    """

    actor: UUID
    at: datetime
    digest: bytes
    vectors: Mapping[str, Vector] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class UsualHours:
    """When work is done: from ``opens`` to before ``closes`` on ``weekdays`` (1 is Monday)."""

    opens: time
    closes: time
    weekdays: frozenset[int]
    zone: tzinfo

    def contains(self, at: datetime) -> bool:
        """Whether ``at`` is within them. Hours that close before they open run over midnight."""
        local = at.astimezone(self.zone)
        now, day = local.time(), local.isoweekday()
        if self.opens <= self.closes:
            return day in self.weekdays and self.opens <= now < self.closes
        if now >= self.opens:
            return day in self.weekdays
        before = (local - timedelta(days=1)).isoweekday()
        return before in self.weekdays and now < self.closes


def bulk_probing(*, normal: Iterable[SlotCount], recent: Iterable[SlotCount]) -> list[Found]:
    """Slots of ``recent`` with far more searches than the person's and everybody's normal.

    ``normal`` is what came before. Where little is known yet only the fixed limit counts.
    """
    own: dict[UUID, list[int]] = defaultdict(list)
    for slot in normal:
        own[slot.actor].append(slot.searches)
    everybody = _quantile([count for counts in own.values() for count in counts])
    found = []
    for slot in recent:
        mine = _own_limit(own.get(slot.actor, []))
        limit = max(BULK_LEAST - 1, mine or 0, everybody or 0)
        if slot.searches > limit:
            evidence = {
                "searches": slot.searches,
                "limit": limit,
                "own_normal": mine,
                "everybodys_normal": everybody,
            }
            until = slot.start + SLOT
            found.append(Found("bulk-probing", slot.actor, slot.start, until, evidence))
    return found


def near_duplicates(asked: Sequence[Asked]) -> list[Found]:
    """People who within an hour asked the same, or nearly the same, again and again.

    The same by HMAC; nearly the same by cosine similarity, where the vectors are still kept.
    """
    by_hour: dict[tuple[UUID, datetime], list[Asked]] = defaultdict(list)
    for one in asked:
        by_hour[one.actor, floored(one.at, TOGETHER)].append(one)
    found = []
    for (actor, hour), together in sorted(by_hour.items(), key=lambda item: item[0][1]):
        same = max(Counter(one.digest for one in together).values())
        near = _most_around_one(together)
        if same >= SAME_LEAST or near >= NEAR_LEAST:
            evidence = {
                "same": same,
                "nearly_the_same": near,
                "searches": len(together),
                "similarity": NEAR_SIMILARITY,
            }
            found.append(Found("near-duplicates", actor, hour, hour + TOGETHER, evidence))
    return found


def off_hours(views: Iterable[tuple[UUID, datetime]], *, hours: UsualHours) -> list[Found]:
    """People who looked at originals outside ``hours``: one for each person and local day."""
    days: dict[tuple[UUID, datetime], list[datetime]] = defaultdict(list)
    for actor, at in views:
        if not hours.contains(at):
            local = at.astimezone(hours.zone)
            days[actor, local.replace(hour=0, minute=0, second=0, microsecond=0)].append(at)
    return [
        Found("off-hours-raw", actor, day, max(times), {"views": len(times)})
        for (actor, day), times in sorted(days.items(), key=lambda item: item[0][1])
    ]


def _own_limit(counts: list[int]) -> int | None:
    if len(counts) < OWN_SLOTS:
        return None
    values = np.asarray(counts, dtype=np.float64)
    return math.ceil(float(values.mean() + OWN_DEVIATIONS * values.std()))


def _quantile(counts: list[int]) -> int | None:
    if len(counts) < ALL_SLOTS:
        return None
    return math.ceil(float(np.quantile(counts, ALL_QUANTILE)))


def _most_around_one(together: Sequence[Asked]) -> int:
    """Of how many different queries the most lie close around one of them, itself included."""
    best = 0
    models = {model for one in together for model in one.vectors}
    for model in sorted(models):
        unlike = {one.digest: one.vectors[model] for one in together if model in one.vectors}
        matrix = np.stack(list(unlike.values()))
        around = (matrix @ matrix.T >= NEAR_SIMILARITY).sum(axis=1)
        best = max(best, int(around.max()))
    return best if best > 1 else 0


def floored(at: datetime, step: timedelta) -> datetime:
    """The latest multiple of ``step`` since the epoch that is not after ``at``."""
    seconds = step.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, tz=at.tzinfo)
