"""Every kind of personal data that a profile may name, in groups, with plain words for people.

Presidio's names where it has one. A recogniser of a new kind adds it here: the shipped profiles and
the check of custom ones follow, and a kind that nobody can find is refused rather than forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class KindGroup:
    """Kinds that profiles treat alike; ``label`` names them in the plural, for sentences."""

    name: str
    label: str
    kinds: tuple[str, ...]


NAMES: Final = KindGroup("names", "names of people", ("PERSON",))
BELIEFS: Final = KindGroup("beliefs", "nationalities, religions and political groups", ("NRP",))
ADDRESSES: Final = KindGroup(
    "addresses", "street addresses and postcodes", ("ADDRESS", "UK_POSTCODE")
)
PLACES: Final = KindGroup("places", "towns, countries and other places", ("LOCATION",))
ORGANISATIONS: Final = KindGroup("organisations", "organisations", ("ORGANIZATION",))
TITLES: Final = KindGroup("titles", "forms of address and professions", ("TITLE",))
DATES: Final = KindGroup("dates", "dates and times", ("DATE_TIME",))
AGES: Final = KindGroup("ages", "ages", ("AGE",))
BIRTH: Final = KindGroup("birth", "dates of birth", ("DATE_OF_BIRTH",))
CONTACT: Final = KindGroup(
    "contact",
    "e-mail addresses, telephone numbers and user names",
    ("EMAIL_ADDRESS", "PHONE_NUMBER", "USERNAME"),
)
NETWORK: Final = KindGroup(
    "network", "addresses of machines and devices", ("IP_ADDRESS", "MAC_ADDRESS")
)
DEVICES: Final = KindGroup("identifiers", "random identifiers (UUIDs)", ("UUID",))
WEB: Final = KindGroup("web", "web addresses", ("URL",))
PAYMENT: Final = KindGroup(
    "payment",
    "cards, bank accounts and crypto wallets",
    ("CREDIT_CARD", "IBAN_CODE", "CRYPTO", "US_BANK_NUMBER"),
)
GOVERNMENT: Final = KindGroup(
    "government",
    "national identity, tax, passport and licence numbers",
    (
        "US_SSN",
        "US_ITIN",
        "US_PASSPORT",
        "US_DRIVER_LICENSE",
        "UK_NHS",
        "UK_NINO",
        "UK_PASSPORT",
        "UK_DRIVING_LICENCE",
        "DE_TAX_ID",
        "DE_ID_CARD",
        "DE_PASSPORT",
        "DE_SOCIAL_SECURITY",
        "DE_HEALTH_INSURANCE",
        "DE_FUEHRERSCHEIN",
        "ES_NIF",
        "ES_NIE",
        "ES_PASSPORT",
        "FI_PERSONAL_IDENTITY_CODE",
        "FR_NIR",
        "IT_FISCAL_CODE",
        "IT_IDENTITY_CARD",
        "IT_PASSPORT",
        "IT_DRIVER_LICENSE",
        "NL_BSN",
        "PL_PESEL",
        "SE_PERSONNUMMER",
    ),
)
HEALTH: Final = KindGroup(
    "health",
    "medical records, licences and insurance numbers",
    (
        "MEDICAL_RECORD",
        "MEDICAL_LICENSE",
        "US_MBI",
        "US_NPI",
        "US_HEALTH_INSURANCE_MEMBER_ID",
    ),
)
PLATES: Final = KindGroup(
    "plates", "licence plates", ("PLATE", "UK_VEHICLE_REGISTRATION", "DE_KFZ")
)
SECRETS: Final = KindGroup(
    "secrets", "passwords, keys and tokens", ("API_KEY", "PRIVATE_KEY", "JWT", "PASSWORD")
)

# Not found by a recogniser, so no profile has rules for them: words of the deny list, and what a
# steward marked by hand.
DENIED: Final = "DENIED"
DRAWN: Final = "DRAWN"

GROUPS: Final = (
    NAMES,
    CONTACT,
    ADDRESSES,
    BIRTH,
    GOVERNMENT,
    PAYMENT,
    HEALTH,
    SECRETS,
    PLATES,
    NETWORK,
    DEVICES,
    WEB,
    BELIEFS,
    AGES,
    DATES,
    PLACES,
    ORGANISATIONS,
    TITLES,
)
KINDS: Final = frozenset(kind for group in GROUPS for kind in group.kinds)
