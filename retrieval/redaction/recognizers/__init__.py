"""The recognisers in use: ours, and Presidio's where it has a good one that ours do not cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.redaction import no_torch
from retrieval.redaction.recognizers import national
from retrieval.redaction.recognizers.address import addresses
from retrieval.redaction.recognizers.bank import crypto, swift
from retrieval.redaction.recognizers.birth_date import birth_dates
from retrieval.redaction.recognizers.card import CardRecognizer
from retrieval.redaction.recognizers.dates import ages, dates
from retrieval.redaction.recognizers.digits import DigitIdRecognizer
from retrieval.redaction.recognizers.email import BoundedEmailRecognizer
from retrieval.redaction.recognizers.frame import LANGUAGE, PatternsRecognizer
from retrieval.redaction.recognizers.iban import IbanRecognizer
from retrieval.redaction.recognizers.labelled import labelled, usernames
from retrieval.redaction.recognizers.network import network
from retrieval.redaction.recognizers.phone import LocalPhoneRecognizer
from retrieval.redaction.recognizers.plates import plates
from retrieval.redaction.recognizers.secrets import PrivateKeyRecognizer, secrets
from retrieval.redaction.recognizers.title import titles
from retrieval.redaction.recognizers.url import urls

with no_torch.blocked():
    from presidio_analyzer import predefined_recognizers as presidio

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

__all__ = ["LANGUAGE", "recognizers"]

_PRESIDIO = (presidio.UsHealthInsuranceMemberIdRecognizer,)
# Their scores count only beside one of their words: texts without one are spared.
_HINTS = (
    ("insurance", "member", "subscriber", "policy", "health", "plan", "medicare", "medicaid"),
)


def recognizers() -> list[EntityRecognizer]:
    """A fresh list of every recogniser, the order of no meaning."""
    theirs = [recognizer(supported_language=LANGUAGE) for recognizer in _PRESIDIO]
    for recognizer, hints in zip(theirs, _HINTS, strict=True):
        setattr(recognizer, "needs", "digit")  # noqa: B010 - an attribute of ours
        setattr(recognizer, "hints", hints)  # noqa: B010 - an attribute of ours
    return [
        *theirs,
        DigitIdRecognizer(national.DIGITS),
        PatternsRecognizer(
            "NationalIdRecognizer", national.PATTERNS, words=national.WORDS, deniable=True
        ),
        CardRecognizer(),
        IbanRecognizer(),
        crypto(),
        swift(),
        BoundedEmailRecognizer(),
        LocalPhoneRecognizer(),
        urls(),
        network(),
        secrets(),
        PrivateKeyRecognizer(),
        labelled(),
        usernames(),
        plates(),
        addresses(),
        birth_dates(),
        dates(),
        ages(),
        titles(),
    ]
