"""What a receipt says besides its counts: what remains and why, and what erasing cannot reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from django.conf import settings
from django.db import connection

from audit.backups import backups_living
from audit.hold_models import LegalHold
from retrieval.erasure_stores import Note, register_notes
from retrieval.selectors.holds import held
from retrieval.services.erasing_queries import held_asking

Ids = Sequence[UUID]


def notes_register() -> None:
    """Registers every note of this room. At start-up."""
    register_notes("holds", _holds)
    register_notes("held queries", _held_queries)
    register_notes("backups", _backups)
    register_notes("marks", _marks)
    register_notes("surroundings", _surroundings)


def _holds(assets: Ids, subjects: Ids) -> Iterator[Note]:
    kept = sorted({str(hold) for holds in held(assets).values() for hold in holds})
    people = LegalHold.objects.filter(subject__in=subjects, state=LegalHold.State.ACTIVE)
    kept += sorted({str(one) for one in people.values_list("id", flat=True)} - set(kept))
    if kept:
        yield Note(
            kind="remains",
            what="what a legal hold keeps",
            why="goes by itself when the hold is released",
            ids=tuple(kept),
        )


def _held_queries(assets: Ids, _subjects: Ids) -> Iterator[Note]:
    found = held_asking(assets)
    if found:
        yield Note(
            kind="remains",
            what="queries that asked by it and are under a legal hold",
            why="they are destroyed when the hold on the search is released",
            ids=tuple(str(one) for one in found),
        )


def _backups(_assets: Ids, _subjects: Ids) -> Iterator[Note]:
    for entry in backups_living():
        yield Note(
            kind="remains",
            what="a backup made before",
            why="its copy of the keys goes earlier; what is restored from it is erased again first",
            until=entry.until.isoformat(),
            ids=(entry.id,),
        )


def _marks(assets: Ids, subjects: Ids) -> Iterable[Note]:
    if assets or subjects:
        yield Note(
            kind="remains",
            what="random ids: of what was erased, in the ledger and in records of searches",
            why="they show that it was done; nothing leads from them to a person",
        )


def _surroundings(_assets: Ids, _subjects: Ids) -> Iterator[Note]:
    for what, why in (
        ("free blocks of the disk", "a file system does not wipe what it frees: encrypt the disk"),
        ("memory of running processes", "passes within minutes; nothing of it is written down"),
        ("copies outside this appliance", "downloads, screenshots and mail cannot be recalled"),
        ("replicas and snapshots", "what copies the disk or the database is its operator's"),
    ):
        yield Note(kind="not_reached", what=what, why=why)
    if str(settings.PATHS.postgres_socket_dir) != connection.settings_dict["HOST"]:
        yield Note(
            kind="not_reached",
            what="files of a database elsewhere",
            why="its log and its archive are kept as its operator has set",
        )
