"""What was decided about people and holds, in a file beside the database that outlives a restore.

A database that is restored knows nothing of what was withdrawn, restricted, objected to, linked or
held after the backup was made. Each such change adds a line to ``tombstones/journal.jsonl`` once it
has committed: random ids, moments and codes, no personal data. The last line of a thing says how it
is now. Whoever writes the rows need not know: signals see rows that are saved, and
``journal_catch_up`` compares all rows with the file for those that were changed in bulk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save

from audit.hold_models import LegalHold
from audit.lines import lines_append, lines_read
from audit.subject_models import ConsentRecord, DataSubject
from retrieval import scope
from retrieval.models import Collection
from retrieval.subject_models import AssetSubject

NAME = "journal.jsonl"
Line = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of line: the model whose rows it tells, which of its fields, and which rows."""

    name: str
    model: type[models.Model]
    fields: tuple[str, ...]
    key: Callable[[Any], str]
    told: Callable[[Any], bool] = lambda _: True


KINDS = (
    Kind(
        "subject",
        DataSubject,
        ("state", "restricted_at", "objected_at", "tick"),
        lambda row: str(row.id),
        lambda row: row.tick > 0 or row.state != DataSubject.State.ACTIVE,
    ),
    Kind(
        "withdrawal",
        ConsentRecord,
        ("subject", "series", "version", "purposes", "legal_basis", "special_condition",
         "starts_at", "given_tick", "withdrawn_at", "withdrawn_tick"),
        lambda row: str(row.id),
        lambda row: row.withdrawn_at is not None,
    ),
    Kind(
        "hold",
        LegalHold,
        ("subject", "asset", "collection", "query", "home", "placed_by", "placed_at", "state",
         "released_by", "released_at"),
        lambda row: str(row.id),
    ),
    # What a collection asks for: a consent that is required must not be forgotten.
    Kind("purposes", Collection, ("purposes",), lambda row: str(row.id)),
    Kind(
        "link",
        AssetSubject,
        ("via",),
        lambda row: f"{row.asset_id}/{row.subject}",
    ),
)  # fmt: skip


def journal_file() -> Path:
    """Where the lines stand; there is no file before the first of them."""
    folder: Path = settings.PATHS.tombstones
    return folder / NAME


def journal_read(path: Path | None = None) -> list[Line]:
    """The last line of each thing, in the order in which they were written."""
    last: dict[tuple[str, str], Line] = {}
    for line in lines_read(path or journal_file()):
        if isinstance(line.get("kind"), str) and isinstance(line.get("id"), str):
            last.pop((line["kind"], line["id"]), None)
            last[line["kind"], line["id"]] = line
    return list(last.values())


def journal_catch_up() -> int:
    """How many lines were missing and are there now. Reads all such rows and the whole file."""
    told = {(line["kind"], line["id"]): line for line in journal_read()}
    with scope.system():
        missing = [line for line in _rows() if told.get((line["kind"], line["id"])) != line]
    if missing:
        lines_append(journal_file(), missing)
    return len(missing)


def journal_watch() -> None:
    """Every saved or deleted row of these kinds is told once its transaction has committed."""
    for kind in KINDS:
        post_save.connect(_saved, sender=kind.model, dispatch_uid=f"journal {kind.name}")
    post_delete.connect(_deleted, sender=AssetSubject, dispatch_uid="journal link gone")


def journal_tell(rows: Iterable[models.Model]) -> None:
    """Rows that were made or changed in bulk, which no signal tells of."""
    for row in rows:
        _saved(type(row), row)


def line_of(kind: Kind, row: models.Model) -> Line:
    """How a row is told."""
    stated = {name: _plain(getattr(row, name)) for name in kind.fields}
    return {"kind": kind.name, "id": kind.key(row), **stated}


def _rows() -> Iterator[Line]:
    for kind in KINDS:
        rows: Iterable[models.Model] = kind.model._default_manager.order_by("pk").iterator()  # noqa: SLF001 - Django's name for it
        yield from (line_of(kind, row) for row in rows if kind.told(row))


def _saved(sender: type[models.Model], instance: models.Model, **_: object) -> None:
    for kind in KINDS:
        if kind.model is sender and kind.told(instance):
            _append(line_of(kind, instance))


def _deleted(sender: type[models.Model], instance: AssetSubject, **_: object) -> None:
    _append({"kind": "link", "id": f"{instance.asset_id}/{instance.subject}", "gone": True})


def _append(line: Line) -> None:
    def write() -> None:
        lines_append(journal_file(), [line])

    # robust: the row is committed; what is missing here, the next look over all rows adds.
    transaction.on_commit(write, robust=True)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
