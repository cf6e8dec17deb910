"""Writers, chainers and the database itself ended by ``kill -9`` in the middle of their work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search.vectors_store import own_database, superuser
from deploy.embedded.__main__ import running
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths

WRITERS = 8
_CHAINERS = 2
_ROUNDS = 5
_SECONDS = 2.0
# Acknowledged is what was printed after the database said that it had committed.
_WRITER = """
import psycopg, sys
with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    number = 0
    while True:
        number += 1
        conn.execute("SELECT audit_record(NULL, 'test:writer:write', jsonb_build_object("
                     "'write', %s::text), '')", [f"{sys.argv[2]}-{number}"])
        print(f"{sys.argv[2]}-{number}", flush=True)
"""
_CHAINER = """
import psycopg, sys
with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    while True:
        conn.execute("SELECT audit_chain(50)")
"""
_WRITTEN = """
SELECT count(*), count(DISTINCT refs ->> 'write') FROM (
    SELECT refs FROM audit_ledgerentry WHERE event = 'test:writer:write'
    UNION ALL SELECT refs FROM audit_ledgerpending WHERE event = 'test:writer:write') AS all_of_them
"""


def figures() -> list[Figure]:
    """How many acknowledged entries are missing, doubled, or off the one chain."""
    acknowledged: set[str] = set()
    with own_folder() as folder:
        with own_database(folder) as environment:
            _say("writers and chainers are killed")
            for _ in range(_ROUNDS):
                acknowledged |= _killed(folder, environment, database_too=False)
        for _ in range(_ROUNDS):
            _say("the database is killed")
            with running(Paths(folder)) as environment:
                acknowledged |= _killed(folder, environment, database_too=True)
        with running(Paths(folder)) as environment:
            missing, doubled = _compared(folder, acknowledged)
            subprocess.run(
                [sys.executable, "manage.py", "ledger", "chain", "--once"],
                cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            verified = subprocess.run(
                [sys.executable, "manage.py", "ledger", "verify"],
                cwd=ROOT, env={**os.environ, **environment}, stdout=sys.stderr, check=False,
            )  # fmt: skip
    return [
        Figure(f"acknowledged by {WRITERS} writers", len(acknowledged), ""),
        Figure("kill -9 of writers and chainers", _ROUNDS, "x"),
        Figure("kill -9 of the database", _ROUNDS, "x"),
        Figure("acknowledged entries lost", missing, "", target=0),
        Figure("entries doubled", doubled, "", target=0),
        Figure("forks of the chain", verified.returncode, "", target=0),
    ]


def _killed(folder: Path, environment: dict[str, str], *, database_too: bool) -> set[str]:
    """What was acknowledged until everything was killed."""
    url = environment["DATABASE_URL"]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _WRITER, url, uuid4().hex[:12]],
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                )
            )
            for _ in range(WRITERS)
        ]  # fmt: skip
        chainers = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", _CHAINER, url], stderr=subprocess.DEVNULL)
            )
            for _ in range(_CHAINERS)
        ]
        first = [one.stdout.readline().strip() for one in writers if one.stdout]
        time.sleep(_SECONDS)
        if database_too:
            _kill_database(folder)
        for pid in [one.pid for one in chainers] + [one.pid for one in writers]:
            os.kill(pid, signal.SIGKILL)
        # A line may be cut by the kill; what is whole was acknowledged.
        rest = [one.stdout.read() for one in writers if one.stdout]
        whole = {line for text in rest for line in text.splitlines(keepends=True)}
    return {one for one in first if one} | {one.strip() for one in whole if one.endswith("\n")}


def _kill_database(folder: Path) -> None:
    """The postmaster and every process of it, all at once."""
    pid = int((Paths(folder).postgres / "postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for one in (pid, *map(int, children)):
        os.kill(one, signal.SIGKILL)


def _compared(folder: Path, acknowledged: set[str]) -> tuple[int, int]:
    """How many acknowledged are not there, and how many are there twice."""
    with superuser(folder) as conn:
        rows = conn.execute(_WRITTEN).fetchone()
        there = {
            row[0]
            for table in ("audit_ledgerentry", "audit_ledgerpending")
            for row in conn.execute(f"SELECT refs ->> 'write' FROM {table}".encode())  # noqa: S608
        }
    every, distinct = rows or (0, 0)
    return len(acknowledged - there), every - distinct


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for a database, and nothing left of it."""
    with ExitStack() as stack:
        above = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-bench-"))
        folder = Path(above) / "data"
        stack.callback(remove_outside, Paths(folder))
        yield folder


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
