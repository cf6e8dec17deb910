"""Checking that every entry of the ledger is what and where it was, against what others know."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from django.db import connection, transaction

from audit.chain import GENESIS, Backwards, Entry, Fault, Known, verify_chain
from audit.chaining import pending_count
from audit.errors import AuditError

_FETCH_ROWS = 2000
_parsed = json.JSONDecoder().decode
# The time comes as text, which is what is hashed; what no text can be made of, such as infinity, is
# a fault then and no crash. Refs come as text because psycopg's own reading of JSON costs more than
# all the rest of a verification.
_ENTRIES = """
SELECT seq, coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''),
       actor::text, event, refs::text, payload, prev, hash
FROM audit_ledgerentry WHERE seq > %s ORDER BY seq LIMIT %s
"""


class EntryMissing(AuditError):
    """No entry has this number."""

    status = 404


@dataclass(frozen=True)
class LedgerCheck:
    """What a verification found: ``entries`` hold, from after ``after_seq`` up to ``head_seq``."""

    entries: int
    after_seq: int
    head_seq: int
    head_hash: bytes
    latest_at: str | None  # canonical
    pending: int
    checkpoints: int
    complete: bool
    backwards: Backwards
    fault: Fault | None


def ledger_verify(
    *, known: Iterable[Known] = (), after_seq: int = 0, limit: int | None = None
) -> LedgerCheck:
    """Recomputes every hash of the ledger, or of ``limit`` entries after ``after_seq``; reads only.

    One query through a server-side cursor, so a single snapshot and little memory.

    Raises:
        EntryMissing: there is no entry ``after_seq`` to begin behind.
    """
    pending = pending_count()
    asked = [one for one in known if limit is None or one.size <= after_seq + limit]
    start = _hash_at(after_seq)
    with closing(entries_read(after_seq, limit)) as entries:  # its transaction ends with it
        found = verify_chain(entries, after_seq=after_seq, after_hash=start, known=asked)
    return LedgerCheck(
        entries=found.entries,
        after_seq=after_seq,
        head_seq=found.head_seq,
        head_hash=found.head_hash,
        latest_at=found.latest_at,
        pending=pending,
        checkpoints=len({one.size for one in asked}),
        complete=limit is None or found.entries < limit,
        backwards=found.backwards,
        fault=found.fault,
    )


def _hash_at(seq: int) -> bytes:
    if seq == 0:
        return GENESIS
    with connection.cursor() as cursor:
        cursor.execute("SELECT hash FROM audit_ledgerentry WHERE seq = %s", [seq])
        row = cursor.fetchone()
    if row is None:
        raise EntryMissing(f"There is no entry {seq} to begin behind.")
    return bytes(row[0])


def entries_read(after_seq: int, limit: int | None) -> Generator[Entry]:
    """The entries after ``after_seq`` in order, at most ``limit``: one query, read as they go."""
    # psycopg's own cursor on Django's connection: Django's converts each value in Python and would
    # be the slowest part of a verification. It lives in a transaction, so nothing is copied first.
    with (
        transaction.atomic(),
        connection.connection.cursor(name="ledger_entries") as cursor,
    ):
        cursor.itersize = _FETCH_ROWS
        cursor.execute(_ENTRIES, [after_seq, limit], binary=True)
        for seq, at, actor, event, refs, payload, prev, digest in cursor:
            yield Entry(seq, at, actor, event, _parsed(refs), payload, prev, digest)
