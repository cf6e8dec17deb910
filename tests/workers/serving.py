"""A Starlette application served on a unix socket by a thread, as the servers are in earnest."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from workers import uds


@contextmanager
def served(app: Starlette, path: Path) -> Iterator[Path]:
    with uds.listening(path) as listener:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, ws="none", http="h11", lifespan="on"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started
        try:
            yield path
        finally:
            server.should_exit = True
            thread.join(30)
