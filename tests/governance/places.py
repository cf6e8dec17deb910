"""What of each asset lies where, read from the stores themselves and past every service."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from retrieval import media, scope
from retrieval.models import Asset


@dataclass(frozen=True)
class Lies:
    """One asset's row, and how much of it is in each store."""

    state: str
    reason: str
    raw_state: str
    segments: int
    vectors: int
    words: int
    blobs: frozenset[str]


def everywhere(table: str) -> dict[UUID, Lies]:
    """Every asset there is a row of."""
    with scope.system():
        rows = list(Asset.objects.values_list("id", "state", "reason", "raw_state"))
        segments = _counted("SELECT asset_id, count(*) FROM retrieval_segment GROUP BY 1")
        words = _counted("SELECT asset_id, count(*) FROM retrieval_lexical GROUP BY 1")
        vectors = _counted(
            f"SELECT s.asset_id, count(*) FROM {table} v "  # noqa: S608 - a table of the tests'
            "JOIN retrieval_segment s ON s.id = v.segment_id GROUP BY 1"
        )
    return {
        pk: Lies(
            state,
            reason,
            raw_state,
            segments.get(pk, 0),
            vectors.get(pk, 0),
            words.get(pk, 0),
            frozenset(kind.value for kind in media.Blob if media.has_blob(kind, pk)),
        )
        for pk, state, reason, raw_state in rows
    }


def vectors_of_nothing(table: str) -> int:
    """How many vectors belong to no segment."""
    with scope.system():
        [(count,)] = _rows(
            f"SELECT count(*) FROM {table} v WHERE NOT EXISTS "  # noqa: S608 - as above
            "(SELECT FROM retrieval_segment s WHERE s.id = v.segment_id)"
        )
    return int(count)


def key_lives(asset_id: UUID) -> bool:
    for name in (str(asset_id), f"{asset_id}.raw"):
        try:
            default_keystore().get("asset", name)
        except (KeyDestroyed, KeyMissing):
            continue
        return True
    return False


def _counted(query: str) -> dict[UUID, int]:
    return dict(_rows(query))


def _rows(query: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


# What moves with the clock: every moment that anything is decided by.
_MOMENTS = """
SELECT c.relname, array_agg(a.attname::text)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.atttypid = 'timestamptz'::regtype AND a.attnum > 0 AND NOT a.attisdropped
  AND (c.relname LIKE 'audit\\_%' OR c.relname LIKE 'retrieval\\_%')
  AND c.relname NOT IN ('audit_clockmark', 'retrieval_stamp')
  AND has_table_privilege(c.oid, 'UPDATE')
GROUP BY 1 ORDER BY 1
"""


def moments() -> list[tuple[str, list[str]]]:
    """Tables with their columns that hold moments."""
    return [(table, list(columns)) for table, columns in _rows(_MOMENTS)]


def time_passes(columns: list[tuple[str, list[str]]], days: float) -> None:
    """So many days later (or earlier): everything that was said lies that much further back."""
    with scope.system(), connection.cursor() as cursor:
        for table, names in columns:
            sets = ", ".join(f"{n} = {n} - make_interval(secs => %(s)s)" for n in names)
            cursor.execute(f"UPDATE {table} SET {sets}", {"s": days * 86400})  # noqa: S608 - catalogue names
