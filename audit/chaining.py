"""Giving pending events their place in the chain; ``audit.verification`` checks it."""

from __future__ import annotations

import threading

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

logger = structlog.get_logger("vitrine.ledger")

POLL_SECONDS = 0.25  # an event waits this long at most, plus the time its batch takes
BATCH = 2000
_RETRY_SECONDS = 2.0


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
            busy = _something_waits() and chain_pending() >= BATCH
            stop.wait(0 if busy else POLL_SECONDS)
        except (OperationalError, InterfaceError) as error:
            logger.warning("ledger_database_unavailable", error=type(error).__name__)
            connection.close()
            stop.wait(_RETRY_SECONDS)


def _something_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM audit_ledgerpending)")
        return bool(cursor.fetchone()[0])
