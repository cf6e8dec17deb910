"""A dump of the database, as backups are made."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from audit.canary.base import CannotLook, Controls, Look
from deploy.canary.scratch import Scratch
from deploy.env import DatabaseLogin

_READ_BYTES = 1 << 20


class Dump:
    """What pg_dump writes, read from a pipe and kept nowhere."""

    name = "database dump"
    permitted = False

    def __init__(self, program: Path | None, login: DatabaseLogin, scratch: Scratch) -> None:
        self._program, self._login, self._scratch = program, login, scratch

    def plant(self, controls: Controls) -> None:
        """A plain row and a compressed one."""
        if self._program is None:
            raise CannotLook("pg_dump is not installed")
        self._scratch.make()
        self._scratch.insert(plain=controls.new("plain"))
        self._scratch.insert_packed(controls.new("plain"), out_of_line=True)

    def search(self, look: Look) -> None:
        """Every schema and row of the database."""
        look.through("pg_dump", self._output(look))

    def clean(self) -> None:
        """The table is dropped."""
        self._scratch.drop()

    def _output(self, look: Look) -> Iterator[bytes]:
        login = self._login
        # The password goes through the environment, which others cannot read as a command line.
        named = {"HOST": login.host, "PORT": login.port, "USER": login.user, "DATABASE": login.name}
        env = {f"PG{name}": value for name, value in named.items() if value}
        process = subprocess.Popen(
            [str(self._program), "--no-password"],
            env={"PATH": os.defpath, "PGPASSWORD": login.password, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None  # noqa: S101 - asked for above
        with process:
            while piece := process.stdout.read(_READ_BYTES):
                yield piece
        if process.returncode != 0:
            look.failed(f"pg_dump ended with status {process.returncode}")
