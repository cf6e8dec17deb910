"""One runner at a time, whoever calls: two beats must not do everything twice."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_SPACE = 0x7669747  # keeps our advisory locks apart from others' in the same database


@contextmanager
def alone(name: str) -> Iterator[bool]:
    """Whether this is the only holder of ``name``; a process that dies lets go of it.

    Postgres' session-level advisory locks: no time limit to guess, nothing to clean up.
    """
    number = zlib.crc32(name.encode()) - 2**31
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_SPACE, number])
        (held,) = cursor.fetchone()
    try:
        yield held
    finally:
        if held and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_SPACE, number])
