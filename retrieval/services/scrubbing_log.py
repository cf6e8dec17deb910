"""The write-ahead log without what was in it: checkpointed, switched, old segments removed."""

from __future__ import annotations

import psycopg

from retrieval.erasure_stores import Note

# More than max_wal_size holds of segments; each switch ends one.
_MOST_SWITCHES = 64
_OLD = """
SELECT count(*) FILTER (WHERE name < current.file), count(*) FILTER (WHERE name > current.file)
FROM pg_ls_waldir(), (SELECT pg_walfile_name(pg_current_wal_lsn()) AS file) AS current
WHERE name ~ '^[0-9A-F]{24}$'
"""


def log_rotate(conn: psycopg.Connection, not_reached: list[Note]) -> str:
    """How far it came: ``removed``, or ``checkpointed`` or nothing where the login may not do more.

    Segments that lie ready under later names may be renamed old ones, so the log is switched
    through them until each has been begun anew.
    """
    try:
        conn.execute("CHECKPOINT")
    except psycopg.errors.InsufficientPrivilege:
        not_reached.append(_note("no login may checkpoint the database"))
        return ""
    try:
        for _ in range(_MOST_SWITCHES):
            conn.execute("SELECT pg_logical_emit_message(false, 'vitrine', '')")
            conn.execute("SELECT pg_switch_wal()")
            conn.execute("CHECKPOINT")
            row = conn.execute(_OLD).fetchone()
            if row is not None and not any(row):
                return "removed"
    except psycopg.errors.InsufficientPrivilege:
        not_reached.append(_note("no login may switch the log"))
        return "checkpointed"
    not_reached.append(_note("segments are kept, for a replica, an archive or by wal_recycle"))
    return "checkpointed"


def _note(why: str) -> Note:
    return Note(kind="not_reached", what="the database's write-ahead log", why=why)
