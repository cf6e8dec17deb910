"""Names of people from Faker's locales (MIT), in the ways in which they are written."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import faker.providers.person

if TYPE_CHECKING:
    from random import Random

# How often a locale is drawn; the rest share what is left.
_WEIGHTS: Final = {
    **dict.fromkeys(("en_US", "en"), 16.0),
    **dict.fromkeys(("en_GB", "en_IE", "en_NZ", "en_IN"), 5.0),
    **dict.fromkeys(("de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "es_MX"), 6.0),
    **dict.fromkeys(("sv_SE", "no_NO", "da_DK", "fi_FI", "pl_PL", "cs_CZ", "hu_HU"), 4.0),
    **dict.fromkeys(("pt_BR", "pt_PT", "is_IS", "sl_SI", "hr_HR", "nl_BE", "fr_CH", "de_CH"), 3.0),
}
_LATIN_MINIMUM: Final = 0.9
_PREFIXES: Final = (
    "van",
    "de",
    "von",
    "van der",
    "van den",
    "del",
    "di",
    "da",
    "le",
    "la",
    "bin",
    "al",
    "El",
    "O'",
    "Mc",
    "Mac",
    "St. ",
    "dos",
    "ten",
    "zu",
)


@lru_cache(maxsize=1)
def locales() -> tuple[tuple[str, ...], tuple[float, ...], dict[str, Any]]:
    """Locales, their weights, and for each its (first names, last names)."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(faker.providers.person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        first = _words(
            provider,
            "first_names",
            "first_names_male",
            "first_names_female",
            "first_romanized_names",
        )
        last = _words(
            provider, "last_names", "last_romanized_names", "last_names_male", "last_names_female"
        )
        if len(first) > 30 and len(last) > 30:
            found[module.name] = (first, last)
    latin = {name: _latin_share(both[0]) for name, both in found.items()}
    weights = tuple(
        _WEIGHTS.get(name, 1.5 if latin[name] > _LATIN_MINIMUM else 0.25) for name in found
    )
    return tuple(found), weights, found


def _words(provider: type, *attributes: str) -> tuple[str, ...]:
    words: dict[str, None] = {}
    for attribute in attributes:
        value = getattr(provider, attribute, ())
        for word in () if isinstance(value, property) else value:
            plain = word[0] if isinstance(word, tuple) else word
            if isinstance(plain, str) and len(plain) > 1:
                words[plain] = None
    return tuple(words)


def _latin_share(words: tuple[str, ...]) -> float:
    return sum(word[0] < "\u0250" for word in words) / len(words)


def locale(random: Random, only: tuple[str, ...] = ()) -> str:
    """A locale drawn by weight, or evenly from ``only``."""
    names, weights, _ = locales()
    return random.choice(only) if only else random.choices(names, weights)[0]


def first_name(random: Random, of: str) -> str:
    """A first name."""
    return str(random.choice(locales()[2][of][0]))


def last_name(random: Random, of: str) -> str:
    """A family name, sometimes with a prefix, sometimes double."""
    last = locales()[2][of][1]
    name = str(random.choice(last))
    drawn = random.random()
    if drawn < 0.04:
        prefix = random.choice(_PREFIXES)
        return prefix + name if prefix[-1] in "'c. " else f"{prefix} {name}"
    return f"{name}-{random.choice(last)}" if drawn < 0.07 else name


def person(random: Random, of: str) -> str:
    """A name as running text has it: full, first, last, with initials."""
    first, last = first_name(random, of), last_name(random, of)
    form = random.random()
    if form < 0.46:
        return f"{first} {last}"
    if form < 0.70:
        return first
    if form < 0.84:
        return last
    if form < 0.90:
        return f"{first} {random.choice('ABCDEFGHIJKLMNOPRSTVW')}{random.choice(('. ', ' '))}{last}"
    if form < 0.93:
        return f"{first} {first_name(random, of)} {last}"
    if form < 0.96:
        return f"{first[0]}. {last}"
    return f"{first} {last} {last_name(random, of)}"


def listed(random: Random, of: str) -> str:
    """A name as forms, tables and files have it: family name first, initials."""
    first, last = first_name(random, of), last_name(random, of)
    form = random.random()
    if form < 0.6:
        return f"{last}, {first}"
    if form < 0.8:
        return f"{last} {first}"
    return f"{last}, {first[0]}."
