"""The identifiers that go into one file, handed out one by one; where each went is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class Seed:
    """Identifiers, as (label, value), still to be written; ``placed`` says which went where."""

    left: deque[tuple[str, str]]
    placed: list[tuple[str, str]] = field(default_factory=list)  # (value, place)

    @classmethod
    def of(cls, identifiers: Iterable[tuple[str, str]]) -> Seed:
        """A seed of these."""
        return cls(deque(identifiers))

    def one(self, place: str) -> tuple[str, str]:
        """The next one, written at ``place``; a harmless pair once all are placed."""
        if not self.left:
            return "Remark", "nothing in particular"
        label, value = self.left.popleft()
        self.placed.append((value, place))
        return label, value

    def rest(self, place: str) -> Iterator[tuple[str, str]]:
        """All that are left."""
        while self.left:
            yield self.one(place)

    def lines(self, place: str) -> str:
        """All that are left, a line each."""
        return "\n".join(f"{label}: {value}" for label, value in self.rest(place))
