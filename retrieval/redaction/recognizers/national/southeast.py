"""Croatia, Slovenia, Romania, Bulgaria, Greece, Cyprus and their neighbours."""

from __future__ import annotations

from typing import Final

from stdnum.bg import egn, pnf
from stdnum.cy import vat as cy_vat
from stdnum.gr import amka
from stdnum.gr import vat as gr_vat
from stdnum.hr import oib
from stdnum.ro import cnp
from stdnum.si import ddv, emso
from stdnum.tr import tckimlik

from retrieval.redaction.recognizers.digits import FAIR, STRONG, WEAK, DigitId, number
from retrieval.redaction.recognizers.frame import B, E, code

DIGITS: Final = (
    DigitId(
        kind="HR_OIB",
        forms=("11", "3-4-4", "3-3-3-2"),
        check=number(oib.is_valid),
        scores=FAIR,
        words=("oib", "osobni identifikacijski"),
    ),
    DigitId(
        kind="SI_EMSO",
        forms=("13", "2-2-3-2-3-1", "7-6", "7-2-3-1", "2-2-3-6"),
        check=emso.is_valid,
        scores=STRONG,
        words=("emšo", "emso", "jmbg", "matični broj", "matična številka", "enotna matična"),
    ),
    DigitId(
        kind="SI_TAX_NUMBER",
        forms=("8",),
        check=ddv.is_valid,
        scores=WEAK,
        words=("davčna", "davčna številka", "davcna"),
    ),
    DigitId(
        kind="RO_CNP",
        forms=("13", "1-6-6", "1-2-2-2-6", "7-6"),
        check=cnp.is_valid,
        scores=STRONG,
        words=("cnp", "cod numeric personal"),
    ),
    DigitId(
        kind="BG_EGN",
        forms=("10", "6-4"),
        check=egn.is_valid,
        scores=STRONG,
        words=("егн", "egn", "единен граждански"),
    ),
    DigitId(
        kind="BG_PNF",
        forms=("10",),
        check=pnf.is_valid,
        scores=(0.3, 0.0, 0.0),
        words=("лнч", "pnf", "lnch"),
    ),
    DigitId(
        kind="GR_AMKA",
        forms=("11", "6-5"),
        check=amka.is_valid,
        scores=STRONG,
        words=("amka", "αμκα"),
    ),
    DigitId(
        kind="GR_AFM",
        forms=("9", "3-3-3"),
        check=number(gr_vat.is_valid),
        scores=FAIR,
        words=("afm", "αφμ", "tin"),
    ),
    DigitId(
        kind="CY_ID_CARD",
        forms=("8", "10"),
        check=lambda _: True,
        scores=WEAK,
        words=("ταυτότητας", "cyprus id", "cypriot", "identity card"),
    ),
    DigitId(
        kind="TR_TCKN",
        forms=("11", "3-3-3-2"),
        check=tckimlik.is_valid,
        scores=STRONG,
        words=("t.c.", "tckn", "kimlik"),
    ),
)
PATTERNS: Final = (
    code(
        "CY_TIC",
        rf"{B}\d{{8}}[ \-]?[A-Z]{E}",
        0.85,
        lambda value: cy_vat.is_valid(value.replace(" ", "").replace("-", "").upper()),
        ignore_case=True,
    ),
    code("GR_ID_CARD", rf"{B}[A-Z\u0391-\u03a9]{{1,2}}[ \-]?\d{{6}}{E}", 0.1),
    code("RO_ID_CARD", rf"{B}[A-Z]{{2}} ?\d{{6}}{E}", 0.1),
    code("CY_TIC", rf"{B}\d{{8}}[A-Z]{E}", 0.1),
)
WORDS: Final = {
    "CY_TIC": ("tic", "tax identification", "φπα", "tax"),
    "GR_ID_CARD": ("ταυτότητα", "ταυτότητας", "αδτ", "taftotita", "identity card"),
    "RO_ID_CARD": ("buletin", "carte de identitate", "seria", "ci seria"),
}
