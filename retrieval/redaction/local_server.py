"""A redaction server of one's own, for commands that run where no appliance does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from retrieval.redaction.client import RedactionClient
from retrieval.redaction.errors import RedactionUnavailableError

_START_SECONDS: Final = 120.0
_END_SECONDS: Final = 30.0
_ROOT: Final = Path(__file__).resolve().parent.parent.parent


@contextmanager
def redaction_client(socket: Path, *, models: Path | None = None) -> Iterator[RedactionClient]:
    """A client of the server on ``socket`` or, where none answers.

    Of one started here and ended afterwards; ``models`` is where its transcriber may lie.

    Raises:
        RedactionUnavailableError: it did not start.
    """
    running = RedactionClient(socket)
    try:
        running.health()
    except RedactionUnavailableError:
        running.close()
    else:
        yield running
        running.close()
        return
    with own_redaction_server(models=models) as (client, _):
        yield client


@contextmanager
def own_redaction_server(*, models: Path | None = None) -> Iterator[tuple[RedactionClient, int]]:
    """A client of a server started here and ended afterwards, and the server's process id.

    Raises:
        RedactionUnavailableError: it did not start.
    """
    # A short path: a unix socket's may have 107 bytes only.
    with (
        tempfile.TemporaryDirectory(prefix="vitrine-redact-") as folder,
        _started(Path(folder) / "redaction.sock", models) as started,
    ):
        yield started


@contextmanager
def _started(socket: Path, models: Path | None) -> Iterator[tuple[RedactionClient, int]]:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "workers.redaction_server", "--socket", str(socket)),
            *(("--models", str(models)) if models is not None else ()),
        ],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    client = RedactionClient(socket)
    try:
        _await(client, process)
        yield client, process.pid
    finally:
        client.close()
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(client: RedactionClient, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            client.health()
        except RedactionUnavailableError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
