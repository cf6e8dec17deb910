"""Giving pending events their place in the chain, and checking that everyone still has theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from audit.chain import GENESIS, Entry, Fault, verify_chain
from audit.errors import AuditError

logger = structlog.get_logger("vitrine.ledger")

POLL_SECONDS = 0.25  # an event waits this long at most, plus the time its batch takes
BATCH = 2000
_RETRY_SECONDS = 2.0
_FETCH_ROWS = 1000
_HASH_BYTES = 32


class CheckpointFileError(AuditError):
    """A checkpoint file that cannot be used."""

    status = 400


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
    pending: int
    checkpoints: int
    complete: bool
    fault: Fault | None


def chain_pending(*, limit: int = BATCH) -> int:
    """How many pending events were chained now, at most ``limit``, in a transaction of their own.

    Any number of processes may call this at once: they wait for each other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_chain(%s)", [limit])
        return int(cursor.fetchone()[0])


def pending_count() -> int:
    """How many committed events wait for their place in the chain."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_ledgerpending")
        return int(cursor.fetchone()[0])


def chain_forever(stop: threading.Event) -> None:
    """Chains what is pending, four times a second, until ``stop`` is set.

    Asking is one index look-up; a database that goes away is waited for.
    """
    while not stop.is_set():
        try:
            busy = _something_waits() and chain_pending() == BATCH
            stop.wait(0 if busy else POLL_SECONDS)
        except (OperationalError, InterfaceError) as error:
            logger.warning("ledger_database_unavailable", error=type(error).__name__)
            connection.close()
            stop.wait(_RETRY_SECONDS)


def ledger_verify(
    *,
    checkpoints: Mapping[int, bytes] | None = None,
    after_seq: int = 0,
    limit: int | None = None,
) -> LedgerCheck:
    """Recomputes every hash of the ledger, or of ``limit`` entries after ``after_seq``; reads only.

    One query through a server-side cursor, so a single snapshot and little memory.

    Raises:
        EntryMissing: there is no entry ``after_seq`` to begin behind.
    """
    pending = pending_count()
    known = dict(checkpoints or {})
    start = _hash_at(after_seq)
    if limit is not None:
        known = {seq: value for seq, value in known.items() if seq <= after_seq + limit}
    found = verify_chain(
        _entries(after_seq, limit), after_seq=after_seq, after_hash=start, checkpoints=known
    )
    return LedgerCheck(
        entries=found.entries,
        after_seq=after_seq,
        head_seq=found.head_seq,
        head_hash=found.head_hash,
        pending=pending,
        checkpoints=len(known),
        complete=limit is None or found.entries < limit,
        fault=found.fault,
    )


def checkpoints_read(path: Path) -> dict[int, bytes]:
    """Hashes by sequence number from JSON lines ``{"seq": 1, "hash": "<64 hex digits>", …}``.

    Other members, such as signatures, are not looked at.

    Raises:
        CheckpointFileError: unreadable, a malformed line, or two lines that contradict each other.
    """
    known: dict[int, bytes] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CheckpointFileError(f"{path} cannot be read as text") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            seq, digest = fields["seq"], bytes.fromhex(fields["hash"])
        except (ValueError, KeyError, TypeError):
            raise CheckpointFileError(f"line {number} is no checkpoint") from None
        if type(seq) is not int or seq < 1 or len(digest) != _HASH_BYTES:
            raise CheckpointFileError(f"line {number} is no checkpoint")
        if known.setdefault(seq, digest) != digest:
            raise CheckpointFileError(f"line {number} contradicts another about entry {seq}")
    return known


def _something_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM audit_ledgerpending)")
        return bool(cursor.fetchone()[0])


def _hash_at(seq: int) -> bytes:
    if seq == 0:
        return GENESIS
    with connection.cursor() as cursor:
        cursor.execute("SELECT hash FROM audit_ledgerentry WHERE seq = %s", [seq])
        row = cursor.fetchone()
    if row is None:
        raise EntryMissing(f"There is no entry {seq} to begin behind.")
    return bytes(row[0])


def _entries(after_seq: int, limit: int | None) -> Iterator[Entry]:
    # psycopg's own cursor on Django's connection: Django's converts each value in Python and would
    # be the slowest part of a verification. It lives in a transaction, so nothing is copied first.
    with (
        transaction.atomic(),
        connection.connection.cursor(name="ledger_entries") as cursor,
    ):
        cursor.itersize = _FETCH_ROWS
        cursor.execute(
            "SELECT seq, at, actor::text, event, refs, payload, prev, hash"
            " FROM audit_ledgerentry WHERE seq > %s ORDER BY seq LIMIT %s",
            [after_seq, limit],
            binary=True,
        )
        yield from map(Entry._make, cursor)
