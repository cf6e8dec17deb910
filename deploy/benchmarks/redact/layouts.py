"""What stands where on each kind of document, in units of the type's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from deploy.benchmarks.redact.persons import Person

Part = tuple[str, str]
"""Text, and the secret that it belongs to or nothing."""
Layout = Callable[[Random, Person, Person], tuple[float, float, list["Line"]]]

_SENTENCES: Final = (
    "The meeting room is booked for the whole afternoon",
    "Please return the completed form before the end of the month",
    "Delivery usually takes three to five working days",
    "All prices include tax and packaging",
    "The new schedule applies to every department",
    "Keep this card in a dry place and do not bend it",
    "Your request has been received and will be processed soon",
    "Turn left after the bridge and follow the river",
    "The report covers the first half of the budget",
    "Water the plants twice a week during summer",
)


@dataclass(frozen=True, slots=True)
class Line:
    """Text parts one after the other from (x, y)."""

    x: float
    y: float
    parts: tuple[Part, ...]
    large: bool = False


def _plain(x: float, y: float, text: str, *, large: bool = False) -> Line:
    return Line(x, y, ((text, ""),), large)


def _field(x: float, y: float, label: str, value: str) -> Line:
    return Line(x, y, ((label, ""), (value, value)))


def identity_card(rng: Random, who: Person, _: Person) -> tuple[float, float, list[Line]]:
    """Labels above values, as on cards of many countries."""
    lines = [
        _plain(2, 1.2, rng.choice(("IDENTITY CARD", "STAFF PASS", "LIBRARY CARD")), large=True)
    ]
    fields = [
        ("Surname", who.last.upper()),
        ("Given names", who.first),
        ("Date of birth", who.birth),
        ("Card No.", who.passport),
    ]
    y = 4.0
    for label, value in fields:
        lines += [_plain(2, y, label), Line(2, y + 1.5, ((value, value),))]
        y += 3.6
    lines.append(_plain(2, y, "Valid for five years after issue"))
    return 26, y + 3, lines


def bank_card(rng: Random, who: Person, _: Person) -> tuple[float, float, list[Line]]:
    """Number and holder without labels."""
    lines = [
        _plain(2, 1.5, rng.choice(("NORTHERN BANK", "CITY SAVINGS", "Premium Debit"))),
        Line(2, 7, ((who.card, who.card),), large=True),
        _plain(2, 10, f"VALID THRU {rng.randint(1, 12):02d}/{rng.randint(27, 32)}"),
        Line(2, 12.5, ((who.name.upper(), who.name),)),
    ]
    return 30, 16, lines


def business_card(rng: Random, who: Person, _: Person) -> tuple[float, float, list[Line]]:
    """Name, what they do, how to reach them."""
    role = rng.choice(("Sales manager", "Chief engineer", "Architect", "Translator"))
    lines = [
        Line(2, 2, ((who.name, who.name),), large=True),
        _plain(2, 4, role),
        _field(2, 7, rng.choice(("T", "Tel.", "Phone:")), who.phone),
        _field(2, 8.8, rng.choice(("E", "E-mail:", "Mail:")), who.email),
        Line(2, 10.6, ((f"{who.street}, {who.town}", f"{who.street}, {who.town}"),)),
    ]
    return 38, 13.5, lines


def form(rng: Random, who: Person, other: Person) -> tuple[float, float, list[Line]]:
    """Labels left, values right, sentences below."""
    fields = [
        ("Full name", who.name),
        ("E-mail", who.email),
        ("Phone", who.phone),
        ("Date of birth", who.birth),
        ("Social security number", who.ssn),
        ("Account (IBAN)", who.account),
        ("Emergency contact", other.name),
    ]
    rng.shuffle(fields)
    colon = rng.choice((":", "", ""))
    lines = [
        _plain(
            2,
            1.5,
            rng.choice(("APPLICATION FORM", "Registration", "Change of details")),
            large=True,
        )
    ]
    y = 5.0
    for label, value in fields:
        lines += [_plain(2, y, label + colon), Line(17, y, ((value, value),))]
        y += 2.1
    for sentence in rng.sample(_SENTENCES, 4):
        y += 1.9
        lines.append(_plain(2, y, sentence))
    return 42, y + 3, lines


def letter(rng: Random, who: Person, other: Person) -> tuple[float, float, list[Line]]:
    """An address, sentences with somebody in the middle of them."""
    place = (who.street, who.town)
    lines = [
        Line(2, 2, ((who.name, who.name),)),
        *(Line(2, 3.6 + 1.6 * i, ((p, p),)) for i, p in enumerate(place)),
    ]
    body: list[tuple[Part, ...]] = [
        (("Dear", ""), (who.name, who.name)),
        ((rng.choice(_SENTENCES) + ".", ""),),
        (("Your card", ""), (who.card, who.card), ("has been replaced.", "")),
        ((rng.choice(_SENTENCES) + ".", ""),),
        (("If you have questions call", ""), (other.phone, other.phone)),
        (("or write to", ""), (other.email, other.email)),
        ((rng.choice(_SENTENCES) + ".", ""),),
        (("Kind regards", ""),),
        ((other.name, other.name),),
    ]
    y = 9.0
    for parts in body:
        lines.append(Line(2, y, parts))
        y += 1.8
    return 44, y + 2, lines


def table(rng: Random, who: Person, other: Person) -> tuple[float, float, list[Line]]:
    """A screenshot of a list with columns."""
    lines = [_plain(1, 1, rng.choice(("Contacts", "Customers", "Members")), large=True)]
    columns = ((1.0, "Name"), (13.0, "E-mail"), (35.0, "Phone"), (47.0, "Status"))
    lines += [_plain(x, 3.5, label) for x, label in columns]
    for row, one in enumerate((who, other)):
        y = 5.5 + 2.0 * row
        values = (one.name, one.email, one.phone)
        lines += [Line(x, y, ((v, v),)) for (x, _), v in zip(columns, values, strict=False)]
        lines.append(_plain(47, y, rng.choice(("active", "pending", "closed"))))
    lines += [_plain(1, 10.5 + 1.8 * i, s) for i, s in enumerate(rng.sample(_SENTENCES, 3))]
    return 56, 17, lines


def chat(rng: Random, who: Person, other: Person) -> tuple[float, float, list[Line]]:
    """A screenshot of messages."""
    said: list[tuple[float, tuple[Part, ...]]] = [
        (1, ((who.name, who.name), ("10:42", ""))),
        (1, ((rng.choice(_SENTENCES), ""),)),
        (8, (("You can reach me at", ""), (who.email, who.email))),
        (8, (("or on", ""), (who.phone, who.phone), ("after six", ""))),
        (1, ((other.name, other.name), ("10:45", ""))),
        (1, (("my number is", ""), (other.phone, other.phone))),
        (1, ((rng.choice(_SENTENCES), ""),)),
        (8, (("please pay to", ""), (other.account, other.account))),
    ]
    lines = [Line(x, 1.5 + 2.0 * row, parts) for row, (x, parts) in enumerate(said)]
    return 46, 19, lines


def prescription(rng: Random, who: Person, other: Person) -> tuple[float, float, list[Line]]:
    """Labels with colons on one line with their values."""
    lines = [_plain(2, 1.5, "OUTPATIENT CLINIC", large=True)]
    rows: list[tuple[Part, ...]] = [
        (("Patient:", ""), (who.name, who.name)),
        (("DOB:", ""), (who.birth, who.birth)),
        (("NHS No:", ""), (who.nhs, who.nhs)),
        (("Address:", ""), (f"{who.street}, {who.town}", f"{who.street}, {who.town}")),
        (("Take one tablet twice a day with water", ""),),
        ((rng.choice(_SENTENCES), ""),),
        (("Physician:", ""), (f"Dr {other.name}", other.name)),
        (("Phone:", ""), (other.phone, other.phone)),
    ]
    lines += [Line(2, 4.5 + 2.0 * row, parts) for row, parts in enumerate(rows)]
    return 36, 22, lines


LAYOUTS: Final[dict[str, Layout]] = {
    "identity card": identity_card,
    "bank card": bank_card,
    "business card": business_card,
    "form": form,
    "letter": letter,
    "table": table,
    "chat": chat,
    "prescription": prescription,
}
