"""Text that is broken, marked up, encoded, disguised or hostile."""

import base64

import pytest

from retrieval.redaction.engine import Engine
from retrieval.redaction.profiles import STANDARD
from retrieval.redaction.text import StructuredTextRedactor
from retrieval.redaction.verify import verify_text
from workers.sandbox.decoders import html


@pytest.fixture(scope="module")
def redactor():
    return StructuredTextRedactor(Engine())


def encoded(text):
    return base64.b64encode(text.encode()).decode()


CARD = "<CREDIT_CARD_1>"
MAIL = "<EMAIL_ADDRESS_1>"
READ = [
    # Broken lines.
    ("write to john.doe@\nexample.org now", f"write to {MAIL} now"),
    ("write to john.doe@exam\nple.org now", f"write to {MAIL} now"),
    ("write to john.doe\n@example.org now", f"write to {MAIL} now"),
    ("write to john-\ndoe@example.org now", f"write to {MAIL} now"),
    ("mail ann@example.org\nThanks a lot", f"mail {MAIL}\nThanks a lot"),
    ("card 4111 1111\n1111 1111 ok", f"card {CARD} ok"),
    ("card 41111111\n11111111 ok", f"card {CARD} ok"),
    ("> 4111 1111\r\n> 1111 1111", f"> {CARD}"),
    ("4111\n1111\n1111\n1111", CARD),
    ("IBAN DE893704004405\n32013000 end", "IBAN <IBAN_CODE_1> end"),
    ("DE89\n3704\n0044\n0532\n0130\n00", "<IBAN_CODE_1>"),
    ("tel 020 7946\n0958 ok", "tel <PHONE_NUMBER_1> ok"),
    # Mark-up and codes.
    ("jo<b>hn</b>@ex<i>ample</i>.org", MAIL),
    ("john&#64;example.org", MAIL),
    ("john&#x40;example&period;org", MAIL),
    ("john%40example%2Eorg", MAIL),
    ('{"e":"john\\u0040example.org"}', f'{{"e":"{MAIL}"}}'),
    ("john=40example.org", MAIL),
    ("tel=%2B44%2020%207946%200958", "tel=<PHONE_NUMBER_1>"),
    (f"data: {encoded('pay 4111 1111 1111 1111')} end", f"data: {CARD} end"),
    (encoded("john.doe@example.org"), MAIL),
    # Scripts and disguises.
    ("مرحبا john@example.org شكرا", f"مرحبا {MAIL} شكرا"),
    ("رقم البطاقة ٤١١١ ١١١١ ١١١١ ١١١١", f"رقم البطاقة {CARD}"),
    ("\u202ejohn@example.org\u202c", f"\u202e{MAIL}\u202c"),
    ("j\u200bo\u200dhn@exa\u200dmple.org", MAIL),
    ("mail jose\u0301@exa\u0300mple.org", f"mail {MAIL}"),
    ("card 4111 1111\u20281111 1111", f"card {CARD}"),
    ("④①①① ①①①① ①①①① ①①①①", CARD),
    ("4lll llll 1111 1111", CARD),
    ("8S7-9O-6149", "<US_SSN_1>"),
    ("jоhn@exаmple.org", MAIL),
    ("4111·1111·1111·1111", CARD),
    ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", CARD),
    # Records, logs, source code.
    ("id,ssn\n1,078051120\n2,219099999", "id,ssn\n1,<US_SSN_1>\n2,<US_SSN_2>"),
    ("<ssn>078-05-1120</ssn>", "<ssn><US_SSN_1></ssn>"),
    ("x" * 5_000 + "4111111111111111" + "y" * 5_000, "x" * 5_000 + CARD + "y" * 5_000),
    ("log user=1 card=4111111111111111;", f"log user=1 card={CARD};"),
]


@pytest.mark.parametrize(("text", "shown"), READ, ids=range(len(READ)))
def test_read_all_the_same(redactor, text, shown):
    assert redactor.redact(text, profile=STANDARD).text == shown


HOSTILE = [
    ("<PERSON_1> 4111 1111 1111 1111", "1111"),
    ("<CREDIT_CARD_4111111111111111>", "1111"),
    ("<US_SSN_078051120>", "078051120"),
    ("<US_SSN:078051120>", "078051120"),
    ("<EMAIL_ADDRESS_1>bob@example.org", "bob"),
    ("<PERSON:4111111111111111>", "1111"),
    ("<PHONE_NUMBER:20794609> call", "20794609"),
]


@pytest.mark.parametrize(("text", "secret"), HOSTILE)
def test_what_looks_like_a_placeholder_hides_nothing(redactor, text, secret):
    assert secret not in redactor.redact(text, profile=STANDARD).text


@pytest.mark.parametrize(
    "text",
    ["<PERSON_1> met <PERSON_2>.", "<EMAIL_ADDRESS:3f2a9c01>", "call <PHONE_NUMBER:20794609>"],
)
def test_placeholders_of_a_redacted_text_are_no_finding(text):
    again = StructuredTextRedactor(Engine(), again=True)
    assert verify_text(text, profile=STANDARD, redactor=again).findings == ()


def test_the_second_look_reads_figures_without_what_parts_them():
    again = StructuredTextRedactor(Engine(), again=True)
    assert (
        StructuredTextRedactor(Engine()).analyse("4111...1111...1111...1111", profile=STANDARD)
        == ()
    )
    found = again.analyse("4111...1111...1111...1111", profile=STANDARD)
    assert [f.kind for f in found] == ["CREDIT_CARD"]


@pytest.mark.parametrize(
    "page",
    [
        b"<p>jo<b>hn</b>@ex<i>ample</i>.org</p>",
        b"<p>john<wbr>@example<wbr>.org</p>",
        b"<p>john&#64;example&period;org</p>",
        b"<p>john@exam&shy;ple.org</p>",
        b"<p>john@exam<!-- x -->ple.org</p>",
    ],
)
def test_spans_of_mark_up_are_one_text(redactor, page):
    reader = html._Reader()
    text = reader.text(html.bs4.BeautifulSoup(page.decode(), "lxml"))
    assert redactor.redact(text, profile=STANDARD).text.strip() == MAIL
