"""Who runs a data folder: a lock that dies with its holder, and what the holder says."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.embedded.files import write_private
from deploy.paths import Paths


@dataclass(frozen=True)
class Running:
    """What a running supervisor wrote down."""

    pid: int
    url: str
    ready: bool


class DataLock:
    """An exclusive lock on a data folder, which the kernel drops however its holder ends."""

    def __init__(self, paths: Paths) -> None:
        self._file = paths.data / "lock"
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether it is ours now; False while another supervisor holds it."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it back; nothing happens where it was not taken."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_running(paths: Paths) -> Running | None:
    """What the supervisor of ``paths`` last wrote, whether or not it still lives."""
    try:
        return Running(**json.loads(_state_file(paths).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_running(paths: Paths, running: Running) -> None:
    """Say who runs ``paths`` and where."""
    write_private(_state_file(paths), json.dumps(asdict(running)) + "\n")


def forget_running(paths: Paths) -> None:
    """Take that note away."""
    _state_file(paths).unlink(missing_ok=True)


def _state_file(paths: Paths) -> Path:
    return paths.data / "supervisor.json"
