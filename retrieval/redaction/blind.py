"""From identifiers that were taken out to keyed hashes by which their assets are found again.

Only what identifies a person is kept so: e-mail addresses, telephone numbers, official and bank
account numbers, names. Card numbers are not: nobody is looked for by them, and a hash of one is
still a card number to those who audit cards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from audit.blind_digest import digest
from retrieval.redaction import kinds
from retrieval.redaction.identifiers import normalise_identifier
from retrieval.redaction.types import BlindEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

EMAIL: Final = "email"
PHONE: Final = "phone"
NUMBER: Final = "number"
NAME: Final = "name"
FORM_OF: Final = {
    "EMAIL_ADDRESS": EMAIL,
    "PHONE_NUMBER": PHONE,
    "PERSON": NAME,
    "DENIED": NAME,
    "IBAN_CODE": NUMBER,
    **dict.fromkeys((*kinds.GOVERNMENT.kinds, *kinds.HEALTH.kinds), NUMBER),
}
_LEAST_DIGITS: Final = 5
# What is asked for comes without a kind: each form is normalised as one kind of it would be.
_ASKED_AS: Final = {
    EMAIL: "EMAIL_ADDRESS",
    PHONE: "PHONE_NUMBER",
    NUMBER: "US_PASSPORT",
    NAME: "PERSON",
}


def blind_entries(seen: Iterable[tuple[str, str]], *, key: bytes) -> tuple[BlindEntry, ...]:
    """Keyed hashes of ``seen``, pairs of kind and text; sorted, each once; none without a key."""
    if not key:
        return ()
    hashed = {
        (form, digest(key, form=form, value=value).hex())
        for kind, text in seen
        if (form := FORM_OF.get(kind))
        for value in normalise_identifier(kind, text)
    }
    return tuple(BlindEntry(kind=form, digest=one) for form, one in sorted(hashed))


def forms_of(identifier: str) -> tuple[tuple[str, str], ...]:
    """What ``identifier`` may have been kept as: pairs of form and normalised value, each once."""
    digits = sum(char.isdigit() for char in identifier)
    letters = sum(char.isalpha() for char in identifier)
    fitting = {
        EMAIL: "@" in identifier,
        PHONE: digits >= _LEAST_DIGITS and not letters,
        NUMBER: digits >= _LEAST_DIGITS and "@" not in identifier,
        NAME: letters > 1 and not digits and "@" not in identifier,
    }
    pairs = (
        (form, value)
        for form, fits in fitting.items()
        if fits
        for value in normalise_identifier(_ASKED_AS[form], identifier)
    )
    return tuple(dict.fromkeys(pairs))
