"""Large pictures in pieces that overlap, so that memory does not grow with the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MULTIPLE: Final = 32
"""Sides that the networks take are multiples of this."""
_LONGEST: Final = 832
_OVERLAP: Final = 64


@dataclass(frozen=True, slots=True)
class Tile:
    """``start:end`` is looked at; ``first:last`` of it is kept, the tiles' parts side by side."""

    start: int
    end: int
    first: int
    last: int


def tiles(length: int) -> Iterator[Tile]:
    """Pieces of a side of ``length`` pixels, a multiple of ``MULTIPLE``.

    Each is such a multiple too.
    """
    count = 1 if length <= _LONGEST else -(-(length - _OVERLAP) // (_LONGEST - _OVERLAP))
    size = length if count == 1 else _rounded((length + (count - 1) * _OVERLAP) / count)
    starts = [_rounded_down((length - size) * at / max(1, count - 1)) for at in range(count)]
    starts[-1] = length - size
    for at, start in enumerate(starts):
        before = starts[at - 1] + size if at else start
        after = starts[at + 1] if at + 1 < count else start + size
        yield Tile(
            start,
            start + size,
            start if at == 0 else (start + before) // 2,
            start + size if at + 1 == count else (after + start + size) // 2,
        )


def _rounded(value: float) -> int:
    return -(-round(value) // MULTIPLE) * MULTIPLE


def _rounded_down(value: float) -> int:
    return int(value) // MULTIPLE * MULTIPLE
