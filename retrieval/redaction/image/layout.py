"""Orders in which a picture's lines can be read: by rows, and block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from retrieval.redaction.image import geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Lines whose directions differ by less belong to the same sheet of paper.
_SAME_DIRECTION: Final = 20.0
_SAME_ROW: Final = 0.5
# A line below continues the one above where it begins no further than this many heights lower.
_NEXT_LINE: Final = 2.0
_BESIDE: Final = 0.2
_LIKE_HEIGHT: Final = 1.9


@dataclass(frozen=True, slots=True)
class Placed:
    """A line in its sheet's own axes: ``left`` and ``right`` along the lines, ``middle`` across."""

    index: int
    left: float
    right: float
    middle: float
    height: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """Lines that run in one direction, by rows from the top, each row from left to right."""

    rows: tuple[tuple[Placed, ...], ...]

    def blocks(self) -> list[list[int]]:
        """Line indices, column by column: each line followed by the one that stands below it."""
        follower: dict[int, int] = {}
        taken: set[int] = set()
        flat = [line for row in self.rows for line in row]
        for line in flat:
            below = [
                other for other in flat if other.index not in taken and _continues(line, other)
            ]
            if below:
                nearest = min(below, key=lambda other: (other.middle, abs(other.left - line.left)))
                follower[line.index] = nearest.index
                taken.add(nearest.index)
        starts = [line.index for line in flat if line.index not in taken]
        return [_chain(start, follower) for start in starts]


def sheets(quads: Sequence[NDArray[np.float32]]) -> list[Sheet]:
    """The lines of a picture grouped by direction, the group with most of them first."""
    groups: list[list[int]] = []
    angles = [geometry.angle(quad) for quad in quads]
    for index in sorted(range(len(quads)), key=lambda i: -geometry.size(quads[i])[0]):
        for group in groups:
            if _turn(angles[index], angles[group[0]]) < _SAME_DIRECTION:
                group.append(index)
                break
        else:
            groups.append([index])
    groups.sort(key=lambda group: -len(group))
    return [_sheet(group, quads, angles) for group in groups]


def _turn(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def _sheet(
    group: Sequence[int], quads: Sequence[NDArray[np.float32]], angles: Sequence[float]
) -> Sheet:
    direction = np.radians(np.median([_near(angles[i], angles[group[0]]) for i in group]))
    along = np.array([np.cos(direction), np.sin(direction)])
    across = np.array([-along[1], along[0]])
    lines = []
    for index in group:
        reach = quads[index] @ along
        middle = float((quads[index] @ across).mean())
        height = geometry.size(quads[index])[1]
        lines.append(Placed(index, float(reach.min()), float(reach.max()), middle, height))
    return Sheet(tuple(_rows(sorted(lines, key=lambda line: line.middle))))


def _near(value: float, reference: float) -> float:
    """``value`` plus or minus a full turn, whichever is nearest to ``reference``."""
    return reference + (value - reference + 180) % 360 - 180


def _rows(lines: Sequence[Placed]) -> list[tuple[Placed, ...]]:
    rows: list[list[Placed]] = []
    for line in lines:
        for row in reversed(rows[-3:]):
            last = row[-1]
            if abs(line.middle - last.middle) < _SAME_ROW * min(line.height, last.height):
                row.append(line)
                break
        else:
            rows.append([line])
    rows.sort(key=lambda row: row[0].middle)
    return [tuple(sorted(row, key=lambda line: line.left)) for row in rows]


def _continues(line: Placed, other: Placed) -> bool:
    """Whether ``other`` stands right below ``line``, in like letters."""
    drop = other.middle - line.middle
    height = max(line.height, other.height)
    if not 0.4 * height < drop < _NEXT_LINE * height:
        return False
    if height > _LIKE_HEIGHT * min(line.height, other.height):
        return False
    shared = min(line.right, other.right) - max(line.left, other.left)
    return shared > _BESIDE * min(line.right - line.left, other.right - other.left)


def _chain(start: int, follower: dict[int, int]) -> list[int]:
    chain = [start]
    while chain[-1] in follower:
        chain.append(follower[chain[-1]])
    return chain
