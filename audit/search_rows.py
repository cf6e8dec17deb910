"""A search's record, its hits, the collections and the ledger entry, written by one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Field, JSONField
from psycopg import sql
from psycopg.types.json import Jsonb

from audit import ledger
from audit.ids import Ids
from audit.models import Influence, SearchRecord
from audit.wire import executed

# ``known``: whether the set of collections that the record names was there before or is made here.
_WRITE = sql.SQL("""
WITH many AS (
    INSERT INTO audit_collectionset (digest, collections)
    SELECT %s::varchar, %b::uuid[] WHERE %b
    ON CONFLICT DO NOTHING
), made AS (
    INSERT INTO audit_searchrecord ({columns}) VALUES ({values})
), hits AS (
    INSERT INTO audit_influence (record_id, {hit_columns})
    SELECT %s::uuid, {hit_columns} FROM jsonb_to_recordset(%b) AS hit ({hit_types})
)
SELECT audit_record(%s::uuid, %s::text, %s::jsonb, %s::text),
       %b OR EXISTS (SELECT FROM audit_collectionset WHERE digest = %s::varchar)
""")
_ADD_SET = sql.SQL(
    "INSERT INTO audit_collectionset (digest, collections) VALUES (%s::varchar, %b::uuid[])"
    " ON CONFLICT DO NOTHING"
)
_SETS_REMEMBERED = 4096
# Sets that this process has seen committed; nothing ever deletes one.
_written: Final[set[str]] = set()


@dataclass(frozen=True)
class InfluenceData:
    """Why one hit came up. ``confidence`` is 0 to 1, higher is better; ``rank`` begins at 1.

    Every field is a column of ``Influence`` of the same name.
    """

    rank: int
    asset_id: UUID
    collection_id: UUID
    segment_id: int
    confidence: float
    verdict: str
    signals: list[dict[str, Any]] = field(default_factory=list)
    redactions: list[str] = field(default_factory=list)
    consent: str = "not required"
    versions: dict[str, Any] = field(default_factory=dict)


def search_write(
    *,
    record: SearchRecord,
    influences: Sequence[InfluenceData],
    many: Ids | None,
    event: str,
    refs: Mapping[str, ledger.Ref | Iterable[ledger.Ref]],
    payload: Mapping[str, Any],
) -> None:
    """Writes all of it in the caller's transaction.

    ``many`` is given where the record names its collections as a set. They travel only the first
    time that this process writes them; a set that has vanished meanwhile is written again, by a
    second statement.

    Raises:
        django.db.IntegrityError: the event's name or a ref is malformed.
    """
    name = record.collection_set_id or ""
    sent = many is not None and name not in _written
    columns = SearchRecord._meta.concrete_fields  # noqa: SLF001  (Django's documented Model._meta)
    values = [
        *(name, many if sent else Ids(), sent),
        *(_value(one, record) for one in columns),
        *(record.pk, Jsonb([_plain(vars(one)) for one in influences])),
        *(record.actor, event, ledger.refs_json(refs), ledger.payload_text(payload)),
        *(sent or many is None, name),
    ]
    with executed(_statement(), values) as cursor:
        row = cursor.fetchone()
    if many is not None and row is not None and not row[1]:
        with executed(_ADD_SET, [name, many]):
            pass
    if many is not None:
        transaction.on_commit(partial(_remember, name))
    record._state.adding = False  # noqa: SLF001  (what save() would have done)


@lru_cache(maxsize=1)
def _statement() -> bytes:
    columns = SearchRecord._meta.concrete_fields  # noqa: SLF001  (as above)
    named = {one.name: one for one in Influence._meta.concrete_fields}  # noqa: SLF001  (as above)
    hits = [named[one.name] for one in fields(InfluenceData)]
    values = [sql.SQL(f"%s::{one.db_type(connection)}") for one in columns]
    types = [sql.SQL("{} " + str(one.db_type(connection))).format(_column(one)) for one in hits]
    return _WRITE.format(
        columns=sql.SQL(", ").join([_column(one) for one in columns]),
        values=sql.SQL(", ").join(values),
        hit_columns=sql.SQL(", ").join([_column(one) for one in hits]),
        hit_types=sql.SQL(", ").join(types),
    ).as_bytes()


def _column(one: Field[Any, Any]) -> sql.Identifier:
    return sql.Identifier(str(one.column))


def _value(column: Field[Any, Any], record: SearchRecord) -> Any:
    value = getattr(record, column.attname)
    return Jsonb(value) if isinstance(column, JSONField) else value


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(one) if isinstance(one, UUID) else one for name, one in values.items()}


def _remember(name: str) -> None:
    if len(_written) >= _SETS_REMEMBERED:
        _written.clear()
    _written.add(name)
