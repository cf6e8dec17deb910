"""What of which assets is due by the rules of retention: ids, counts and days, by one statement.

Deadlines of originals are written on the assets (``raw_kept_until``); those of the other parts are
computed from the policies' rules as they are, so that a changed policy counts at once. Nothing
loops over rows: the statements go by collection through partial indexes on age, over what is still
there. Inside ``scope.system``; whoever shows any of it to a person limits ``collections`` first.
"""

# ruff: noqa: S608 - statements are put together from constants; every value is a parameter
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from psycopg.types.json import Jsonb

from audit.models import RetentionPolicy
from audit.retention_rules import ASSET_PARTS, MODALITIES, Period, periods_of
from retrieval.selectors.holds import HELD_SQL
from retrieval.states import IN_PROGRESS, State

_LIVING = "a.state IN ('searchable', 'withheld', 'quarantined')"
_UNDECIDED = ", ".join(f"'{state}'" for state in sorted({*IN_PROGRESS, State.ERASED}))

# What says that the part is still there; as in the indexes' conditions, word for word.
_STILL_THERE = {
    "rendition": _LIVING,
    "vectors": "a.vectors_kept AND a.state IN ('searchable', 'withheld')",
    "transcript": f"a.transcript_kept AND {_LIVING} AND NOT a.modality = 'text'",
    "thumbnail": f"a.thumbnail_kept AND {_LIVING}",
}
# An asset without such words has nothing to lose; it is passed over where things are counted.
_HAS_WORDS = (
    "EXISTS (SELECT FROM retrieval_segment s WHERE s.asset_id = a.id AND s.modality = 'text')"
)

_PERIODS = """periods AS (
    SELECT c.id AS collection, p.modalities, p.states, p.since_state,
           p.days * interval '24 hours' AS kept
    FROM jsonb_to_recordset(%(periods)s::jsonb)
         AS p(policy uuid, modalities text[], states text[], days int, since_state boolean)
    JOIN retrieval_collection c ON CASE WHEN %(of_collection)s THEN c.id
                                        ELSE c.retention_policy_id END = p.policy
    WHERE %(collections)s::uuid[] IS NULL OR c.id = ANY(%(collections)s::uuid[])
)"""

# A look into the index for each collection and period. Without the fence (OFFSET 0) the planner
# reads all assets and joins them: 200,000 took a second where nothing was due.
_BY_PERIOD = """
    SELECT one.* FROM (SELECT * FROM periods WHERE {which}) p CROSS JOIN LATERAL (
        SELECT a.id, a.collection_id, a.{since} + p.kept AS deadline, {held} AS held
        FROM retrieval_asset a
        WHERE a.collection_id = p.collection AND {there}
          AND a.modality = ANY(p.modalities) AND a.state = ANY(p.states)
          AND a.{since} <= %(until)s::timestamptz - p.kept
          AND (%(after)s::timestamptz IS NULL OR a.{since} > %(after)s::timestamptz - p.kept)
          AND {among}
        OFFSET 0
    ) one
"""
_BY_DEADLINE = """
    SELECT a.id, a.collection_id, a.raw_kept_until AS deadline, {held} AS held
    FROM retrieval_asset a
    WHERE a.raw_state = 'kept' AND a.raw_kept_until <= %(until)s::timestamptz
      AND (%(after)s::timestamptz IS NULL OR a.raw_kept_until > %(after)s::timestamptz)
      AND a.state NOT IN ({undecided}) AND {among}
"""
_PAUSED = """(
    SELECT collection FROM audit_retentionpause
    WHERE collection IS NOT NULL AND ended_at IS NULL AND until > %(now)s::timestamptz
)"""


@dataclass(frozen=True)
class Due:
    """How much of one part is due in one collection; ``held`` and ``paused`` will be left.

    What is both held and paused counts as held.
    """

    what: str
    collection: UUID
    free: int
    held: int
    paused: int

    @property
    def total(self) -> int:
        """All that is due."""
        return self.free + self.held + self.paused


@dataclass(frozen=True)
class DueOnDay:
    """How much of one part falls due on one day (UTC) in one collection; ``held`` of it is held."""

    day: date
    what: str
    collection: UUID | None
    count: int
    held: int


def periods_json(
    what: str, *, rules: Mapping[UUID, Sequence[Mapping[str, Any]]] | None = None
) -> list[dict[str, Any]]:
    """The periods of a part by policy, as the statements take them.

    ``rules`` stands for the stored rules of the policies it names, and leaves out all others.
    """
    found: Iterable[tuple[UUID, Any]]
    if rules is None:
        found = RetentionPolicy.objects.order_by().values_list("id", "rules")
    else:
        found = rules.items()
    return [
        {
            "policy": str(policy),
            "modalities": one.modalities,
            "states": one.states,
            "days": one.days,
            "since_state": one.since_state,
        }
        for policy, own in found
        for one in _periods([dict(rule) for rule in own], what)
    ]


def _periods(rules: list[dict[str, Any]], what: str) -> list[Period]:
    """With the one of quarantined originals, which holds where no rule is for that state."""
    found = periods_of(rules, what=what)
    named = any(r["what"] == "raw" and r.get("state") == State.QUARANTINED for r in rules)
    if what == "raw" and not named:
        days = settings.VITRINE_QUARANTINE_RAW_DAYS
        found.append(Period(("", *MODALITIES), (State.QUARANTINED,), days, since_state=True))
    return found


def due_batch(
    what: str, *, until: datetime, now: datetime, limit: int, without: Sequence[UUID] = ()
) -> list[UUID]:
    """At most ``limit`` assets whose part is due and neither held nor paused; in no order.

    ``without`` are left out: what another transaction holds, or could not be destroyed.
    """
    statement = (
        _with(what, _among_free(), held="FALSE")
        + " SELECT DISTINCT id FROM (SELECT id FROM found LIMIT %(limit)s) first"
    )
    rows = _rows(what, statement, until=until, now=now, limit=limit, without=list(without))
    return [row[0] for row in rows]


def due_among(
    what: str, *, assets: Mapping[UUID, UUID], until: datetime, now: datetime
) -> set[UUID]:
    """Those of ``assets`` that are due, and neither held nor paused: to look again once locked.

    ``assets`` leads from each to its collection.
    """
    among = f"a.id = ANY(%(ids)s::uuid[]) AND {_among_free()}"
    statement = _with(what, among, held="FALSE") + " SELECT id FROM found"
    rows = _rows(
        what,
        statement,
        until=until,
        now=now,
        collections=sorted(set(assets.values())),
        ids=list(assets),
        without=[],
    )
    return {row[0] for row in rows}


def due_counts(
    what: str,
    *,
    until: datetime,
    now: datetime,
    collections: Sequence[UUID] | None = None,
    rules: Mapping[UUID, Sequence[Mapping[str, Any]]] | None = None,
    of_collection: bool = False,
) -> list[Due]:
    """What is due by ``until``, by collection; ``rules`` as for ``periods_json``.

    ``of_collection``: they are named by collections, not by policies.
    """
    statement = (
        _with(what, _among_counted(what), by_rules=rules is not None)
        + f""" SELECT collection_id,
            count(*) FILTER (WHERE NOT held AND NOT paused),
            count(*) FILTER (WHERE held), count(*) FILTER (WHERE paused AND NOT held)
        FROM (SELECT DISTINCT id, collection_id, held,
                     collection_id IN {_PAUSED} AS paused FROM found) all_of_it
        GROUP BY collection_id ORDER BY collection_id"""
    )
    rows = _rows(
        what,
        statement,
        until=until,
        now=now,
        rules=rules,
        of_collection=of_collection,
        collections=collections,
    )
    return [Due(what, *row) for row in rows]


def due_days(
    what: str, *, after: datetime, until: datetime, collections: Sequence[UUID] | None = None
) -> list[DueOnDay]:
    """What falls due after ``after`` and by ``until``, by day and collection; soonest first."""
    statement = (
        _with(what, _among_counted(what))
        + """ SELECT (deadline AT TIME ZONE 'UTC')::date AS day, collection_id,
            count(*), count(*) FILTER (WHERE held)
        FROM (SELECT id, collection_id, held, min(deadline) AS deadline FROM found
              GROUP BY id, collection_id, held) once
        GROUP BY 1, 2 ORDER BY 1, 2"""
    )
    rows = _rows(what, statement, until=until, now=after, after=after, collections=collections)
    return [DueOnDay(day, what, collection, n, held) for day, collection, n, held in rows]


def due_list(
    what: str,
    *,
    until: datetime,
    now: datetime,
    collections: Sequence[UUID] | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[tuple[UUID, UUID, datetime, bool, bool]]:
    """Assets whose part is due: id, collection, deadline, held, paused; by id, beyond ``after``."""
    statement = (
        _with(what, _among_counted(what))
        + f""" SELECT id, collection_id, min(deadline), held, collection_id IN {_PAUSED}
        FROM found WHERE %(from_id)s::uuid IS NULL OR id > %(from_id)s::uuid
        GROUP BY id, collection_id, held ORDER BY id LIMIT %(limit)s"""
    )
    return list(
        _rows(
            what,
            statement,
            until=until,
            now=now,
            collections=collections,
            from_id=after,
            limit=limit,
        )
    )


def _with(what: str, among: str, *, held: str = HELD_SQL, by_rules: bool = False) -> str:
    """``WITH found``: one row for each rule by which an asset's part is due."""
    if what == "raw" and not by_rules:
        found = _BY_DEADLINE.format(held=held, undecided=_UNDECIDED, among=among)
        return f"WITH found AS ({found})"
    if what == "raw":
        there = f"a.raw_state = 'kept' AND a.state NOT IN ({_UNDECIDED})"
        aside = there
    else:
        there = _STILL_THERE[what]
        aside = there
    aside += " AND a.state IN ('withheld', 'quarantined', 'rejected')"
    received = _BY_PERIOD.format(
        since="created_at", which="NOT since_state", there=there, held=held, among=among
    )
    put_aside = _BY_PERIOD.format(
        since="state_changed_at", which="since_state", there=aside, held=held, among=among
    )
    return f"WITH {_PERIODS}, found AS ({received} UNION ALL {put_aside})"


def _among_free() -> str:
    mine = "NOT (a.id = ANY(%(without)s::uuid[]))"
    return f"a.collection_id NOT IN {_PAUSED} AND NOT {HELD_SQL} AND {mine}"


def _among_counted(what: str) -> str:
    mine = "(%(collections)s::uuid[] IS NULL OR a.collection_id = ANY(%(collections)s::uuid[]))"
    return f"{mine} AND {_HAS_WORDS}" if what == "transcript" else mine


def _rows(
    what: str,
    statement: str,
    *,
    until: datetime,
    now: datetime,
    after: datetime | None = None,
    rules: Mapping[UUID, Sequence[Mapping[str, Any]]] | None = None,
    of_collection: bool = False,
    collections: Sequence[UUID] | None = None,
    **values: Any,
) -> Iterator[tuple[Any, ...]]:
    if what not in ASSET_PARTS:
        raise ValueError(f"{what} is no part of an asset")
    periods = [] if what == "raw" and rules is None else periods_json(what, rules=rules)
    moments = {"until": until, "now": now, "after": after}
    given = {
        "periods": Jsonb(periods),
        "of_collection": of_collection,
        "collections": None if collections is None else list(collections),
        **moments,
        **values,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        yield from cursor.fetchall()
