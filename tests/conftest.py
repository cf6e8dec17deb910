"""The real Postgres and Redis; the owner makes the database, the application's role uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import hypothesis
import psycopg
import pytest
from django.db import connection, connections
from django.test import TransactionTestCase
from django.test.utils import setup_databases, teardown_databases

from deploy.env import DatabaseLogin, parse_database_url

# A timing is never asserted in a test, and hypothesis' deadline is one.
hypothesis.settings.register_profile("vitrine", deadline=None)
hypothesis.settings.load_profile("vitrine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole appliances first: a long file that is begun last leaves the other cores idle."""
    items.sort(key=lambda item: not item.path.name.startswith("test_live"))


def owner_login() -> DatabaseLogin:
    """The login that owns the database, as DATABASE_URL names it."""
    return parse_database_url(os.environ["DATABASE_URL"])


@contextmanager
def owner_connection() -> Iterator[psycopg.Connection]:
    """A connection of the owner to the test database, outside the test's transaction."""
    owner = owner_login()
    with psycopg.connect(
        dbname=connection.settings_dict["NAME"],
        user=owner.user,
        password=owner.password,
        host=owner.host or None,
        port=owner.port or None,
        autocommit=True,
    ) as conn:
        yield conn


@contextmanager
def _logged_in_as_owner() -> Iterator[None]:
    default = connections["default"]
    app = {key: default.settings_dict[key] for key in ("USER", "PASSWORD")}
    owner = owner_login()
    default.close()
    default.settings_dict.update(USER=owner.user, PASSWORD=owner.password)
    try:
        yield
    finally:
        default.close()
        default.settings_dict.update(app)


@pytest.fixture(scope="session")
def django_db_setup(
    request, django_test_environment, django_db_blocker, django_db_modify_db_settings
) -> Iterator[None]:
    with django_db_blocker.unblock():
        with _logged_in_as_owner():
            made = setup_databases(verbosity=0, interactive=False, parallel=0)
        password = connections["default"].settings_dict["PASSWORD"]
        with owner_connection() as conn:
            conn.execute(
                psycopg.sql.SQL("ALTER ROLE vitrine_app LOGIN PASSWORD {}").format(
                    psycopg.sql.Literal(password)
                )
            )
    yield
    from retrieval.vectors import beside

    beside.close()  # a search may have left its second connection open
    with django_db_blocker.unblock(), _logged_in_as_owner():
        teardown_databases(made, verbosity=0)


@contextmanager
def without_ledger_triggers(conn: psycopg.Connection) -> Iterator[None]:
    """The ledger open to changes, for whoever became its owner; put back as ALWAYS afterwards."""
    tables = [
        row[0]
        for row in conn.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'"
        )
    ]
    for table in tables:
        conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    try:
        yield
    finally:
        for table in tables:
            conn.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def _empty_all_tables(self: TransactionTestCase) -> None:
    """What Django's flush does, as the owner.

    The application may neither TRUNCATE nor touch the ledger.
    """
    with owner_connection() as conn:
        rows = conn.execute(
            "SELECT c.relname, r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
            "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition "
            "AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'django_migrations' "
            "AND c.relname NOT LIKE 'django_content_type'"
        ).fetchall()
        ours = [name for name, role in rows if role != "vitrine_ledger"]
        ledger = [name for name, role in rows if role == "vitrine_ledger"]
        names = ", ".join(f'"{name}"' for name in ours)
        conn.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        conn.execute("SELECT vitrine_stamp(ARRAY['rules'])")  # as the migration left it
        conn.execute("SET ROLE vitrine_ledger")
        with without_ledger_triggers(conn):
            for name in ledger:
                conn.execute(f'TRUNCATE "{name}"')
    from audit import actors

    actors.cache_clear()


@pytest.fixture(autouse=True, scope="session")
def _flush_as_owner() -> Iterator[None]:
    original = TransactionTestCase._fixture_teardown
    TransactionTestCase._fixture_teardown = _empty_all_tables  # type: ignore[method-assign]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[method-assign]
