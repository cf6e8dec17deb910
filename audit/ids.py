"""Many ids as one block of bytes: ten thousand cost a search no loop in Python."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload
from uuid import UUID
from weakref import WeakSet

import numpy as np
from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.pq import Format

_WIDTH = 16
_REGISTERED: WeakSet[Connection[Any]] = WeakSet()
# Head of an array without nulls on the wire, and of an empty one: dimensions, nulls, type of the
# elements, then length and lower bound (array_send in PostgreSQL's arrayfuncs.c).
_HEAD = struct.Struct(">iiIii")
_EMPTY = struct.Struct(">iiI")
_ELEMENT = np.frombuffer(struct.pack(">i", _WIDTH), np.uint8)


class Ids(Sequence[UUID]):
    """Distinct ids, ascending by their bytes as in Postgres. Equal blocks are equal sets.

    As a binary parameter (``%b``) it is a ``uuid[]``.
    """

    def __init__(self, block: bytes = b"") -> None:
        """From 16 bytes an id, ascending and without repetition; see ``of`` for any others."""
        if len(block) % _WIDTH:
            raise ValueError(f"expected a multiple of {_WIDTH} bytes, got {len(block)}")
        self.block = block

    @classmethod
    def of(cls, ids: Iterable[UUID]) -> Ids:
        """From ids in any order."""
        return ids if isinstance(ids, Ids) else cls(b"".join(sorted({one.bytes for one in ids})))

    @classmethod
    def merged(cls, parts: Sequence[Ids]) -> Ids:
        """The ids of all parts together."""
        filled = [part for part in parts if part.block]
        if len(filled) < 2:  # noqa: PLR2004  (nothing to merge)
            return filled[0] if filled else cls()
        rows = np.frombuffer(b"".join(part.block for part in filled), f"S{_WIDTH}")
        # numpy's strings drop trailing zero bytes when they are taken out one by one, not here.
        return cls(np.unique(rows).tobytes())

    def without(self, others: Iterable[UUID]) -> Ids:
        """These but ``others``."""
        left_out = Ids.of(others)
        if not left_out.block or not self.block:
            return self
        rows, out = (np.frombuffer(one.block, f"S{_WIDTH}") for one in (self, left_out))
        return Ids(rows[~np.isin(rows, out)].tobytes())

    @cached_property
    def frozen(self) -> frozenset[UUID]:
        """The same as a set; made once."""
        return frozenset(self)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the block, 32 bytes: the name of this set of ids."""
        return hashlib.sha256(self.block).digest()

    def wire(self) -> bytes:
        """As Postgres takes a ``uuid[]`` in binary."""
        oid = types["uuid"].oid
        if not self.block:
            return _EMPTY.pack(0, 0, oid)
        rows = np.empty((len(self), len(_ELEMENT) + _WIDTH), np.uint8)
        rows[:, : len(_ELEMENT)] = _ELEMENT
        rows[:, len(_ELEMENT) :] = np.frombuffer(self.block, np.uint8).reshape(-1, _WIDTH)
        return _HEAD.pack(1, 0, oid, len(self), 1) + rows.tobytes()

    def __len__(self) -> int:
        """How many."""
        return len(self.block) // _WIDTH

    @overload
    def __getitem__(self, at: int) -> UUID: ...
    @overload
    def __getitem__(self, at: slice) -> Ids: ...
    def __getitem__(self, at: int | slice) -> UUID | Ids:
        """The id in that place, or the ids of a slice."""
        if isinstance(at, slice):
            first, last, step = at.indices(len(self))
            if step == 1:
                return Ids(self.block[_WIDTH * first : _WIDTH * max(first, last)])
            return Ids.of([self[place] for place in range(first, last, step)])
        place = range(len(self))[at]
        return UUID(bytes=self.block[place * _WIDTH : (place + 1) * _WIDTH])

    def __iter__(self) -> Iterator[UUID]:
        """Each id; this is the loop that a search avoids."""
        return (self[place] for place in range(len(self)))

    def __contains__(self, one: object) -> bool:
        """Found by halving, without making a set."""
        if not isinstance(one, UUID):
            return False
        at = bisect_left(range(len(self)), one.bytes, key=self._bytes)
        return at < len(self) and self._bytes(at) == one.bytes

    def __eq__(self, other: object) -> bool:
        """Whether these are the same ids."""
        return isinstance(other, Ids) and self.block == other.block

    def __hash__(self) -> int:
        """Equal sets hash equally."""
        return hash(self.block)

    def __repr__(self) -> str:
        """How many; not which."""
        return f"<{len(self)} ids>"

    def _bytes(self, place: int) -> bytes:
        return self.block[place * _WIDTH : (place + 1) * _WIDTH]


class IdsDumper(Dumper):
    """How psycopg sends them: as one binary ``uuid[]``."""

    format = Format.BINARY
    oid = types["uuid"].array_oid

    def dump(self, obj: Any) -> bytes:
        """The array on the wire."""
        found: Ids = obj
        return found.wire()


def register_ids(connection: Connection[Any]) -> None:
    """Lets a connection take ``Ids`` as parameters. Cheap to repeat."""
    if connection not in _REGISTERED:
        connection.adapters.register_dumper(Ids, IdsDumper)
        _REGISTERED.add(connection)
