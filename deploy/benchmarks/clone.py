"""An appliance of a benchmark's own: started, asked and removed again."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.credentials import credentials_read
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths

_FINE = range(200, 300)


@dataclass(frozen=True)
class Clone:
    """A checkout to start, and the folder its data goes to."""

    root: Path
    data: Path
    port: int

    @property
    def folder(self) -> Path:
        """A folder for whatever a benchmark writes; it goes with the appliance."""
        return self.data.parent

    def up(self, *words: str, **env: str) -> float:
        """Seconds until ``deploy/up --detach`` returned; its output goes to standard error."""
        began = time.monotonic()
        subprocess.run(
            [
                *(str(self.root / "deploy" / "up"), "--detach"),
                *("--data", str(self.data), "--port", str(self.port)),
                *words,
            ],
            env={**os.environ, **env},
            stdout=sys.stderr,
            check=True,
        )
        return time.monotonic() - began

    def down(self) -> None:
        """Stop it and wait."""
        subprocess.run(
            [str(self.root / "deploy" / "down"), "--data", str(self.data)],
            stdout=sys.stderr,
            check=True,
        )

    def manage(self, *arguments: str) -> None:
        """Run ``manage.py`` on its data; output goes to standard error.

        Raises:
            subprocess.CalledProcessError: the command failed.
        """
        subprocess.run(
            [sys.executable, str(self.root / "manage.py"), *arguments],
            env={**os.environ, "VITRINE_DATA": str(self.data)},
            stdout=sys.stderr,
            check=True,
        )

    def search(self, text: str, *, token: str = "") -> float:
        """Milliseconds until the answer was there; by the administrator without a ``token``."""
        began = time.perf_counter()
        self.request("POST", "/api/v1/search/", json.dumps({"text": text}), token=token)
        return 1000 * (time.perf_counter() - began)

    def get(self, path: str) -> dict[str, Any]:
        """The administrator's answer at ``path``."""
        answer: dict[str, Any] = json.loads(self.request("GET", path))
        return answer

    def request(
        self,
        method: str,
        path: str,
        body: str | None = None,
        *,
        token: str = "",
        kind: str = "application/json",
    ) -> bytes:
        """What the holder of ``token`` is answered; without one the administrator.

        ``kind`` is the type of ``body``.

        Raises:
            RuntimeError: anything but success.
        """
        credentials = credentials_read(Paths(self.data).credentials)
        where = urlsplit(credentials["url"])
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        headers = {
            "Authorization": f"Token {token or credentials['admin']['token']}",
            "Content-Type": kind,
        }
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status not in _FINE:
            raise RuntimeError(f"{method} {path} answered {answer.status}")
        return content


@contextmanager
def own_appliance(*, cold: bool = False) -> Iterator[Clone]:
    """An appliance that is not started yet, and is stopped and removed afterwards.

    ``cold``: of a fresh clone of this repository in the same temporary folder, with nothing
    installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitrine-bench-")).resolve()
    clone = Clone(folder / "clone" if cold else ROOT, folder / "data", free_port())
    try:
        if cold:
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone.root)], check=True)
        yield clone
    finally:
        subprocess.run(
            [str(ROOT / "deploy" / "down"), "--data", str(clone.data)],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        remove_outside(Paths(clone.data))
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
