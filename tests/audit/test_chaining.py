"""Chaining and verification over committed data, with more than one process at work."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from audit import chaining
from audit.chaining import chain_forever, chain_pending
from audit.models import LedgerEntry, LedgerPending
from audit.verification import ledger_verify
from tests.conftest import owner_connection, without_ledger_triggers

COPY_OF_THE_LAST = """
    INSERT INTO audit_ledgerentry SELECT 11, at, actor, event, refs, payload, prev, hash
    FROM audit_ledgerentry WHERE seq = 10
"""
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


def tamper(sql):
    with owner_connection() as conn:
        conn.execute("SET ROLE vitrine_ledger")
        with without_ledger_triggers(conn):
            conn.execute(sql)


def verify(capsys, *args):
    try:
        call_command("ledger", "verify", *args)
    except SystemExit as ended:
        return ended.code, capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_an_event_commits_or_vanishes_with_its_cause(some_events):
    with transaction.atomic():
        some_events(1)
        transaction.set_rollback(True)
    assert LedgerPending.objects.count() == 0
    with transaction.atomic():
        some_events(1)
    assert LedgerPending.objects.count() == 1


def test_numbers_have_no_gaps_though_transactions_roll_back(some_events):
    for _ in range(3):
        some_events(2)
        with transaction.atomic():
            some_events(2)
            chain_pending()
            transaction.set_rollback(True)
    assert chain_pending(limit=4) == 4
    assert chain_pending() == 2
    assert chain_pending() == 0
    assert list(LedgerEntry.objects.order_by("seq").values_list("seq", flat=True)) == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip
    assert ledger_verify().fault is None


def test_eight_chainers_at_once_never_fork_the_chain(app_login, some_events):
    def work(number):
        with psycopg.connect(**app_login, autocommit=True) as conn:
            chained = 0
            for _ in range(25):
                conn.execute(
                    "SELECT audit_record(NULL, 'test:writer:write', %s::jsonb, '')",
                    [f'{{"writer": "{number}"}}'],
                )
                chained += conn.execute("SELECT audit_chain(7)").fetchone()[0]
            return chained

    with ThreadPoolExecutor(8) as pool:
        chained = sum(pool.map(work, range(8)))
    chained += chain_pending()
    found = ledger_verify()
    assert (chained, found.entries, found.pending, found.fault) == (200, 200, 0, None)


KILLED = """
import os, psycopg, sys
with psycopg.connect(sys.argv[1]) as conn:
    print(conn.execute("SELECT audit_chain(1000)").fetchone()[0], flush=True)
    sys.stdin.readline()
"""


def test_a_chainer_killed_in_the_middle_loses_and_doubles_nothing(app_login, some_events):
    some_events(50)
    chain_pending(limit=20)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, psycopg.conninfo.make_conninfo(**app_login)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "30\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert chain_pending() == 30  # waits until the database has noticed and rolled back
    found = ledger_verify()
    assert (found.entries, found.pending, found.fault) == (50, 0, None)


WRITER = """
import psycopg, sys
with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    for number in range(1, 100_000):
        conn.execute("SELECT audit_record(NULL, 'test:writer:write', %s::jsonb, '')",
                     [f'{{"write": "{number}"}}'])
        print(number, flush=True)
"""


def test_a_writer_killed_in_the_middle_loses_nothing_that_was_acknowledged(app_login):
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, psycopg.conninfo.make_conninfo(**app_login)],
        stdout=subprocess.PIPE,
        text=True,
    )
    while int(child.stdout.readline()) < 200:
        chain_pending(limit=30)
    child.send_signal(signal.SIGKILL)
    rest = child.communicate()[0]
    whole = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    acknowledged = int(whole[-1]) if whole else 200
    while chain_pending():
        pass
    written = [int(refs["write"]) for refs in LedgerEntry.objects.values_list("refs", flat=True)]
    assert sorted(written) == list(range(1, len(written) + 1))
    assert acknowledged <= len(written) <= acknowledged + 1  # one may be committed and not told
    assert ledger_verify().fault is None


def test_what_is_not_chained_yet_is_no_part_of_what_is_proven(some_events):
    # The window between commit and chaining, about a second: whoever owns the database could
    # still change such an event unnoticed. That it is there, and waits, is said.
    some_events(3)
    chain_pending()
    some_events(2)
    found = ledger_verify()
    assert (found.entries, found.pending) == (3, 2)


def test_a_backlog_is_chained_in_one_go_whatever_the_planner_believes(app_connection):
    with owner_connection() as conn:
        conn.execute("SET ROLE vitrine_ledger")
        conn.execute("ANALYZE audit_ledgerpending")  # while it is empty
    app_connection.execute(
        "SELECT count(audit_record(NULL, 'a:b:c', '{}', '')) FROM generate_series(1, 5000)"
    )
    plan = app_connection.execute("SELECT audit_chain(5000)").fetchone()
    assert plan == (5000,)
    assert ledger_verify().fault is None


def test_the_supervised_process_chains_survives_kill_and_lost_connections(app_login, some_events):
    environment = {
        **os.environ,
        "DATABASE_APP_URL": "postgresql://{user}:{password}@/{dbname}?host={host}&port={port}".format(
            **{key: value or "" for key, value in app_login.items()}
        ),
    }

    def start():
        return subprocess.Popen(
            [sys.executable, "manage.py", "ledger", "chain"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.DEVNULL,
        )

    def await_chained():
        deadline = time.monotonic() + 60
        while LedgerPending.objects.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    process = start()
    try:
        some_events(30)
        await_chained()
        with psycopg.connect(**app_login, autocommit=True) as conn:
            ended = conn.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> %s "
                "AND usename = 'vitrine_app' AND datname = current_database() AND pid <> %s",
                [conn.info.backend_pid, connection.connection.info.backend_pid],
            ).fetchone()
        assert ended[0] >= 1
        some_events(30)
        await_chained()
        process.kill()
        process.wait()
        some_events(30)
        process = start()
        await_chained()
        process.terminate()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
    found = ledger_verify()
    assert (found.entries, found.fault) == (90, None)


def test_chaining_goes_on_after_the_database_failed(monkeypatch, some_events):
    from django.db import OperationalError

    stop, calls = threading.Event(), []

    def failing():
        calls.append(None)
        if len(calls) == 1:
            raise OperationalError
        if len(calls) == 3:
            stop.set()
        return False

    monkeypatch.setattr(chaining, "_something_waits", failing)
    monkeypatch.setattr(chaining, "_RETRY_SECONDS", 0.01)
    chain_forever(stop)
    assert len(calls) == 3


def test_verify_says_how_much_holds_and_what_it_cannot_know(capsys, some_events):
    some_events(12)
    chain_pending(limit=10)
    code, said = verify(capsys)
    assert code == 0
    assert "10 entries verified" in said
    assert "2 events wait" in said
    assert "checkpoint" in said


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ("UPDATE audit_ledgerentry SET payload = 'x' WHERE seq = 4", 4),
        ("UPDATE audit_ledgerentry SET at = at + interval '1 microsecond' WHERE seq = 1", 1),
        ("UPDATE audit_ledgerentry SET actor = gen_random_uuid() WHERE seq = 9", 9),
        ("UPDATE audit_ledgerentry SET event = 'a:b:c' WHERE seq = 9", 9),
        ("UPDATE audit_ledgerentry SET refs = '{\"a\": 1.5}' WHERE seq = 5", 5),
        ("UPDATE audit_ledgerentry SET prev = hash WHERE seq = 5", 5),
        ("UPDATE audit_ledgerentry SET hash = prev WHERE seq = 5", 5),
        ("UPDATE audit_ledgerentry SET seq = 77 WHERE seq = 10", 10),
        ("DELETE FROM audit_ledgerentry WHERE seq = 6", 6),
        ("DELETE FROM audit_ledgerentry WHERE seq <= 3", 1),
        ("UPDATE audit_ledgerentry SET at = 'infinity' WHERE seq = 8", 8),
        (COPY_OF_THE_LAST, 11),
    ],
)
def test_verify_names_the_first_bad_entry(capsys, some_events, change, bad):
    some_events(10)
    chain_pending()
    assert verify(capsys)[0] == 0
    tamper(change)
    code, said = verify(capsys)
    assert code == 1
    assert said.startswith(f"first bad sequence number: {bad}\n")


def test_a_part_of_the_ledger_can_be_verified(some_events):
    some_events(10)
    chain_pending()
    part = ledger_verify(after_seq=4, limit=3)
    assert (part.entries, part.head_seq, part.complete, part.fault) == (3, 7, False, None)
    rest = ledger_verify(after_seq=7, limit=100)
    assert (rest.entries, rest.head_seq, rest.complete) == (3, 10, True)


def test_once_chains_all_that_waits(capsys, some_events, monkeypatch):
    monkeypatch.setattr("audit.management.commands.ledger.BATCH", 4)
    monkeypatch.setattr("audit.chaining.BATCH", 4)
    some_events(10)
    call_command("ledger", "chain", "--once")
    assert "10 events chained" in capsys.readouterr().out
