"""deploy/down: stops what deploy/up runs on a data folder, and waits for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from deploy.paths import Paths
from deploy.supervisor.errors import StartError
from deploy.supervisor.state import DataLock, read_running

_PATIENCE_SECONDS = 300.0


def down(data: Path) -> int:
    """Exit status 0 once nothing runs on ``data`` any more.

    Raises:
        StartError: it does not stop, or belongs to another user.
    """
    paths = Paths(data)
    lock = DataLock(paths)
    if not data.is_dir() or lock.take():
        lock.release()
        print("Vitrine is not running here.")
        return 0
    running = read_running(paths)
    if running is None:
        raise StartError(f"Something else holds {paths.data}: wait for it to end.")
    try:
        os.kill(running.pid, signal.SIGTERM)
    except PermissionError:
        raise StartError(
            f"Vitrine was started by another user (process {running.pid}): stop it as that user."
        ) from None
    except ProcessLookupError:
        pass
    print("Stopping Vitrine", flush=True)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if lock.take():
            lock.release()
            print("Vitrine has stopped; its data is kept.")
            return 0
        time.sleep(0.1)
    raise StartError(f"Process {running.pid} does not stop: see {paths.log}.")
