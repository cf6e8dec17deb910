"""Every place that holds something of an asset or a subject, and how that goes from there.

Whoever keeps something about assets or subjects registers a store at start-up; erasure goes through
all of them in the order of registration, and the receipt counts each before and after. A store that
is forgotten here is found by ``tests/retrieval/services/test_erasing_stores.py``, which compares
what is registered with all columns of the database that name an asset, a segment or a subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID


@dataclass(frozen=True)
class Note:
    """A line of the receipt: what remains and why, or what erasing could not reach.

    ``until``: the day (ISO 8601) after which it is gone by itself. ``ids``: of models, backups,
    holds; never names or content.
    """

    kind: Literal["remains", "not_reached"]
    what: str
    why: str
    until: str | None = None
    ids: tuple[str, ...] = ()


class Store(Protocol):
    """One place. All of it is called inside ``retrieval.scope.system`` and must be idempotent.

    ``phase``: ``database`` is emptied in the very transaction that erases the asset; ``outside``
    (files, keys, caches) after it has committed, and again if that is cut short.

    ``asset_ids`` and ``subject_ids`` may each be empty: assets go one by one, their subject last.
    """

    @property
    def name(self) -> str:
        """How the receipt calls it; different from all others."""

    @property
    def phase(self) -> Literal["database", "outside"]:
        """When it is emptied."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Which database tables it answers for; ``*`` at the end of a name stands for the rest."""

    def count(self, *, asset_ids: Sequence[UUID], subject_ids: Sequence[UUID]) -> int:
        """How many things of these it holds now."""

    def erase(self, *, asset_ids: Sequence[UUID], subject_ids: Sequence[UUID]) -> None:
        """Holds none of them afterwards."""


Notes = Callable[[Sequence[UUID], Sequence[UUID]], Iterable[Note]]
Count = Callable[[Sequence[UUID], Sequence[UUID]], int]
Erase = Callable[[Sequence[UUID], Sequence[UUID]], None]


@dataclass(frozen=True)
class FunctionStore:
    """A store made of two functions that take asset ids and subject ids."""

    name: str
    counts: Count
    erases: Erase
    phase: Literal["database", "outside"] = "database"
    tables: tuple[str, ...] = field(default=())

    def count(self, *, asset_ids: Sequence[UUID], subject_ids: Sequence[UUID]) -> int:
        """How many things of these it holds now."""
        return self.counts(asset_ids, subject_ids)

    def erase(self, *, asset_ids: Sequence[UUID], subject_ids: Sequence[UUID]) -> None:
        """Holds none of them afterwards."""
        self.erases(asset_ids, subject_ids)


_stores: dict[str, Store] = {}
_notes: dict[str, Notes] = {}


def register(store: Store) -> None:
    """Adds a store, or puts it in the place of the one of that name. At start-up."""
    _stores[store.name] = store


def register_notes(name: str, notes: Notes) -> None:
    """Adds what tells, for assets and subjects, what remains or was not reached. At start-up."""
    _notes[name] = notes


def stores() -> tuple[Store, ...]:
    """All of them, in the order in which they are emptied."""
    return tuple(_stores.values())


def notes_for(*, asset_ids: Sequence[UUID], subject_ids: Sequence[UUID]) -> list[Note]:
    """What the receipt says besides its counts. Inside ``retrieval.scope.system``."""
    return [one for notes in _notes.values() for one in notes(asset_ids, subject_ids)]
