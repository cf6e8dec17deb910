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
    ("EMAIL_ADDRESS", "PHONE_NUMBER", "USERNAME", "EMPLOYEE_ID"),
)
NETWORK: Final = KindGroup(
    "network",
    "addresses of machines, devices and vehicles, coordinates",
    ("IP_ADDRESS", "MAC_ADDRESS", "IMEI", "VIN", "COORDINATES"),
)
DEVICES: Final = KindGroup("identifiers", "random identifiers (UUIDs)", ("UUID",))
WEB: Final = KindGroup("web", "web addresses", ("URL",))
PAYMENT: Final = KindGroup(
    "payment",
    "cards, bank accounts and crypto wallets",
    (
        "CREDIT_CARD",
        "IBAN_CODE",
        "CRYPTO",
        "BANK_ACCOUNT",
        "SWIFT_CODE",
        "US_BANK_NUMBER",
        "US_ROUTING_NUMBER",
    ),
)
GOVERNMENT: Final = KindGroup(
    "government",
    "national identity, tax, passport and licence numbers",
    (
        # Of nobody knows which country: in pictures, where a label or the length tells.
        "ID_NUMBER",
        "US_SSN",
        "AT_PASSPORT",
        "AT_SVNR",
        "AT_TAX_NUMBER",
        "AU_MEDICARE",
        "AU_TFN",
        "BE_ID_CARD",
        "BE_NN",
        "BE_PASSPORT",
        "BG_EGN",
        "BG_PNF",
        "BR_CPF",
        "CA_SIN",
        "CH_AHV",
        "CH_HEALTH_CARD",
        "CH_PASSPORT",
        "CL_RUT",
        "CN_RIC",
        "CY_ID_CARD",
        "CY_TIC",
        "CZ_RODNE_CISLO",
        "DE_TAX_NUMBER",
        "DK_CPR",
        "DRIVING_LICENCE",
        "EE_ISIKUKOOD",
        "ES_NSS",
        "EU_VAT",
        "FR_ID_CARD",
        "FR_PASSPORT",
        "FR_TAX_ID",
        "GR_AFM",
        "GR_AMKA",
        "GR_ID_CARD",
        "HR_OIB",
        "HU_PERSONAL_ID",
        "HU_TAJ",
        "HU_TAX_ID",
        "IE_PPS",
        "IL_ID_NUMBER",
        "IN_AADHAAR",
        "IN_PAN",
        "IS_KENNITALA",
        "IT_VAT_CODE",
        "JP_MY_NUMBER",
        "KR_RRN",
        "LT_ASMENS_KODAS",
        "LU_MATRICULE",
        "LV_PERSONAS_KODS",
        "MT_ID_CARD",
        "MX_CURP",
        "NATIONAL_ID",
        "NL_DRIVING_LICENCE",
        "NL_ID_CARD",
        "NO_FODSELSNUMMER",
        "PASSPORT",
        "PL_ID_CARD",
        "PL_NIP",
        "PL_PASSPORT",
        "PT_CITIZEN_CARD",
        "PT_NIF",
        "PT_NISS",
        "RO_CNP",
        "RO_ID_CARD",
        "SG_NRIC_FIN",
        "SI_EMSO",
        "SI_TAX_NUMBER",
        "TR_TCKN",
        "UK_UTR",
        "US_EIN",
        "ZA_ID_NUMBER",
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
        "HEALTH_INSURANCE",
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
