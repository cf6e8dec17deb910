"""Tables of the other structured kinds; keys and tokens are made up."""

import pytest

from retrieval.redaction.engine import Engine
from retrieval.redaction.profiles import STANDARD, STRICT
from retrieval.redaction.text import StructuredTextRedactor


@pytest.fixture(scope="module")
def redactor():
    return StructuredTextRedactor(Engine())


PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "MIIEow+/x0aQ9Zk3\n" * 40
    + "-----END RSA PRIVATE KEY-----"
)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLXNvbWVib2R5"
A40 = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6jK9m"

FOUND = [
    ("API_KEY", f"use sk-proj-{A40} now", f"sk-proj-{A40}"),
    ("API_KEY", f"ghp_{A40[:36]}", f"ghp_{A40[:36]}"),
    ("API_KEY", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("API_KEY", "xoxb-123456789012-abcDEF123456", "xoxb-123456789012-abcDEF123456"),
    ("API_KEY", 'api_key = "9f8e7d6c5b4a39281706"', "9f8e7d6c5b4a39281706"),
    ("API_KEY", "CLIENT_SECRET=Zx9-kk21_PPq0", "Zx9-kk21_PPq0"),
    ("API_KEY", f"Authorization: Bearer {A40}", A40),
    ("JWT", f"token {TOKEN} end", TOKEN),
    ("PRIVATE_KEY", f"key:\n{PEM}\nend", PEM),
    ("PASSWORD", "password: hunter2!", "hunter2!"),
    ("PASSWORD", "Das Passwort lautet Sommer2024!", "Sommer2024!"),
    ("PASSWORD", "mot de passe : Soleil#99", "Soleil#99"),
    ("PASSWORD", 'dbPass: "ks8%OxfM",', "ks8%OxfM"),
    ("PASSWORD", "IDENTIFIED BY 'VHA12dqIYUM1Qy'", "VHA12dqIYUM1Qy"),
    ("PASSWORD", "mysql --password=geheim99 -u root", "geheim99"),
    (
        "PASSWORD",
        "postgres://app:s3cr3t@db.example.net/x",
        "postgres://app:s3cr3t@db.example.net/x",
    ),
    ("USERNAME", "user name: green_puma608", "green_puma608"),
    ("USERNAME", 'DB_USER = "sys_8113"', "sys_8113"),
    ("USERNAME", "thanks @green_puma608 for it", "@green_puma608"),
    ("USERNAME", "/home/jsmith/notes", "jsmith"),
    ("MEDICAL_RECORD", "MRN: 1015952", "1015952"),
    ("MEDICAL_RECORD", "see MRN-1015952 there", "MRN-1015952"),
    ("MEDICAL_RECORD", "Patientennummer 4711-0815", "4711-0815"),
    ("HEALTH_INSURANCE", "member ID: XYZ123456789", "XYZ123456789"),
    ("PASSPORT", "Reisepass-Nr. C01X00T47", "C01X00T47"),
    ("PASSPORT", "passport number 533401372", "533401372"),
    ("DRIVING_LICENCE", "driver's license D1234567", "D1234567"),
    ("BANK_ACCOUNT", "sort code 12-34-56", "12-34-56"),
    ("EMPLOYEE_ID", "employee ID: 448812", "448812"),
    ("PLATE", "license plate 7ABC123", "7ABC123"),
    ("PLATE", "AB-123-CD", "AB-123-CD"),
    ("DE_KFZ", "B-MW 1234", "B-MW 1234"),
    ("UK_VEHICLE_REGISTRATION", "AB12 CDE", "AB12 CDE"),
    ("VIN", "1HGBH41JXMN109186", "1HGBH41JXMN109186"),
    ("IMEI", "IMEI 490154203237518", "490154203237518"),
    ("COORDINATES", "at 52.5200, 13.4050 now", "52.5200, 13.4050"),
    (
        "CRYPTO",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    ),
    (
        "CRYPTO",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    ),
    ("IBAN_CODE", "GB82-WEST-1234-5698-7654-32", "GB82-WEST-1234-5698-7654-32"),
    ("IBAN_CODE", "nl91abna0417164300", "nl91abna0417164300"),
    (
        "IBAN_CODE",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    ),
    ("EMAIL_ADDRESS", "ann at example dot org", "ann at example dot org"),
    ("EMAIL_ADDRESS", "mailto:ann@example.org", "ann@example.org"),
    (
        "ADDRESS",
        "lives at 123 Main Street, Apt. 4B, Springfield, IL 62704",
        "123 Main Street, Apt. 4B, Springfield, IL 62704",
    ),
    ("ADDRESS", "10 Downing Street, London SW1A 2AA", "10 Downing Street, London SW1A 2AA"),
    ("ADDRESS", "Musterstraße 5a, 10115 Berlin", "Musterstraße 5a, 10115 Berlin"),
    ("ADDRESS", "Unter den Linden 77", "Unter den Linden 77"),
    ("ADDRESS", "12 rue de la Paix, 75002 Paris", "12 rue de la Paix, 75002 Paris"),
    ("ADDRESS", "Calle de Alcalá 45, 28014 Madrid", "Calle de Alcalá 45, 28014 Madrid"),
    ("ADDRESS", "Via Roma 12, 00184 Roma", "Via Roma 12, 00184 Roma"),
    ("ADDRESS", "Keizersgracht 123, 1015 CJ Amsterdam", "Keizersgracht 123, 1015 CJ Amsterdam"),
    ("ADDRESS", "P.O. Box 1234", "P.O. Box 1234"),
    ("ADDRESS", "Postfach 10 20 30", "Postfach 10 20 30"),
    ("ADDRESS", "ZIP code: 62704-1234", "62704-1234"),
    ("DATE_OF_BIRTH", "Geburtsdatum: 3. März 1980", "3. März 1980"),
    ("DATE_OF_BIRTH", "nata il 12/03/1980", "12/03/1980"),
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_found_whole(redactor, kind, text, value):
    found = redactor.analyse(text, profile=STANDARD)
    assert [text[f.start : f.end] for f in found] == [value]
    results = redactor._engine.analyze(text, frozenset({kind})) + redactor._engine.analyze(
        text, frozenset({kind}), whole=True
    )
    assert kind in {r.entity_type for r in results}


ONLY_STRICT = [
    ("DATE_TIME", "on 12 March 2024 at 10:30", "12 March 2024 at 10:30"),
    ("DATE_TIME", "2024-05-24T11:50:00Z", "2024-05-24T11:50:00Z"),
    ("DATE_TIME", "am 3. Oktober", "3. Oktober"),
    ("DATE_TIME", "founded in 1977", "1977"),
    ("DATE_TIME", "see you Monday", "Monday"),
    ("AGE", "a 57-year-old man", "57"),
    ("AGE", "aged 57", "57"),
    ("AGE", "57 Jahre alt", "57"),
    ("AGE", "tiene 57 años", "57"),
    ("TITLE", "dear Dr. Who", "Dr."),
    ("TITLE", "sehr geehrte Frau Holle", "Frau"),
    ("URL", "see https://example.org/a", "https://example.org/a"),
    ("UUID", "aebe52e7-03ee-455a-b3c4-e57283966239", "aebe52e7-03ee-455a-b3c4-e57283966239"),
]


@pytest.mark.parametrize(("kind", "text", "value"), ONLY_STRICT)
def test_only_strict_takes_what_says_little(redactor, kind, text, value):
    found = redactor.analyse(text, profile=STRICT)
    assert [(f.kind, text[f.start : f.end]) for f in found] == [(kind, value)]
    assert redactor.analyse(text, profile=STANDARD) == ()


KEPT = [
    "The password is incorrect.",
    "Enter your password: required",
    "token = get_token()",
    "the key to success is patience",
    "The cat sat on the mat at 5 Uhr.",
    "Please pass: the salt",
    "set at 5, you to 12",
    "the user is happy",
    "She walks down the street with 3 dogs.",
    "@property\ndef x(self): ...",
    "version 1.2.3.4.5 is out",
    "std::vector<int> a::b",
    "He lives in the green house.",
    "pip install requests==2.31.0",
    "user guide, chapter 4",
]


@pytest.mark.parametrize("text", KEPT)
def test_ordinary_text_stays(redactor, text):
    assert redactor.redact(text, profile=STANDARD).text == text


MORE = [
    ("PASSWORD", "Password: correct horse battery staple", "correct horse battery staple"),
    ("PASSWORD", "passwort: geheim", "geheim"),
    ("PASSWORD", "the password for the server is Tr0ub4dor&3", "Tr0ub4dor&3"),
    ("PASSPORT", "P<GBRSMITH<<JOHN<<<<<<<<<<<<<<<<<<<<<<<<<<<<", None),
    ("MEDICAL_RECORD", "MRN 12345678", "12345678"),
    ("EU_VAT", "USt-IdNr. DE136695976", "DE136695976"),
    ("PHONE_NUMBER", "011 44 20 7946 0958", None),
]


@pytest.mark.parametrize(("kind", "text", "value"), MORE)
def test_found_under_both_profiles(redactor, kind, text, value):
    for profile in (STANDARD, STRICT):
        found = redactor.analyse(text, profile=profile)
        assert [(f.kind, text[f.start : f.end]) for f in found] == [(kind, value or text)]


@pytest.mark.parametrize(
    "text", ["password: required", "password = get_password()", "password = settings.password"]
)
def test_words_about_passwords_are_none(redactor, text):
    assert redactor.analyse(text, profile=STANDARD) == ()
