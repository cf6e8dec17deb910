"""Sentences about people who do not exist, the same for all of them but for the name."""

from __future__ import annotations

from dataclasses import dataclass

PEOPLE = (
    "Anna Hoffmann", "Peter Sullivan", "Maria Gonzalez", "Thomas Becker", "Julia Novak",
    "David Harrison", "Sophie Laurent", "Michael O'Brien", "Elena Petrova", "James Whitfield",
    "Laura Bianchi", "Robert Fischer", "Claire Dubois", "Daniel Weber", "Sarah Thompson",
    "Andreas Keller", "Emma Lindqvist", "Carlos Mendes", "Hannah Schwarz", "William Ashford",
)  # fmt: skip
_EXAMPLES = (
    "{} wrote to the council about the noise of the new road.",
    "Yesterday {} returned the borrowed ladder to the workshop.",
    "The committee thanked {} for organising the summer fair.",
    "A letter from {} arrived this morning together with two photographs.",
)
_TARGETS = (
    "{} asked whether the library could stay open on Sundays.",
    "During the meeting {} proposed to plant more trees along the river.",
    "The invoice for the repaired roof was sent to {} last week.",
    "Please tell {} that the lost umbrella has been found at the station.",
    "On Monday {} moved into the office next to the kitchen.",
    "The photograph shows {} beside the old bridge in winter.",
    "According to the report, {} was the last to leave the building.",
    "We are waiting for an answer from {} about the broken heating.",
)


@dataclass(frozen=True)
class Said:
    """One sentence and the number of the person it names."""

    text: str
    person: int


def examples() -> list[Said]:
    """What the attacker knows: four sentences about each person."""
    return _all(_EXAMPLES)


def targets() -> list[Said]:
    """What he guesses about: eight other sentences about each."""
    return _all(_TARGETS)


def _all(sentences: tuple[str, ...]) -> list[Said]:
    return [
        Said(sentence.format(name), person)
        for person, name in enumerate(PEOPLE)
        for sentence in sentences
    ]
