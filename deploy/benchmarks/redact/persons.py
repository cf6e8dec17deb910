"""Made-up people for documents: names of several countries, and numbers with right check digits."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stdnum import iban, luhn

if TYPE_CHECKING:
    from random import Random

_FIRST_NAMES: Final = (
    "Oliver Amelia George Isla Harry Ava Noah Mia Jack Emily James Olivia William Sophia Henry "
    "Charlotte Lukas Hannah Felix Johanna Jonas Klara Maximilian Greta Louis Camille Hugo Manon "
    "Mathieu Elodie Alejandro Lucia Pablo Carmen Diego Marta Giulia Matteo Chiara Lorenzo Sven "
    "Astrid Erik Ingrid Piotr Agnieszka Tomasz Katarzyna Wei Yuki Hiroshi Min-jun Priya Arjun "
    "Fatima Omar Aisha Yusuf Chidi Amara Kwame Zanele Thiago Beatriz Dmitri Oksana Eleni Nikos "
    "Siobhan Padraig Rhys Carys Marlon Keisha Darnell Latoya Ezra Miriam Levi Tamar"
)
_LAST_NAMES: Final = (
    "Smith Jones Taylor Brown Williams Evans Thomas Johnson Walker Wright Robinson Thompson Hughes "
    "Edwards Schneider Fischer Weber Hoffmann Schulz Koch Richter Wolf Dupont Lefebvre Moreau "
    "Girard Fontaine Rousseau Garcia Martinez Fernandez Navarro Ortega Delgado Rossi Ferrari "
    "Esposito Bianchi Lindqvist Johansson Nielsen Andersen Kowalski Nowak Wojcik Zielinski Chen "
    "Nakamura Tanaka Kim Sharma Patel Gupta Hassan Rahman Okafor Mensah Dlamini Silva Pereira "
    "Volkov Shevchenko Papadopoulos O'Brien Murphy Gallagher Llewellyn Washington Jefferson "
    "Goldberg Rosenthal Vandenberg Brinkmann Thorsen Castellano Beaumont"
)
_STREETS: Final = (
    "Station Road", "Church Lane", "Victoria Street", "Mill Close", "High Street", "Park Avenue",
    "Maple Drive", "Oak Street", "Lincoln Boulevard", "Sunset Court", "Kings Road", "Elm Grove",
)  # fmt: skip
_TOWNS: Final = (
    ("Leeds", "LS1 4AP"), ("Bristol", "BS8 1TH"), ("Norwich", "NR2 4SX"), ("York", "YO1 7HH"),
    ("Springfield, IL", "62704"), ("Portland, OR", "97205"), ("Austin, TX", "78701"),
    ("Denver, CO", "80203"), ("Cardiff", "CF10 3NS"), ("Exeter", "EX4 3SR"),
)  # fmt: skip
_NO_CHECK_DIGIT: Final = 10
_DOMAINS: Final = ("example.com", "example.org", "mail.example.net", "post.example.co.uk")


@dataclass(frozen=True, slots=True)
class Person:
    """Everything about somebody who does not exist."""

    first: str
    last: str
    email: str
    phone: str
    card: str
    account: str
    ssn: str
    nhs: str
    passport: str
    birth: str
    street: str
    town: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


def person(rng: Random) -> Person:
    """The next made-up person."""
    first, last = rng.choice(_FIRST_NAMES.split()), rng.choice(_LAST_NAMES.split())
    plain = f"{first}{rng.choice(('.', '_', ''))}{last}".lower().replace("'", "").replace(" ", "")
    town, code = rng.choice(_TOWNS)
    return Person(
        first=first,
        last=last,
        email=f"{plain}{rng.choice(('', str(rng.randint(1, 99))))}@{rng.choice(_DOMAINS)}",
        phone=_phone(rng),
        card=_card(rng),
        account=_account(rng),
        ssn=f"{rng.randint(100, 665):03d}-{rng.randint(10, 99):02d}-{rng.randint(1000, 9999):04d}",
        nhs=_nhs(rng),
        passport=rng.choice(string.ascii_uppercase) + _digits(rng, 8),
        birth=f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{rng.randint(1940, 2004)}",
        street=f"{rng.randint(1, 240)} {rng.choice(_STREETS)}",
        town=f"{town} {code}",
    )


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


def _phone(rng: Random) -> str:
    return rng.choice(
        (
            f"+44 20 79{_digits(rng, 2)} {_digits(rng, 4)}",
            f"020 79{_digits(rng, 2)} {_digits(rng, 4)}",
            f"(212) 555-{_digits(rng, 4)}",
            f"+1 415-555-{_digits(rng, 4)}",
            f"+49 30 2345{_digits(rng, 4)}",
            f"+33 1 42 68 {_digits(rng, 2)} {_digits(rng, 2)}",
            f"07700 900{_digits(rng, 3)}",
        )
    )


def _card(rng: Random) -> str:
    body = rng.choice(("4", "51", "53", "55")) + _digits(rng, 15)
    body = body[:15]
    whole = body + luhn.calc_check_digit(body)
    return " ".join(whole[at : at + 4] for at in range(0, 16, 4))


def _account(rng: Random) -> str:
    body = rng.choice(
        (
            ("DE", _digits(rng, 18)),
            ("GB", "NWBK" + _digits(rng, 14)),
            ("NL", "ABNA" + _digits(rng, 10)),
        )
    )
    check = iban.calc_check_digits(f"{body[0]}00{body[1]}")
    return iban.format(f"{body[0]}{check}{body[1]}")


def _nhs(rng: Random) -> str:
    while True:
        body = rng.choice("4679") + _digits(rng, 8)
        rest = (
            11
            - sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True))
            % 11
        )
        if rest != _NO_CHECK_DIGIT:
            whole = body + str(rest % 11)
            return f"{whole[:3]} {whole[3:6]} {whole[6:]}"
