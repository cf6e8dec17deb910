"""Everything that somebody could do to the ledger who became its owner, and how it is undone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]
_COLUMNS = {
    "at": "at + interval '1 microsecond'",
    "actor": "gen_random_uuid()",
    "event": "'auth:token:create'",
    "refs": 'refs || \'{"asset": "planted"}\'',
    "payload": "payload || ' '",
    "prev": "sha256(prev)",
    "hash": "sha256(hash)",
}
_TAIL = 5_000
_GONE = "DELETE FROM audit_ledgerentry WHERE seq"
_ALL = "seq, at, actor, event, refs, payload, prev, hash"


@dataclass(frozen=True)
class Planted:
    """One change: ``bad`` is the first number that is not what it was."""

    name: str
    bad: int
    do: Callable[[Connection], None]
    undo: Callable[[Connection], None] | None


def planted(last: int, seed: int) -> list[Planted]:
    """Each column of a row, and rows deleted, inserted, swapped; then the tail; then everything.

    ``last`` is the number of the last entry.
    """
    draw = random.Random(seed)  # noqa: S311 - places, the same in every run
    found = [_column(name, draw.randrange(2, last), how) for name, how in _COLUMNS.items()]
    found.append(_number(draw.randrange(2, last), last + 500))
    seq = draw.randrange(2, last)
    found.append(Planted("a row deleted", seq, *_remembering(seq, seq, f"{_GONE} = {seq}")))
    found.append(_swapped(draw.randrange(2, last - 1)))
    found.append(_inserted(last - draw.randrange(10, min(1000, last // 2)), last))
    seq = last - min(_TAIL, last // 4)
    found.append(Planted("the tail cut", seq, *_remembering(seq, last, f"{_GONE} >= {seq}")))
    found.append(Planted("the whole chain replaced", 1, _replace, None))
    return found


def restore(conn: Connection, one: Planted, last: int) -> None:
    """Undoes a change, and takes away what was chained onto it meanwhile."""
    conn.execute("DELETE FROM audit_ledgerpending")
    if one.undo is not None:
        one.undo(conn)
    conn.execute("DELETE FROM audit_ledgerentry WHERE seq > %s", [last])


@contextmanager
def opened(conn: Connection) -> Iterator[None]:
    """The ledger without its triggers, as its owner can have it."""
    conn.execute("SET ROLE vitrine_ledger")
    tables = [
        row[0]
        for row in conn.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'"
        )
    ]
    for table in tables:
        conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only".encode())
    try:
        yield
    finally:
        for table in tables:
            conn.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only".encode())
        conn.execute("RESET ROLE")


def _column(name: str, seq: int, how: str) -> Planted:
    change = f"UPDATE audit_ledgerentry SET {name} = {how} WHERE seq = {seq}"  # noqa: S608 - ours
    return Planted(f"column {name} changed", seq, *_remembering(seq, seq, change))


def _number(seq: int, other: int) -> Planted:
    change = f"UPDATE audit_ledgerentry SET seq = {other} WHERE seq = {seq}"  # noqa: S608 - ours
    return Planted("column seq changed", seq, *_remembering(seq, seq, change))


def _swapped(seq: int) -> Planted:
    def do(conn: Connection) -> None:
        first, second = conn.execute(_rows(seq, seq + 1)).fetchall()
        _put(conn, seq, seq + 1, [(seq, *second[1:]), (seq + 1, *first[1:])])

    return Planted("two rows swapped", seq, do, do)


def _inserted(seq: int, last: int) -> Planted:
    """The numbers of all that follow go up by one, as who inserts would have it."""
    rows: list[tuple[Any, ...]] = []

    def do(conn: Connection) -> None:
        rows[:] = conn.execute(_rows(seq, last)).fetchall()
        forged = (seq, *rows[0][1:3], "auth:token:create", *rows[0][4:])
        _put(conn, seq, last, [forged, *((row[0] + 1, *row[1:]) for row in rows)])

    def undo(conn: Connection) -> None:
        _put(conn, seq, last + 1, rows)

    return Planted("a row inserted", seq, do, undo)


def _remembering(
    first: int, last: int, change: str
) -> tuple[Callable[[Connection], None], Callable[[Connection], None]]:
    rows: list[tuple[Any, ...]] = []

    def do(conn: Connection) -> None:
        rows[:] = conn.execute(_rows(first, last)).fetchall()
        conn.execute(change.encode())

    def undo(conn: Connection) -> None:
        _put(conn, first, last, rows)

    return do, undo


def _rows(first: int, last: int) -> bytes:
    return (
        f"SELECT {_ALL} FROM audit_ledgerentry WHERE seq BETWEEN {first} AND {last} ORDER BY seq"  # noqa: S608 - ours
    ).encode()


def _put(conn: Connection, first: int, last: int, rows: list[tuple[Any, ...]]) -> None:
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute("DELETE FROM audit_ledgerentry WHERE seq BETWEEN %s AND %s", [first, last])
        with cursor.copy(f"COPY audit_ledgerentry ({_ALL}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row((*row[:4], Jsonb(row[4]), *row[5:]))


def _replace(conn: Connection) -> None:
    """Another first entry, and every hash after it worked out anew: a chain sound in itself."""
    conn.execute("UPDATE audit_ledgerentry SET event = 'auth:token:create' WHERE seq = 1")
    conn.execute("""
        DO $$
        DECLARE
            one record;
            head bytea := decode(repeat('00', 32), 'hex');
        BEGIN
            FOR one IN SELECT * FROM audit_ledgerentry ORDER BY seq LOOP
                UPDATE audit_ledgerentry SET prev = head, hash = sha256(convert_to(audit_canonical(
                    one.seq, one.at, one.actor, one.event, one.refs, one.payload, head), 'UTF8'))
                WHERE seq = one.seq RETURNING hash INTO head;
            END LOOP;
        END $$
    """)
