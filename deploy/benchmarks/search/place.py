"""A database of a benchmark's own with the starter in it, and processes that work on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from deploy.benchmarks.search.vectors_store import own_database, superuser
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths

_FIRST = "vitrine"


@dataclass(frozen=True)
class Place:
    """The folder of a database server, and the environment of processes that use one of its."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    def manage(self, *arguments: str) -> None:
        """Run ``manage.py`` on it; output goes to standard error.

        Raises:
            subprocess.CalledProcessError: the command failed.
        """
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self._env(), stdout=sys.stderr, check=True,
        )  # fmt: skip

    def told(self, module: str, *arguments: str) -> Any:
        """What a module of this package says as JSON on the last line of its standard output."""
        answer = subprocess.run(
            [sys.executable, "-m", f"deploy.benchmarks.search.{module}", *arguments],
            cwd=ROOT, env=self._env(), stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        return json.loads(answer.stdout.splitlines()[-1])

    def asker(self) -> Asker:
        """A process that searches in it, one search at a time."""
        return Asker(self._env())

    def copied(self, name: str) -> Place:
        """A second database on the same server that holds the very same rows."""
        with superuser(self.folder) as conn:
            conn.execute(
                psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER vitrine_owner").format(
                    psycopg.sql.Identifier(name), psycopg.sql.Identifier(_FIRST)
                )
            )
            conn.execute(
                psycopg.sql.SQL("GRANT CONNECT ON DATABASE {} TO vitrine_app").format(
                    psycopg.sql.Identifier(name)
                )
            )
        url = self.environment["DATABASE_URL"].replace(f"/{_FIRST}?", f"/{name}?")
        return Place(self.folder, {**self.environment, "DATABASE_URL": url})

    def settle(self) -> None:
        """Statistics and visibility as they are in a database that has rested."""
        name = self.environment["DATABASE_URL"].partition("@/")[2].partition("?")[0]
        with superuser(self.folder) as first:
            info = first.info
            with psycopg.connect(
                host=info.host, user=info.user, password=info.password, dbname=name, autocommit=True
            ) as conn:
                conn.execute("VACUUM ANALYZE")
                conn.execute("CHECKPOINT")

    def _env(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.environment,
            "DJANGO_SETTINGS_MODULE": "deploy.settings",
            "OMP_NUM_THREADS": "1",
        }


@contextmanager
def own_place() -> Iterator[Place]:
    """A fresh database with every migration and the starter bundle; gone on leaving."""
    with ExitStack() as stack:
        above = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-bench-"))
        folder = Path(above) / "data"
        stack.callback(remove_outside, Paths(folder))
        place = Place(folder, stack.enter_context(own_database(folder)))
        place.manage("models", "install", "--builtin", "--no-tune")
        place.manage("vectors", "calibrate", "--if-missing")
        yield place


class Asker:
    """A process of the web application, asked over its standard input: no network, no server.

    Its encoder answers at once, with vectors that depend on the words alone.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        """Started; ready when it has answered for the first time."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.benchmarks.search.asked"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """One search: ``total_ms``, ``encode_ms``, ``vector_ms``, ``statements``, ``answer``.

        Raises:
            RuntimeError: it was not answered with 200.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process has no standard input or output")
        stdin.write(json.dumps({"token": token, "body": body}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError("the process that searches has ended")
        told: dict[str, Any] = json.loads(line)
        if told["status"] != 200:  # noqa: PLR2004  (HTTP: fine)
            raise RuntimeError(f"a search was answered with {told['status']}")
        return told

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)
