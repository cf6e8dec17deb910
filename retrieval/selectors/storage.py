"""How much room things take: tables of the database, folders beside it, and what is left."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from retrieval.selectors.remembered import remembered

# What is counted in a page's time; where there is more, the sum is said to be a part.
_LOOK_FOR_SECONDS: Final = 1.5
_TABLES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm', 't') ORDER BY 2 DESC
"""
_PARTS: Final = (
    ("vectors_", "Vectors"),
    ("audit_ledger", "Ledger"),
    ("audit_search", "Search records"),
    ("audit_influence", "Search records"),
    ("audit_checkpoint", "Ledger"),
    ("retrieval_segment", "Segments and their words"),
    ("retrieval_asset", "Assets"),
    ("retrieval_provenance", "Assets"),
    ("retrieval_review", "Redaction reports and reviews"),
    ("retrieval_redaction", "Redaction reports and reviews"),
    ("audit_blind", "Blind indexes"),
)
FOLDERS: Final = (
    ("media", "Originals, renditions and small pictures (encrypted)"),
    ("keys", "Keys"),
    ("models", "Models"),
    ("tombstones", "Tombstones"),
    ("log", "Logs"),
)
LITTLE_BYTES: Final = 5 * 2**30
LITTLE_SHARE: Final = 0.1


@dataclass(frozen=True)
class Folder:
    """A folder's files and bytes; ``complete`` is False where not all were looked at."""

    name: str
    what: str
    files: int
    size_bytes: int
    complete: bool


@dataclass(frozen=True)
class Disk:
    """The file system of the data folder."""

    total_bytes: int
    free_bytes: int

    @property
    def little(self) -> bool:
        """Whether somebody should make room: under 5 GiB and under a tenth of it left."""
        return self.free_bytes < LITTLE_BYTES or self.free_bytes < LITTLE_SHARE * self.total_bytes


def disk() -> Disk:
    """What is left where the appliance's data lies."""
    usage = shutil.disk_usage(settings.PATHS.data)
    return Disk(usage.total, usage.free)


def database_bytes() -> int:
    """The database with its indexes. One statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def tables() -> list[tuple[str, int]]:
    """Bytes by what the tables hold, with their indexes, the largest first. One statement."""
    found, _ = remembered("tables", _tables)
    return found


def folders() -> tuple[list[Folder], datetime]:
    """The folders beside the database, as far as a page's time allows."""
    return remembered("folders", _folders)


def _tables() -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for name, size in cursor.fetchall():
            what = next((what for prefix, what in _PARTS if name.startswith(prefix)), "Other")
            sums[what] = sums.get(what, 0) + size
    return sorted(sums.items(), key=lambda one: -one[1])


def _folders() -> list[Folder]:
    until = time.monotonic() + _LOOK_FOR_SECONDS
    return [_measured(name, what, until) for name, what in FOLDERS]


def _measured(name: str, what: str, until: float) -> Folder:
    files = size = 0
    waiting = [Path(settings.PATHS.data) / name]
    while waiting and time.monotonic() < until:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        files += 1
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # gone, or not ours to read
    return Folder(name, what, files, size, complete=not waiting)
