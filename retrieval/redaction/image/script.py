"""Text whose every character knows where in a picture it stands.

Writing in a picture has no one right order: a form is read by rows, a letter by columns, an
address may be broken over two lines. Each order is a ``Script`` over the same lines; what is found
in any of them is marked on the lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Place = tuple[int, int] | None
"""Index of a line and of a character in it; None for a character that stands nowhere."""


@dataclass(frozen=True, slots=True)
class Script:
    """``text`` and for each of its characters its place; as long as one another."""

    text: str
    places: tuple[Place, ...]

    def marks(self, start: int, end: int) -> list[Mark]:
        """The stretch ``start:end`` as one mark for each line that it touches."""
        touched: dict[int, tuple[int, int]] = {}
        for place in self.places[start:end]:
            if place is not None:
                line, at = place
                low, high = touched.get(line, (at, at))
                touched[line] = (min(low, at), max(high, at))
        return [Mark(line, low, high + 1) for line, (low, high) in touched.items()]

    def changed(self, text: str) -> Script:
        """Another spelling, character for character.

        Raises:
            ValueError: it has another length.
        """
        if len(text) != len(self.text):
            raise ValueError(f"{len(text)} characters instead of {len(self.text)}")
        return Script(text, self.places)

    def without(self, spans: Iterable[tuple[int, int]]) -> Script:
        """The script with spans (ordered, not overlapping) left out."""
        pieces: list[str] = []
        places: list[Place] = []
        done = 0
        for start, end in spans:
            pieces.append(self.text[done:start])
            places += self.places[done:start]
            done = end
        return Script("".join([*pieces, self.text[done:]]), (*places, *self.places[done:]))


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters ``start:end`` of one line."""

    line: int
    start: int
    end: int


@dataclass(slots=True)
class Writer:
    """Puts a script together."""

    _pieces: list[str] = field(default_factory=list)
    _places: list[Place] = field(default_factory=list)

    def line(self, index: int, text: str) -> None:
        """Append a whole line."""
        self._pieces.append(text)
        self._places += [(index, at) for at in range(len(text))]

    def gap(self, text: str) -> None:
        """Append characters that stand nowhere."""
        self._pieces.append(text)
        self._places += [None] * len(text)

    def script(self) -> Script:
        """What has been written."""
        return Script("".join(self._pieces), tuple(self._places))


def joined(
    order: Sequence[Sequence[int]], texts: Sequence[str], *, line: str, block: str
) -> Script:
    """Blocks of line indices as one script, with the given characters between them."""
    writer = Writer()
    for number, indices in enumerate(order):
        writer.gap(block if number else "")
        for place, index in enumerate(indices):
            writer.gap(line if place else "")
            writer.line(index, texts[index])
    return writer.script()
