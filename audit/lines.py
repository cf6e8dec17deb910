"""Files of JSON objects, a line each, that are only added to and stay after a power cut."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from audit.durable import make_private_directory, sync_directory


def lines_append(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Adds the objects to the file (0600), which is made if need be, and syncs it.

    Processes that write at once wait for each other. Half a line that a power cut left is ended
    first, so that it spoils none but itself.
    """
    make_private_directory(path.parent)
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        text = "".join(f"{json.dumps(line, sort_keys=True)}\n" for line in lines)
        file.write((b"\n" if torn else b"") + text.encode())
        os.fsync(descriptor)
    if new:
        sync_directory(path.parent)


def lines_read(path: Path) -> Iterator[dict[str, Any]]:
    """The objects in the file, in order; none where there is no file. Half lines are left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            stated = json.loads(line)
        except ValueError:
            continue
        if isinstance(stated, dict):
            yield stated
