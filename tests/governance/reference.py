"""What the rules mean, written down once more and simply: what the machine compares with.

Moments are days on a clock of the model's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

SEARCH = "search"


@dataclass
class Given:
    """A record of consent: from when to when it counts, and in which order things were said."""

    id: UUID
    series: UUID
    purposes: frozenset[str]
    start: float
    end: float | None
    order: int
    taken_back: int | None = None


@dataclass
class Person:
    restricted: bool = False
    objected: bool = False
    erased: bool = False
    given: list[Given] = field(default_factory=list)

    def permits(self, purpose: str, *, required: bool, now: float) -> bool:
        """A withdrawal counts until something is recorded after it."""
        if self.erased or self.restricted or self.objected:
            return False
        about = [one for one in self.given if purpose in one.purposes]
        back = [one.taken_back for one in about if one.taken_back is not None]
        if not required and not back:
            return True
        return any(
            one.taken_back is None
            and one.order > max(back, default=0)
            and one.start <= now
            and (one.end is None or now < one.end)
            for one in about
        )


@dataclass
class Thing:
    """An asset: where it is, who is in it, what it was made of."""

    id: UUID
    home: int
    text: str
    people: set[UUID] = field(default_factory=set)
    erased: bool = False


@dataclass
class Held:
    """A hold on one thing: what it reaches is asked for when it matters."""

    id: UUID
    what: str
    on: UUID
    hits: frozenset[UUID] = frozenset()


@dataclass
class Reference:
    """Everything that was said and done, without any database."""

    now: float = 0.0
    order: int = 0
    homes: dict[int, UUID] = field(default_factory=dict)
    required: dict[tuple[int, str], bool] = field(default_factory=dict)
    people: dict[UUID, Person] = field(default_factory=dict)
    things: dict[UUID, Thing] = field(default_factory=dict)
    holds: dict[UUID, Held] = field(default_factory=dict)

    def next(self) -> int:
        self.order += 1
        return self.order

    def permits(self, thing: Thing, purpose: str = SEARCH) -> bool:
        """Whether everybody in it permits it; whatever it is for, it must be searchable too."""
        return all(self._one(thing, name) for name in {SEARCH, purpose})

    def _one(self, thing: Thing, purpose: str) -> bool:
        required = self.required.get((thing.home, purpose), False)
        if required and not thing.people:
            return False
        people = [self.people[one] for one in thing.people]
        return all(one.permits(purpose, required=required, now=self.now) for one in people)

    def held(self, thing: Thing) -> bool:
        return any(self._reaches(hold, thing) for hold in self.holds.values())

    def _reaches(self, hold: Held, thing: Thing) -> bool:
        return {
            "asset": hold.on == thing.id,
            "collection": hold.on == self.homes[thing.home],
            "subject": hold.on in thing.people,
            "query": thing.id in hold.hits,
        }[hold.what]

    def held_person(self, person: UUID) -> bool:
        return any(hold.what == "subject" and hold.on == person for hold in self.holds.values())

    def living(self) -> list[Thing]:
        return [thing for thing in self.things.values() if not thing.erased]
