"""What the application's own database role can and cannot do to the ledger."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
import rfc8785
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit import ledger
from audit.chain import Entry, entry_hash
from audit.chaining import chain_pending
from audit.models import LedgerEntry, LedgerPending
from audit.verification import ledger_verify
from tests.conftest import owner_connection, without_ledger_triggers

pytestmark = pytest.mark.django_db

INSUFFICIENT_PRIVILEGE = "42501"  # PostgreSQL documentation, appendix A
TABLES = ["audit_ledgerentry", "audit_ledgerentry_0", "audit_ledgerpending"]
ATTACKS = [
    "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE {table} SET payload = 'x'",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "ALTER TABLE {table} DISABLE TRIGGER append_only",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} OWNER TO vitrine_app",
    "ALTER TABLE {table} ADD COLUMN x int",
    "DROP TABLE {table}",
    "CREATE TRIGGER t BEFORE INSERT ON {table} EXECUTE FUNCTION audit_refuse()",
    "CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING",
]


def attempt(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_the_application_cannot_bend_the_tables(attack, table, some_events):
    some_events(2)
    chain_pending()
    some_events(2)
    with pytest.raises(DatabaseError) as refused:
        attempt(attack.format(table=table))
    assert refused.value.__cause__.sqlstate == INSUFFICIENT_PRIVILEGE
    assert LedgerPending.objects.count() == 2
    assert ledger_verify().fault is None


@pytest.mark.parametrize(
    "attack",
    [
        "SET session_replication_role = replica",
        "SET ROLE vitrine_ledger",
        "SET ROLE vitrine_owner",
        "SET SESSION AUTHORIZATION vitrine_ledger",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE t (x int)",
        "CREATE TEMP TABLE audit_ledgerpending (x int)",
        "SELECT audit_partition(7)",
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS ''",
        "ALTER FUNCTION audit_chain(integer) SECURITY INVOKER",
        "DROP FUNCTION audit_chain(integer)",
        "SELECT setval('audit_ledgerpending_id_seq', 1)",
    ],
)
def test_the_application_cannot_become_or_replace_the_ledger(attack):
    with pytest.raises(DatabaseError) as refused:
        attempt(attack)
    assert refused.value.__cause__.sqlstate == INSUFFICIENT_PRIVILEGE


def test_the_wall_stands_even_for_the_ledgers_owner_in_replica_mode(some_events):
    def refused(conn, sql):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            conn.execute(sql)

    with owner_connection() as conn:
        conn.execute("SET ROLE vitrine_ledger")
        for table in TABLES[:2]:
            for attack in ("UPDATE {} SET payload = ''", "DELETE FROM {}", "TRUNCATE {}"):
                refused(conn, attack.format(table))
        refused(conn, "UPDATE audit_ledgerpending SET payload = ''")
        refused(conn, "TRUNCATE audit_ledgerpending")
        modes = conn.execute(
            "SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgname = 'append_only'"
        ).fetchall()
    assert modes == [("A",)]  # fires always, session_replication_role = replica included


def test_the_database_owner_without_that_role_may_only_read():
    with owner_connection() as conn:
        assert conn.execute("SELECT count(*) FROM audit_ledgerentry").fetchone()
        for sql in ("DELETE FROM audit_ledgerpending", "TRUNCATE audit_ledgerentry"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(sql)


@pytest.mark.parametrize(
    "event", ["", "login", "a:b", "a:b:c:d", "A:b:c", "a:b:c d", "a:b:" + "c" * 61]
)
def test_events_have_three_part_names(event):
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.record(event=event, actor=None, refs={})


@pytest.mark.parametrize(
    "refs",
    [
        {"title": "holiday in Rome"},
        {"name": "Zoë"},
        {"x": ""},
        {"x": "a" * 129},
        {"x": ["ok", "not ok"]},
        {"Key": "a"},
        {"a-b": "a"},
        {"": "a"},
    ],
)
def test_refs_hold_ids_and_nothing_that_reads_like_content(refs):
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.record(event="a:b:c", actor=None, refs=refs)


@pytest.mark.parametrize(
    "refs", ["[]", '{"a": 1}', '{"a": null}', '{"a": {"b": "c"}}', '{"a": [1]}']
)
def test_the_function_itself_refuses_refs_of_other_types(refs):
    with pytest.raises(IntegrityError), transaction.atomic():
        attempt(f"SELECT audit_record(NULL, 'a:b:c', '{refs}', '')")


def test_database_and_python_agree_on_form_and_hash():
    actor = uuid4()
    ledger.record(
        event="a-1:b_2:c", actor=actor, refs={"zz": "1", "a": ["x", '"\\/~'], "m": uuid4(), "e": []}
    )
    attempt(
        "SELECT audit_record(NULL, 'a:b:c', '{}', E'tab\\t quote\" back\\\\ nl\\n \\x01\\x7f é 😀')"
    )
    assert chain_pending() == 2
    before = bytes(32)
    for row in LedgerEntry.objects.order_by("seq"):
        fields = {
            "seq": row.seq,
            "at": row.at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z",
            "actor": str(row.actor) if row.actor else None,
            "event": row.event,
            "refs": row.refs,
            "payload": row.payload,
            "prev": before.hex(),
        }
        assert bytes(row.prev) == before
        assert bytes(row.hash) == hashlib.sha256(rfc8785.dumps(fields)).digest()
        before = bytes(row.hash)


def test_the_database_sets_the_time_not_the_caller(some_events):
    some_events(1)
    assert abs(LedgerPending.objects.get().at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_new_partition_is_made_before_it_is_needed(some_events):
    before_last = 999_998
    sealed = Entry(before_last, datetime.now(UTC), None, "a:b:c", {}, "", bytes(32), b"")
    sealed = sealed._replace(hash=entry_hash(sealed))
    with owner_connection() as conn, conn.transaction(force_rollback=True):
        conn.execute("SET ROLE vitrine_ledger")
        conn.execute("SELECT audit_partition(0)")
        conn.execute(
            "INSERT INTO audit_ledgerentry VALUES (%s, %s, NULL, 'a:b:c', '{}', '', %s, %s)",
            [before_last, sealed.at, sealed.prev, sealed.hash],
        )
        for _ in range(4):
            conn.execute("SELECT audit_record(NULL, 'a:b:c', '{}', '')")
        assert conn.execute("SELECT audit_chain(600000)").fetchone() == (4,)
        rows = conn.execute(
            "SELECT seq, tableoid::regclass::text FROM audit_ledgerentry ORDER BY seq"
        ).fetchall()
        assert rows == [
            (999_998, "audit_ledgerentry_0"),
            (999_999, "audit_ledgerentry_0"),
            (1_000_000, "audit_ledgerentry_1"),
            (1_000_001, "audit_ledgerentry_1"),
            (1_000_002, "audit_ledgerentry_1"),
        ]
        made = conn.execute("SELECT to_regclass('audit_ledgerentry_2') IS NOT NULL").fetchone()
        assert made == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute("TRUNCATE audit_ledgerentry_2")


def test_helpers_of_these_tests_put_the_wall_back():
    with owner_connection() as conn:
        conn.execute("SET ROLE vitrine_ledger")
        with without_ledger_triggers(conn):
            modes = conn.execute(
                "SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgname = 'append_only'"
            )
            assert modes.fetchall() == [("D",)]
