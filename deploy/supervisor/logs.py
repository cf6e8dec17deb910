"""Keeps the children's logs small."""

from __future__ import annotations

import shutil
from pathlib import Path

_MAX_BYTES = 10 * 1024 * 1024
_KEPT = 3


def rotate(folder: Path, *, max_bytes: int = _MAX_BYTES) -> list[Path]:
    """The logs of ``folder`` that were longer than ``max_bytes``, now moved on to ``.1`` … ``.3``.

    Children append (O_APPEND) to files they hold open, so a full log is copied and then cut to
    nothing; the few lines written between the two are lost.
    """
    rotated = []
    for log in sorted(folder.glob("*.log")):
        if log.stat().st_size <= max_bytes:
            continue
        for number in range(_KEPT - 1, 0, -1):
            older = log.with_name(f"{log.name}.{number}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number + 1}"))
        copy = log.with_name(f"{log.name}.1")
        copy.touch(mode=0o600)
        shutil.copyfile(log, copy)
        with log.open("r+b") as file:
            file.truncate()
        rotated.append(log)
    return rotated
