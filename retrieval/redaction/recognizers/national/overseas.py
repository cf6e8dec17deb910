"""Elsewhere: the Americas, Asia, Australia and South Africa, as far as they have check digits."""

from __future__ import annotations

from typing import Final

from stdnum.au import tfn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.eu import vat as eu_vat
from stdnum.il import idnr as il_id
from stdnum.in_ import aadhaar, pan
from stdnum.jp import in_ as jp_in
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.za import idnr as za_id

from retrieval.redaction.recognizers.digits import FAIR, STRONG, DigitId, number, weighted
from retrieval.redaction.recognizers.frame import B, E, code

_MEDICARE: Final = (1, 3, 7, 9, 1, 3, 7, 9)
_FIN: Final = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RQPNMLKXWUT"}


def _medicare(digits: str) -> bool:
    """Australian Medicare cards: begins with 2 to 6, weighted sum modulo 10 as ninth digit."""
    return digits[0] in "23456" and weighted(digits, _MEDICARE, 10) == int(digits[8])


def _fin(value: str) -> bool:
    """Check letter of Singapore's NRIC and FIN."""
    return _FIN[value[0]][weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2), 11)] == value[8]


DIGITS: Final = (
    DigitId(
        kind="CA_SIN",
        forms=("3-3-3",),
        check=number(sin.is_valid),
        scores=FAIR,
        words=("sin", "social insurance", "assurance sociale", "nas"),
    ),
    DigitId(
        kind="AU_TFN",
        forms=("3-3-3",),
        check=number(tfn.is_valid),
        scores=FAIR,
        words=("tfn", "tax file"),
    ),
    DigitId(
        kind="AU_MEDICARE", forms=("4-5-1", "10"), check=_medicare, scores=FAIR, words=("medicare",)
    ),
    DigitId(
        kind="IN_AADHAAR",
        forms=("4-4-4",),
        check=aadhaar.is_valid,
        scores=FAIR,
        words=("aadhaar", "aadhar", "uidai"),
    ),
    DigitId(
        kind="BR_CPF", forms=("3-3-3-2", "9-2"), check=cpf.is_valid, scores=STRONG, words=("cpf",)
    ),
    DigitId(
        kind="ZA_ID_NUMBER",
        forms=("13", "6-4-3", "6-4-2-1", "6-4-1-1-1"),
        check=za_id.is_valid,
        scores=STRONG,
        words=("south african", "rsa id", "id number"),
    ),
    DigitId(
        kind="KR_RRN",
        forms=("6-7",),
        check=rrn.is_valid,
        scores=STRONG,
        words=("주민등록번호", "rrn"),
    ),
    DigitId(
        kind="JP_MY_NUMBER",
        forms=("4-4-4", "12"),
        check=number(jp_in.is_valid),
        scores=FAIR,
        words=("マイナンバー", "my number", "個人番号"),
    ),
    DigitId(
        kind="IL_ID_NUMBER",
        forms=("9", "1-7-1", "8-1"),
        check=number(il_id.is_valid),
        scores=(0.3, 0.4, 0.0),
        words=("teudat", "תעודת", "ת.ז", "israeli id"),
    ),
)
PATTERNS: Final = (
    # Of sole traders too, so a person's.
    code(
        "EU_VAT",
        rf"{B}(?:ATU|BE|BG|CHE|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO"
        r"|SE|SI|SK|XI)"
        rf" ?[A-Z0-9](?:[ .\-]?[A-Z0-9]){{7,12}}{E}",
        0.7,
        eu_vat.is_valid,
    ),
    code(
        "EU_VAT", (rf"{B}(?:ATU|BE|DE|DK|EL|ES|FI|FR|GB|IE|IT|NL|PL|PT|SE)[A-Z0-9]{{8,12}}{E}"), 0.1
    ),
    code(
        "CN_RIC",
        rf"{B}\d{{6}} ?(?:18|19|20)\d{{6}} ?\d{{3}}[0-9Xx]{E}",
        0.95,
        lambda value: ric.is_valid(value.replace(" ", "")),
    ),
    code(
        "MX_CURP",
        rf"{B}[A-Z]{{4}}\d{{6}}[HMX][A-Z]{{5}}[A-Z0-9]\d{E}",
        0.95,
        curp.is_valid,
        ignore_case=True,
    ),
    code("IN_PAN", rf"{B}[A-Z]{{3}}[ABCFGHLJPT][A-Z]\d{{4}}[A-Z]{E}", 0.75, pan.is_valid),
    code("SG_NRIC_FIN", rf"{B}[STFG]\d{{7}}[A-Z]{E}", 0.85, _fin),
    code("CL_RUT", rf"{B}\d{{1,2}}\.?\d{{3}}\.?\d{{3}}-[0-9Kk]{E}", 0.6, rut.is_valid),
)
WORDS: Final = {
    "EU_VAT": ("vat", "ust", "ustidnr", "umsatzsteuer", "tva", "iva", "mwst", "btw", "tax"),
    "CN_RIC": ("身份证", "resident identity"),
    "MX_CURP": ("curp",),
    "IN_PAN": ("pan", "permanent account"),
    "SG_NRIC_FIN": ("nric", "fin"),
    "CL_RUT": ("rut", "run"),
}
