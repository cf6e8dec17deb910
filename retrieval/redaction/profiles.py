"""The profiles that ship: strict, standard, open. A change of any rule is a new version.

Thresholds are on Presidio's scale: 1.0 where a checksum holds, 0.4 and above where a pattern is
specific or a context word stands near, 0.1 to 0.3 for a bare pattern that other numbers fit too.
"""

from __future__ import annotations

from typing import Final

from retrieval.redaction.base import EntityRule, Profile

_PAYMENT: Final = ("CREDIT_CARD", "IBAN_CODE", "CRYPTO", "US_BANK_NUMBER")
_CONTACT: Final = ("EMAIL_ADDRESS", "PHONE_NUMBER")
_NETWORK: Final = ("IP_ADDRESS", "MAC_ADDRESS")
_GOVERNMENT: Final = (
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
)
_HEALTH: Final = ("MEDICAL_LICENSE", "US_MBI", "US_NPI", "US_HEALTH_INSURANCE_MEMBER_ID")
_PLATES: Final = ("UK_VEHICLE_REGISTRATION", "DE_KFZ")

# The threshold of most kinds: specific patterns, and weak ones beside a context word. Presidio
# scores every phone number 0.4.
_USUAL: Final = 0.4
# Weak patterns of medium strength count even alone.
_EAGER: Final = 0.3


def _rules(threshold: float, *groups: tuple[str, ...]) -> dict[str, EntityRule]:
    return {kind: EntityRule(threshold=threshold) for group in groups for kind in group}


STANDARD: Final = Profile(
    name="standard",
    version=1,
    entities={
        **_rules(_USUAL, _PAYMENT, _CONTACT, _NETWORK, _GOVERNMENT, _HEALTH, _PLATES),
        "DATE_OF_BIRTH": EntityRule(threshold=_USUAL),
        "UK_POSTCODE": EntityRule(threshold=_USUAL),
        # Addresses that carry a password or a token; others are kept.
        "URL": EntityRule(threshold=0.85),
    },
)

STRICT: Final = Profile(
    name="strict",
    version=1,
    entities={
        **_rules(_EAGER, _PAYMENT, _CONTACT, _NETWORK, _GOVERNMENT, _HEALTH, _PLATES),
        "DATE_OF_BIRTH": EntityRule(threshold=_EAGER),
        # A full British postcode stands for some fifteen addresses.
        "UK_POSTCODE": EntityRule(threshold=0.1),
        "UUID": EntityRule(threshold=_USUAL),
        "URL": EntityRule(threshold=0.5),
    },
)

OPEN: Final = Profile(
    name="open",
    version=2,
    passes=frozenset({"*"}),
    # For collections meant to be read widely (a photo library): contact details stay, what can be
    # abused at once goes.
    entities={
        **_rules(0.5, _PAYMENT, _GOVERNMENT),
        "URL": EntityRule(threshold=0.85),
    },
)

SHIPPED: Final = (STRICT, STANDARD, OPEN)
