"""The last look: which of the segments that were found may be shown now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Model
from psycopg import sql

from accounts.models import User
from audit.wire import executed
from retrieval import access
from retrieval.access import Permission
from retrieval.models import Asset, Segment
from retrieval.states import State

# Of somebody with many collections a few rows are decided on one by one (migration 0017). What
# says so comes first in the nested loop; were it said too late, it would only be slower.
_SHOWN = sql.SQL("""
SELECT {columns}
FROM (SELECT set_config('vitrine.few', %s, true) AS few OFFSET 0) told
JOIN retrieval_segment segment ON told.few <> ''
JOIN retrieval_asset asset ON asset.id = segment.asset_id
WHERE segment.id = ANY(%b) AND asset.state = %s
  AND (asset.permitted_until IS NULL OR asset.permitted_until > clock_timestamp())
  AND {segment_granted} AND {asset_granted}
""")
_MANY_COLLECTIONS = 500


class Shown(Mapping[int, Segment]):
    """Segments by id, each with its asset; made of their rows when they are first asked for."""

    def __init__(self, rows: Mapping[int, Sequence[Any]]) -> None:
        """From rows in the order of both tables' columns."""
        self._rows = rows
        self._made: dict[int, Segment] = {}

    def __getitem__(self, segment_id: int) -> Segment:
        """The segment."""
        if segment_id not in self._made:
            row, split = self._rows[segment_id], len(_columns(Segment))
            segment = Segment.from_db(None, _columns(Segment), row[:split])
            segment.asset = Asset.from_db(None, _columns(Asset), row[split:])
            self._made[segment_id] = segment
        return self._made[segment_id]

    def __contains__(self, segment_id: object) -> bool:
        """Whether it may be shown; makes nothing."""
        return segment_id in self._rows

    def __iter__(self) -> Iterator[int]:
        """Ids."""
        return iter(self._rows)

    def __len__(self) -> int:
        """How many."""
        return len(self._rows)


def segments_shown(
    *, user: User, segment_ids: Iterable[int], collections: Collection[UUID] | None = None
) -> Shown:
    """Segments that ``user`` may be shown now, with their assets. One statement, nothing cached.

    Only of ``collections``, where they are given. Call inside ``scope.user``.
    """
    wanted = list(segment_ids)
    if not wanted:
        return Shown({})
    granted = access.granted_values(user=user, permission=Permission.READ)
    few = "on" if collections is not None and len(collections) > _MANY_COLLECTIONS else "off"
    with executed(
        _statement(), [few, wanted, State.SEARCHABLE.value, *granted, *granted]
    ) as cursor:
        rows = cursor.fetchall()
    key, whose = _columns(Segment).index("id"), _columns(Segment).index("collection_id")
    return Shown(
        {row[key]: row for row in rows if collections is None or row[whose] in collections}
    )


@lru_cache(maxsize=1)
def _statement() -> bytes:
    columns = [
        sql.Identifier(table, name)
        for table, model in (("segment", Segment), ("asset", Asset))
        for name in _columns(model)
    ]
    return _SHOWN.format(
        columns=sql.SQL(", ").join(columns),
        segment_granted=access.granted_sql("segment.collection_id"),
        asset_granted=access.granted_sql("asset.collection_id"),
    ).as_bytes()


@lru_cache(maxsize=2)
def _columns(model: type[Model]) -> tuple[str, ...]:
    """Columns, which with these two tables are the fields' names with ``_id`` for a key."""
    return tuple(one.attname for one in model._meta.concrete_fields)  # noqa: SLF001  (documented)
