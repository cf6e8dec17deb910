"""Tables of text and what is found in it; numbers are made up or published for tests."""

import socket

import pytest

from retrieval.redaction.base import EntityRule, Profile
from retrieval.redaction.engine import Engine
from retrieval.redaction.errors import RedactionTimeoutError
from retrieval.redaction.kinds import GOVERNMENT, KINDS, NETWORK, PAYMENT
from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.profiles import OPEN, SHIPPED, STANDARD, STRICT
from retrieval.redaction.text import StructuredTextRedactor
from tests.retrieval.redaction.conformance import RedactorConformance


@pytest.fixture(scope="module")
def redactor():
    return StructuredTextRedactor(Engine())


class TestStructuredTextRedactor(RedactorConformance):
    pass


FOUND = [
    ("CREDIT_CARD", "card 4111111111111111 ok", "4111111111111111"),
    ("CREDIT_CARD", "5500-0000-0000-0004", "5500-0000-0000-0004"),
    ("CREDIT_CARD", "2223003122003222", "2223003122003222"),
    ("CREDIT_CARD", "note 0 4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "4111-1111-1111-1111 12-27", "4111-1111-1111-1111"),
    ("CREDIT_CARD", "card 4000-0000-0005-3650", "4000-0000-0005-3650"),
    ("IBAN_CODE", "to DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00"),
    ("IBAN_CODE", "GB82WEST12345698765432", "GB82WEST12345698765432"),
    ("CRYPTO", "send 1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
    ("EMAIL_ADDRESS", "Write to Ann.Lee+x@mail.example.co.uk.", "Ann.Lee+x@mail.example.co.uk"),
    ("EMAIL_ADDRESS", "ann@host.corp", "ann@host.corp"),
    ("EMAIL_ADDRESS", "ann (at) example (dot) org", "ann (at) example (dot) org"),
    ("EMAIL_ADDRESS", "see /user?email=ann.lee%40example.org", "email=ann.lee%40example.org"),
    ("EMAIL_ADDRESS", "jürgen@müller.de", "jürgen@müller.de"),
    ("PHONE_NUMBER", "ring +44 20 7946 0958 now", "+44 20 7946 0958"),
    ("PHONE_NUMBER", "+44 (0)20 7946 0958", "+44 (0)20 7946 0958"),
    ("PHONE_NUMBER", "0049 30 901820", "0049 30 901820"),
    ("PHONE_NUMBER", "Fax: 345-899-3560x4587", "345-899-3560x4587"),
    ("PHONE_NUMBER", "Desk: +41 (0)96 471 07 95", "+41 (0)96 471 07 95"),
    ("PHONE_NUMBER", "call 78 651 450", "78 651 450"),
    ("PHONE_NUMBER", "flat 12 020 7946 0958", "020 7946 0958"),
    ("PHONE_NUMBER", "(212) 555-0187", "(212) 555-0187"),
    ("PHONE_NUMBER", "06 12 34 56 78", "06 12 34 56 78"),
    ("PHONE_NUMBER", "móvil 612 345 678", "612 345 678"),
    ("IP_ADDRESS", "from 192.168.2.14 to", "192.168.2.14"),
    ("IP_ADDRESS", "at 2001:db8::8a2e:370:7334", "2001:db8::8a2e:370:7334"),
    ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E"),
    ("US_SSN", "078-05-1121", "078-05-1121"),
    ("US_SSN", "SSN 078051121", "078051121"),
    ("PASSPORT", "passport 123456789", "123456789"),
    ("UK_NHS", "943 476 5919", "943 476 5919"),
    ("UK_NINO", "NI number AB 12 34 56 C", "AB 12 34 56 C"),
    ("ADDRESS", "postcode SW1A 1AA", "SW1A 1AA"),
    ("DE_TAX_ID", "Steuer-ID 65929970489", "65929970489"),
    ("ES_NIF", "NIF 12345678Z", "12345678Z"),
    ("FI_PERSONAL_IDENTITY_CODE", "131052-308T", "131052-308T"),
    ("FR_NIR", "1 84 12 76 451 089 46", "1 84 12 76 451 089 46"),
    ("IT_FISCAL_CODE", "RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("NL_BSN", "BSN 111222333", "111222333"),
    ("PL_PESEL", "PESEL 44051401359", "44051401359"),
    ("SE_PERSONNUMMER", "811218-9876", "811218-9876"),
    ("DATE_OF_BIRTH", "born 12 March 1980", "12 March 1980"),
    ("DATE_OF_BIRTH", "DOB: 1980-03-12", "1980-03-12"),
    ("DATE_OF_BIRTH", "D0B: 1980-03-12", "1980-03-12"),
    ("DATE_OF_BIRTH", "geboren am 12.03.1980", "12.03.1980"),
    ("DATE_OF_BIRTH", "née le 3 mars 1980", "3 mars 1980"),
    ("URL", "see https://x.org/reset?token=abcdef123 now", "https://x.org/reset?token=abcdef123"),
    ("URL", "http://bob:pw@host.lan/x", "http://bob:pw@host.lan/x"),
]


@pytest.mark.parametrize(("kind", "text", "span"), FOUND)
def test_found_whole(redactor, kind, text, span):
    findings = redactor.analyse(text, profile=STANDARD)
    assert [(f.kind, text[f.start : f.end]) for f in findings] == [(kind, span)]


TRICKS = [
    "4111\u200b1111\u200b1111\u200b1111",
    "\uff14\uff11\uff11\uff11 1111 1111 1111",
    "\u0664\u0661\u0661\u0661 1111 1111 1111",
    "4111\u20111111\u20111111\u20111111",
    "4111\u00a01111\u00a01111\u00a01111",
    "ann\u200d@exam\u00adple.org",
    "\u0430nn@ex\u0430mple.org",
    "ann\uff20example.org",
    "scan_078-05-1121_front",
    "4111_1111_1111_1111",
]


@pytest.mark.parametrize("text", TRICKS)
def test_tricks_of_writing_do_not_help(redactor, text):
    shown = redactor.redact(f"x {text} y", profile=STANDARD)
    assert shown.findings
    assert not any(part in shown.text for part in ("1111", "ann", "exam", "1121"))


KEPT = [
    "The meeting is on 2024-01-15 at 10:30, room 204.",
    "Version 3.10.2 of 12.03.2024 costs 1,234,567.89 EUR.",
    "set at 5, you to 12, in the 1990s",
    "12.345,67.890 1.23 4.56 7.89 0.123456789",
    "See https://example.org/page and www.example.org.",
    "A brown bear in the grass, ISO 9001:2015, chapter 4.1.2.",
    "Order 1234567, batch A1234.",
    "NOTES (2025-01-16): called at noon",
]


@pytest.mark.parametrize("text", KEPT)
def test_ordinary_numbers_stay(redactor, text):
    assert redactor.redact(text, profile=STANDARD).text == text


CONTEXT = [
    ("passport 123456789", "serial 123456789"),
    ("BSN 111222333", "batch no. 111222333"),
    ("born 1980-03-12", "on 1980-03-12"),
    ("tel 612345678", "sku 612345678"),
    ("account 12345678", "item 12345678"),
]


@pytest.mark.parametrize(("with_word", "without"), CONTEXT)
def test_context_words_work_without_lemmas(redactor, with_word, without):
    assert redactor.analyse(with_word, profile=STANDARD) != ()
    assert redactor.analyse(without, profile=STANDARD) == ()


def test_context_words_are_words_and_not_parts_of_others(redactor):
    assert redactor.analyse("hotel 61234567", profile=STANDARD) == ()


def test_profiles_differ_as_they_say(redactor):
    text = "ann@example.org at https://example.org/a, 4111 1111 1111 1111"
    kinds = {p.name: {f.kind for f in redactor.analyse(text, profile=p)} for p in SHIPPED}
    assert kinds["strict"] == {"EMAIL_ADDRESS", "URL", "CREDIT_CARD"}
    assert kinds["standard"] == {"EMAIL_ADDRESS", "CREDIT_CARD"}
    assert kinds["open"] == {"CREDIT_CARD"}


def test_every_kind_that_is_found_can_be_named_in_a_profile(redactor):
    assert redactor._engine.kinds <= KINDS
    structured = {kind for group in (PAYMENT, GOVERNMENT, NETWORK) for kind in group.kinds}
    # Only pictures have numbers of which nobody knows the country.
    assert structured - {"ID_NUMBER"} <= redactor._engine.kinds


def test_kinds_that_are_kept_are_not_touched(redactor):
    profile = Profile(
        name="t",
        version=1,
        entities={
            "EMAIL_ADDRESS": EntityRule(threshold=0.4, operator="keep"),
            "CREDIT_CARD": EntityRule(threshold=0.4, operator="mask"),
        },
    )
    shown = redactor.redact("ann@example.org 4111 1111 1111 1111", profile=profile)
    assert shown.text == "ann@example.org **** **** **** ****"


@pytest.mark.parametrize("gap", ["x", "x ", "lorem ipsum "])
def test_nothing_is_lost_at_a_border_of_windows(gap):
    redactor = StructuredTextRedactor(Engine(), core_chars=1024)
    card = " 4111 1111 1111 1111 "
    for shift in range(0, 60, 7):
        text = (gap * 2000)[: 1024 - 30 + shift] + card + (gap * 2000)[:1500]
        shown = redactor.redact(text, profile=STANDARD)
        assert "1111" not in shown.text
        assert shown.counts() == {"CREDIT_CARD": 1}


def test_overlapping_findings_leave_nothing_between_them(redactor):
    text = "account 4111111111111111 1234"
    shown = redactor.redact(text, profile=STRICT)
    assert "1111" not in shown.text


def test_no_network_is_asked_for(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("somebody wanted the network")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    fresh = StructuredTextRedactor(Engine())
    assert fresh.redact("ann@example.org", profile=STANDARD).text == "<EMAIL_ADDRESS_1>"


def test_a_pattern_that_runs_away_lets_nothing_pass(monkeypatch):
    from presidio_analyzer import Pattern, PatternRecognizer, pattern_recognizer

    bad = PatternRecognizer(
        supported_entity="CREDIT_CARD", patterns=[Pattern("bad", r"(a|aa)+b", 0.9)]
    )
    redactor = StructuredTextRedactor(Engine(extra=[bad]))
    monkeypatch.setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(RedactionTimeoutError):
        redactor.redact("a" * 4000, profile=STANDARD)


def test_a_text_that_takes_too_long_lets_nothing_pass(redactor, monkeypatch):
    monkeypatch.setattr("retrieval.redaction.look._BASE_SECONDS", -1e9)
    with pytest.raises(RedactionTimeoutError):
        redactor.redact("some text", profile=STANDARD)


def test_presidio_logs_nothing(redactor, capfd, caplog):
    caplog.set_level(0)
    redactor.redact("ann@example.org DE89370400440532013001", profile=OPEN)
    out, err = capfd.readouterr()
    assert "ann" not in out + err + caplog.text
    assert "DE89" not in out + err + caplog.text


def test_the_numbering_of_one_asset_is_not_that_of_the_next(redactor):
    redactor.redact("a@x.org b@x.org", profile=STANDARD)
    assert (
        redactor.redact("c@x.org", profile=STANDARD, book=Numbering()).text == "<EMAIL_ADDRESS_1>"
    )


def test_a_telephone_number_that_is_kept_is_no_official_number(redactor):
    text = "call +1 415 555 2671 or pay 4111 1111 1111 1111"
    assert redactor.redact(text, profile=OPEN).text == (
        "call +1 415 555 2671 or pay <CREDIT_CARD_1>"
    )
