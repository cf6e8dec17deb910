"""Which versions the model server keeps in memory: ``active.json`` in the folder of bundles.

A file, because the model server has no database, restarts alone, and must then know at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

NAME = "active.json"


def active_read(models: Path) -> frozenset[str] | None:
    """Refs (``name@version``); None where nobody has written them, or they cannot be read."""
    try:
        refs = json.loads((models / NAME).read_bytes())["active"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
        return None
    return frozenset(refs)


def active_write(models: Path, refs: Iterable[str]) -> bool:
    """Whether the file had to be changed; it is replaced as a whole."""
    wanted = sorted(set(refs))
    if active_read(models) == frozenset(wanted):
        return False
    models.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = models / f".{NAME}.{os.getpid()}.part"
    part.write_text(json.dumps({"active": wanted}) + "\n", encoding="utf-8")
    part.replace(models / NAME)
    return True
