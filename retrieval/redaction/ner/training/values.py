"""What fills a template's slots: a value, and the label of its words ("" for ordinary words)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from retrieval.redaction.ner.training import names, organisations, places

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_NATIONS: Final = (
    "American Canadian Mexican Brazilian Argentinian Chilean Peruvian Colombian Venezuelan Cuban "
    "British English Scottish Welsh Irish French German Spanish Portuguese Italian Swiss Austrian "
    "Belgian Dutch Danish Swedish Norwegian Finnish Icelandic Polish Czech Slovak Hungarian Romanian "
    "Bulgarian Greek Turkish Serbian Croatian Slovenian Bosnian Albanian Macedonian Ukrainian Russian "
    "Belarusian Lithuanian Latvian Estonian Georgian Armenian Azerbaijani Kazakh Uzbek Afghan Pakistani "
    "Indian Bangladeshi Nepali Tibetan Chinese Japanese Korean Vietnamese Thai Malaysian Indonesian "
    "Filipino Singaporean Taiwanese Mongolian Iranian Iraqi Syrian Lebanese Israeli Palestinian "
    "Jordanian Saudi Yemeni Kuwaiti Egyptian Libyan Tunisian Algerian Moroccan Sudanese Ethiopian "
    "Somali Kenyan Ugandan Tanzanian Nigerian Ghanaian Senegalese Cameroonian Congolese Angolan "
    "Zimbabwean Zambian Australian Maltese Cypriot Jamaican Haitian Maori Samoan Bolivian Ecuadorian "
    "European African Asian Arab Kurdish Basque Catalan Flemish Bavarian Hispanic Latino "
    "Hindu Muslim Jewish Christian Catholic Protestant Buddhist Sikh Orthodox Mormon Sunni Shia "
    "Republican Democratic Conservative Labour Communist Socialist Liberal"
).split()
_TITLES: Final = (
    "Mr.",
    "Mrs.",
    "Ms.",
    "Dr.",
    "Mr",
    "Mrs",
    "Ms",
    "Dr",
    "Miss",
    "Prof.",
    "Professor",
    "Sir",
    "Herr",
    "Frau",
    "Madame",
    "Señora",
    "Judge",
    "Hon.",
    "Rev.",
    "Capt.",
)
_JOBS: Final = (
    "teacher|nurse|engineer|lawyer|plumber|driver|chef|accountant|sales manager|designer|pilot|student"
    "|carpenter|Senior Developer|Project Manager|HR Specialist|Marketing Director|data analyst|cashier"
).split("|")  # fmt: skip
_MONTHS: Final = (
    "January February March April May June July August September October November "
    "December Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec"
).split()
_DAYS: Final = ("Monday Tuesday Wednesday Thursday Friday Saturday Sunday").split()
_HOSTS: Final = ("gmail.com", "yahoo.com", "example.org", "web.de", "proton.me", "acme.co.uk")
_FIRST_DAY: Final = dt.date(1925, 1, 1)
_DAY_COUNT: Final = 37_500


def date(random: Random) -> str:
    """A date, time stamp, year or weekday in one of the usual forms."""
    day = _FIRST_DAY + dt.timedelta(days=random.randrange(_DAY_COUNT))
    clock = f"{random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}"
    month = random.choice(_MONTHS)
    forms = (
        day.isoformat(), f"{day.isoformat()} {clock}", f"{day.isoformat()}T{clock}Z", str(day.year),
        str(day.year), f"{day.month}/{day.day}/{day.year}", f"{day.day}/{day.month}/{day.year % 100:02}",
        day.strftime("%d.%m.%Y"), day.strftime("%d-%m-%Y"), f"{month} {day.day}, {day.year}",
        f"{day.day} {month} {day.year}", f"{month} {day.day}", f"{day.day} {month}",
        f"{month} {day.year}", random.choice(_DAYS), random.choice(_DAYS),
        f"{random.choice(_DAYS)}, {month} {day.day}", f"the {day.day}th of {month}", day.strftime("%Y/%m/%d"),
    )  # fmt: skip
    return random.choice(forms)


def clock(random: Random) -> str:
    """A time of day."""
    hour, minute = random.randrange(24), random.choice((0, 15, 30, 45, random.randrange(60)))
    return random.choice(
        (
            f"{hour}:{minute:02}",
            f"{hour % 12 + 1} {random.choice(('am', 'pm', 'p.m.'))}",
            f"{hour % 12 + 1}:{minute:02} PM",
            f"{hour}h{minute:02}",
        )
    )


def digits(random: Random, pattern: str) -> str:
    """``pattern`` with each ``#`` a digit and each ``@`` a capital letter."""
    return "".join(
        str(random.randrange(10))
        if c == "#"
        else random.choice("ABCDEFGHJKLMNPRSTUVWXYZ")
        if c == "@"
        else c
        for c in pattern
    )


_PHONES: Final = (
    "###-###-####",
    "(###) ###-####",
    "+1 (###) ###-####",
    "+44 20 #### ####",
    "0#### ######",
    "+49 ### #######",
    "0# ## ## ## ##",
    "### ### ###",
    "+## ## ### ## ##",
    "##########",
    "#### ## ## ##",
    "###-###-####x####",
    "+33 # ## ## ## ##",
    "00## ### ### ###",
)
_NUMBERS: Final = (
    "#######",
    "##########",
    "@-######",
    "@@@######",
    "####-@@@-####",
    "MRN-#######",
    "###-##-####",
    "@#######",
    "INS-#########",
    "##-####",
    "#####/##",
    "@@-####-##",
    "@##########",
)
_CARDS: Final = (
    "#### #### #### ####",
    "################",
    "####-####-####-####",
    "###############",
)


class Filler:
    """Draws values; people of one document mostly come from one country."""

    def __init__(self, seed: int, *, locales: tuple[str, ...] = ()) -> None:
        """``locales`` narrows names to those of a template's language."""
        self._locales = locales
        self.streets = places.Streets(seed)

    def document(self, random: Random) -> dict[str, Callable[[], tuple[str, str]]]:
        """Slot name to a function that draws (value, label)."""
        of = names.locale(random, self._locales)

        def home() -> str:
            return of if random.random() < 0.7 else names.locale(random, self._locales)

        # Some values stand where another kind is expected: the word itself must tell, not the place
        # alone.
        def someone(share: float) -> tuple[str, str] | None:
            return (names.person(random, home()), "PERSON") if random.random() < share else None

        def elsewhere(share: float) -> tuple[str, str] | None:
            if random.random() >= share:
                return None
            if random.random() < 0.6:
                return places.place(random, names.last_name(random, of)), "LOCATION"
            return organisations.organisation(random, home()), "ORGANIZATION"

        handle = names.first_name(random, of).lower().replace(" ", "") + str(random.randrange(100))
        s = self.streets
        return {
            "person": lambda: elsewhere(0.04) or (_cased(random, names.person(random, home())), "PERSON"),
            "first": lambda: elsewhere(0.03) or (_cased(random, names.first_name(random, home())), "PERSON"),
            "last": lambda: (_cased(random, names.last_name(random, home())), "PERSON"),
            "listed": lambda: (_cased(random, names.listed(random, home())), "PERSON"),
            "place": lambda: someone(0.1) or (_place_cased(random, places.place(random, names.last_name(random, of))), "LOCATION"),
            "place1": lambda: (random.choice(places.large_cities()).split()[0], "LOCATION"),
            "country": lambda: (random.choice(places.countries()), "LOCATION"),
            "org": lambda: someone(0.08) or (organisations.organisation(random, home()), "ORGANIZATION"),
            "nrp": lambda: someone(0.05) or (random.choice(_NATIONS), "NRP"),
            "nrp_people": lambda: (random.choice(_NATIONS) + "s", "NRP"),
            "nrp_person": lambda: (random.choice(_NATIONS), "NRP"),
            "address": lambda: (s.whole(random), "ADDRESS"),
            "street": lambda: (s.line(random), "ADDRESS"),
            "streetname": lambda: (s.name(random), "ADDRESS"),
            "code": lambda: (s.code(random), "ADDRESS"),
            "age": lambda: (str(random.randint(1, 99)), "AGE"),
            "title": lambda: (random.choice(_TITLES), "TITLE"),
            "date": lambda: (date(random), "DATE_TIME"),
            "time": lambda: (clock(random), "DATE_TIME"),
            "year": lambda: (str(random.randint(1850, 2030)), "DATE_TIME"),
            "weekday": lambda: (random.choice(_DAYS), "DATE_TIME"),
            "phone": lambda: (digits(random, random.choice(_PHONES)), "NUMBER"),
            "number": lambda: (digits(random, random.choice(_NUMBERS)), "NUMBER"),
            "card": lambda: (digits(random, random.choice(_CARDS)), "NUMBER"),
            "iban": lambda: (digits(random, "@@##@@@@##############"), "NUMBER"),
            "ip": lambda: (".".join(str(random.randrange(256)) for _ in range(4)), "NUMBER"),
            "email": lambda: (f"{handle}@{random.choice(_HOSTS)}", "NUMBER"),
            "url": lambda: (f"https://t.co/{digits(random, '@@##@@')}", "NUMBER"),
            "handle": lambda: (handle, "PERSON"),
            "job": lambda: (random.choice(_JOBS), ""),
            "amount": lambda: (digits(random, random.choice(("$##", "$1,###.##", "## EUR", "€#.##", "£###"))), ""),
            "small": lambda: (str(random.randint(0, 120)), ""),
            "int": lambda: (str(int(10 ** random.uniform(0, 5))), ""),
            "dec": lambda: (_decimal(random), ""),
            "big": lambda: (f"{int(10 ** random.uniform(3, 8)):,}".replace(",", random.choice((",", ".", " ", ""))), ""),
            "code2": lambda: (digits(random, random.choice(("@@##", "@###", "@@-###", "##@", "@#"))), ""),
            "hex": lambda: (f"{random.getrandbits(random.choice((28, 64, 128))):x}", ""),
            "hex3": lambda: (f"{random.getrandbits(24):06x}", ""),
        }  # fmt: skip


def _decimal(random: Random) -> str:
    value = 10 ** random.uniform(-1, 4)
    text = f"{value:.{random.choice((0, 1, 2))}f}"
    return text.replace(".", ",") if random.random() < 0.25 else text


def _cased(random: Random, name: str) -> str:
    drawn = random.random()
    return name.upper() if drawn < 0.05 else name.lower() if drawn < 0.12 else name


def _place_cased(random: Random, name: str) -> str:
    drawn = random.random()
    return name.upper() if drawn < 0.14 else name.lower() if drawn < 0.18 else name
