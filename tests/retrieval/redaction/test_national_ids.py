"""Official numbers: made up, or published as examples by those who give them."""

import pytest

from retrieval.redaction.engine import Engine
from retrieval.redaction.profiles import STANDARD, STRICT
from retrieval.redaction.text import StructuredTextRedactor


@pytest.fixture(scope="module")
def redactor():
    return StructuredTextRedactor(Engine())


# Valid by check digit or date: found without any word beside.
ALONE = [
    ("AT_SVNR", "1237 010180"),
    ("AT_SVNR", "1237010180"),
    ("BE_NN", "85.07.30-033.28"),
    ("BE_NN", "85073003328"),
    ("BG_EGN", "7523169263"),
    ("BR_CPF", "390.533.447-05"),
    ("CH_AHV", "756.9217.0769.85"),
    ("CH_AHV", "7569217076985"),
    ("CZ_RODNE_CISLO", "710319/2745"),
    ("DE_TAX_ID", "36 574 261 809"),
    ("DE_SOCIAL_SECURITY", "15 070649 C 103"),
    ("DE_SOCIAL_SECURITY", "15070649C103"),
    ("DE_HEALTH_INSURANCE", "A123456780"),
    ("DK_CPR", "211062-5629"),
    ("EE_ISIKUKOOD", "36805280109"),
    ("ES_NIF", "54362315-K"),
    ("ES_NIF", "54.362.315-K"),
    ("ES_NIE", "X-2482300W"),
    ("FI_PERSONAL_IDENTITY_CODE", "131052-308T"),
    ("FI_PERSONAL_IDENTITY_CODE", "131052-308t"),
    ("FR_NIR", "2 95 10 99 126 111 93"),
    ("FR_NIR", "295109912611193"),
    ("FR_TAX_ID", "30 23 217 600 053"),
    ("GR_AMKA", "01013099997"),
    ("HR_OIB", "33392005961"),
    ("IE_PPS", "6433435F"),
    ("IT_FISCAL_CODE", "RCC MNL 83S18 D969H"),
    ("IT_FISCAL_CODE", "rccmnl83s18d969h"),
    ("LT_ASMENS_KODAS", "33309240064"),
    ("LV_PERSONAS_KODS", "161175-19997"),
    ("MT_ID_CARD", "0123456M"),
    ("NO_FODSELSNUMMER", "151086 95088"),
    ("PL_PESEL", "44051401359"),
    ("PL_NIP", "856-734-62-15"),
    ("PT_CITIZEN_CARD", "00000000 0 ZZ4"),
    ("RO_CNP", "1630615123457"),
    ("SE_PERSONNUMMER", "880320-0016"),
    ("SE_PERSONNUMMER", "19880320-0016"),
    ("SE_PERSONNUMMER", "880320+0016"),
    ("SI_EMSO", "0101006500006"),
    ("TR_TCKN", "17291716060"),
    ("UK_NHS", "943 476 5870"),
    ("UK_NINO", "JG 10 37 59 A"),
    ("UK_NINO", "jg103759a"),
    ("UK_DRIVING_LICENCE", "MORGA657054SM9IJ"),
    ("US_SSN", "536-90-4399"),
    ("US_SSN", "536.90.4399"),
    ("US_ITIN", "912-90-3456"),
    ("US_MBI", "1EG4-TE5-MK73"),
    ("ZA_ID_NUMBER", "5509144335184"),
]


@pytest.mark.parametrize(("kind", "value"), ALONE)
def test_valid_numbers_are_found_whole_without_a_word(redactor, kind, value):
    for profile in (STANDARD, STRICT):
        for text in (f"see {value}, please", f"a;{value};b", f'{{"v": "{value}"}}', value):
            found = redactor.analyse(text, profile=profile)
            assert [text[f.start : f.end] for f in found] == [value], text
    # Several countries may claim a number; ours is among the claims.
    kinds = {r.entity_type for r in redactor._engine.analyze(value, frozenset({kind}))}
    assert kinds == {kind}


# Without a check digit, or with one that one number in ten has: a word decides.
BESIDE_A_WORD = [
    ("UK_UTR", "UTR 1955839661", "item 1955839661"),
    ("SI_TAX_NUMBER", "davčna številka 15012557", "številka 15012557"),
    ("US_BANK_NUMBER", "account 12345678", "item 12345678"),
    ("FR_ID_CARD", "carte nationale 880692310285", "pièce 880692310285"),
    ("CY_ID_CARD", "Cyprus ID 12345678", "item 12345678"),
    ("AT_PASSPORT", "Reisepass P 1234567", "Posten P 1234567"),
    ("IT_IDENTITY_CARD", "carta d'identità AX1234567", "pezzo AX1234567"),
    ("GR_ID_CARD", "ταυτότητας ΑΒ 123456", "τεμάχια ΑΒ 123456"),
    ("NL_DRIVING_LICENCE", "rijbewijs 1234567890", "artikel 1234567890"),
]


@pytest.mark.parametrize(("kind", "with_word", "without"), BESIDE_A_WORD)
def test_other_numbers_need_a_word(redactor, kind, with_word, without):
    del kind
    assert redactor.analyse(with_word, profile=STANDARD) != ()
    assert redactor.analyse(without, profile=STANDARD) == ()


# The check digit is wrong by one.
WRONG = [
    "36574261808",
    "85.07.30-033.29",
    "7523169264",
    "756.9217.0769.86",
    "36805280108",
    "54362315-J",
    "131052-308U",
    "295109912611194",
    "6433435G",
    "RCCMNL83S18D969I",
    "1630615123458",
    "0101006500007",
    "A123456781",
    "15070649C104",
]


@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_check_digit_is_not_sure(redactor, value):
    results = redactor._engine.analyze(f"see {value} there", redactor._engine.kinds)
    assert all(result.score < 0.65 for result in results)


WORDS_AGAINST = [
    "order 123456782",
    "ISBN 9783161484100",
    "123456782 bytes",
    "Artikel 123456782",
    "facture 123456782",
    "$ 123456782",
    "123456782 €",
    "population 123456782",
    "batch no. 123456782",
    "123456782 people",
    "SKU: 123456782",
    "build 123456782",
]


@pytest.mark.parametrize("text", WORDS_AGAINST)
def test_numbers_of_things_stay(redactor, text):
    assert redactor.analyse(text, profile=STANDARD) == ()
    assert redactor.analyse("it is 123456782", profile=STANDARD) != ()


@pytest.mark.parametrize(
    "text",
    [
        "ssn_536904399_scan",
        "userSSN=536904399",
        "SSN536904399",
        '"ssn":"536904399"',
        "nif500100144",
    ],
)
def test_labels_may_stand_right_against_the_number(redactor, text):
    assert redactor.analyse(text, profile=STANDARD) != ()
