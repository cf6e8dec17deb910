"""What must be there before pg_restore: the roles, and an empty schema that they may use.

The same as audit's first migration makes, except for what the dump itself brings.
"""

from __future__ import annotations

import psycopg

from deploy.backup.errors import BackupError

_INHERIT_OPTION = 160000
_PRELUDE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vitrine_app') THEN
        CREATE ROLE vitrine_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vitrine_ledger') THEN
        CREATE ROLE vitrine_ledger NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO vitrine_app', current_database());
END $$;
GRANT USAGE, CREATE ON SCHEMA public TO vitrine_ledger;
"""
_EMPTY = """
SET LOCAL ROLE vitrine_ledger; DROP OWNED BY vitrine_ledger CASCADE;
RESET ROLE; DROP OWNED BY CURRENT_USER CASCADE;
"""
_OCCUPIED = """
SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
_BUSY = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'vitrine' AND pid <> pg_backend_pid()
"""


def database_ready(
    connection: psycopg.Connection[tuple[object, ...]], *, owner: str, replace: bool
) -> None:
    """The database is empty and has the roles; what was in it is dropped if ``replace`` says so.

    Raises:
        BackupError: it is in use, not empty, or its login has another name than the backup's.
    """
    if _count(connection, _BUSY):
        raise BackupError("The appliance is running on this database: stop it first.")
    name = _one(connection, "SELECT current_user::text")
    if name != owner:
        raise BackupError(
            f"The backup belongs to the login {owner} and DATABASE_URL names {name}: "
            f"make a login of that name and use it."
        )
    if _count(connection, _OCCUPIED):
        if not replace:
            raise BackupError("The database is not empty: name another, or give --replace.")
        with connection.transaction():
            connection.execute(_EMPTY)
    with connection.transaction():
        connection.execute(_PRELUDE)


def ledger_lent(connection: psycopg.Connection[tuple[object, ...]], *, lent: bool) -> None:
    """Lets the owner write into the ledger's tables, as pg_restore must, or takes that back.

    Before version 16 a member of a role always has its rights, as audit's third migration says.
    """
    if connection.info.server_version < _INHERIT_OPTION:
        connection.execute("GRANT vitrine_ledger TO CURRENT_USER")
        return
    inherit = b"TRUE" if lent else b"FALSE"
    connection.execute(
        b"GRANT vitrine_ledger TO CURRENT_USER WITH INHERIT " + inherit + b", SET TRUE"
    )


def _one(connection: psycopg.Connection[tuple[object, ...]], query: str) -> str:
    row = connection.execute(query.encode()).fetchone()
    return str(row[0]) if row else ""


def _count(connection: psycopg.Connection[tuple[object, ...]], query: str) -> int:
    return int(_one(connection, query))
