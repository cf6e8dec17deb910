"""Ids of what was erased, in the database and in a file beside it that outlives a restore.

The file is only added to, a JSON object a line, and synced; it holds random ids and moments. What
stands in it is erased again when an older database comes back (``tombstones_apply`` of
``retrieval.services.erasures``), so it is written only after the erasure has committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audit.erasure_models import Tombstone
from audit.lines import lines_append, lines_read

NAME = "erased.jsonl"
_BATCH = 1000


@dataclass(frozen=True)
class Filed:
    """One line of the file."""

    kind: str
    id: UUID
    at: datetime
    request: UUID | None = None


def tombstones_file() -> Path:
    """Where the lines stand; there is no file before the first of them."""
    folder: Path = settings.PATHS.tombstones
    return folder / NAME


def tombstones_add(*, kind: str, ids: Iterable[UUID], request: UUID | None) -> None:
    """Marks ids as erased for good, in the caller's transaction; once is enough."""
    Tombstone.objects.bulk_create(
        [Tombstone(kind=kind, object_id=one, request=request) for one in ids],
        ignore_conflicts=True,
    )


def tombstones_file_all() -> int:
    """How many committed tombstones were added to the file now.

    A process that dies between the file and the mark adds them once more, which is harmless.
    """
    filed = some = _file_some()
    while some == _BATCH:
        some = _file_some()
        filed += some
    return filed


@transaction.atomic
def _file_some() -> int:
    rows = list(Tombstone.objects.select_for_update().filter(filed=False).order_by("id")[:_BATCH])
    if not rows:
        return 0
    lines_append(tombstones_file(), [_line(row) for row in rows])
    Tombstone.objects.filter(id__in=[row.id for row in rows]).update(filed=True)
    return len(rows)


def _line(row: Tombstone) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "id": str(row.object_id),
        "at": row.erased_at.isoformat(),
        "request": str(row.request) if row.request else None,
    }


def tombstones_read(path: Path | None = None) -> list[Filed]:
    """What the file says, each id once, in the order of the first time; torn lines are left out."""
    found: dict[tuple[str, UUID], Filed] = {}
    for line in lines_read(path or tombstones_file()):
        filed = filed_from(line)
        if filed is not None:
            found.setdefault((filed.kind, filed.id), filed)
    return list(found.values())


def filed_from(line: dict[str, Any]) -> Filed | None:
    """A line as it is meant; None where it is no such line."""
    try:
        request = line.get("request")
        filed = Filed(
            kind=str(line["kind"]),
            id=UUID(line["id"]),
            at=datetime.fromisoformat(line["at"]),
            request=UUID(request) if request else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return filed if filed.kind in Tombstone.Kind.values else None
