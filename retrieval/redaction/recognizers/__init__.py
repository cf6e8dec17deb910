"""The recognisers in use.

Presidio's structured ones, and ours where Presidio has none or a weaker one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.redaction import no_torch
from retrieval.redaction.recognizers.birth_date import BirthDateRecognizer
from retrieval.redaction.recognizers.card import CardRecognizer
from retrieval.redaction.recognizers.email import BoundedEmailRecognizer
from retrieval.redaction.recognizers.national import BsnRecognizer, NirRecognizer
from retrieval.redaction.recognizers.phone import LocalPhoneRecognizer
from retrieval.redaction.recognizers.url import TokenUrlRecognizer

with no_torch.blocked():
    import regex
    from presidio_analyzer import predefined_recognizers as presidio

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

# Analysis does not depend on the language of a text: every recogniser is registered under this one
# name.
LANGUAGE = "en"

_PRESIDIO = (
    presidio.CryptoRecognizer,
    presidio.IbanRecognizer,
    presidio.IpRecognizer,
    presidio.MacAddressRecognizer,
    presidio.UuidRecognizer,
    presidio.MedicalLicenseRecognizer,
    presidio.UsBankRecognizer,
    presidio.UsSsnRecognizer,
    presidio.UsItinRecognizer,
    presidio.UsPassportRecognizer,
    presidio.UsMbiRecognizer,
    presidio.UsNpiRecognizer,
    presidio.UsHealthInsuranceMemberIdRecognizer,
    presidio.NhsRecognizer,
    presidio.UkNinoRecognizer,
    presidio.UkPassportRecognizer,
    presidio.UkDrivingLicenceRecognizer,
    presidio.UkPostcodeRecognizer,
    presidio.DeTaxIdRecognizer,
    presidio.DePassportRecognizer,
    presidio.DeSocialSecurityRecognizer,
    presidio.DeHealthInsuranceRecognizer,
    presidio.DeFuehrerscheinRecognizer,
    presidio.EsNifRecognizer,
    presidio.EsNieRecognizer,
    presidio.EsPassportRecognizer,
    presidio.FiPersonalIdentityCodeRecognizer,
    presidio.ItFiscalCodeRecognizer,
    presidio.ItIdentityCardRecognizer,
    presidio.ItPassportRecognizer,
    presidio.ItDriverLicenseRecognizer,
    presidio.PlPeselRecognizer,
    presidio.SePersonnummerRecognizer,
)
# Presidio matches without regard to case, which turns "set at 5" into a number plate: capitals only
# for these.
_PRESIDIO_CAPITALS = (
    presidio.DeKfzRecognizer,
    presidio.DeIdCardRecognizer,
    presidio.UkVehicleRegistrationRecognizer,
    presidio.UsLicenseRecognizer,
)


def recognizers() -> list[EntityRecognizer]:
    """A fresh list of every recogniser, the order of no meaning."""
    capitals = [recognizer(supported_language=LANGUAGE) for recognizer in _PRESIDIO_CAPITALS]
    for recognizer in capitals:
        recognizer.global_regex_flags = regex.DOTALL | regex.MULTILINE
    return [
        *(recognizer(supported_language=LANGUAGE) for recognizer in _PRESIDIO),
        *capitals,
        CardRecognizer(),
        BoundedEmailRecognizer(),
        LocalPhoneRecognizer(),
        TokenUrlRecognizer(),
        BirthDateRecognizer(),
        NirRecognizer(),
        BsnRecognizer(),
    ]
