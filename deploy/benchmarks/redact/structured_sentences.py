"""Sentences, records and log lines in which a made-up value stands, and ways of grouping it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

# Without a word that names the kind.
PLAIN: Final = (
    "{}",
    "It is {}.",
    "Please check {} and come back to me.",
    "We have {} on file since last spring.",
    "Hello, you asked for it: {}",
    "Thanks! {} is what she gave us, nothing else.",
    "({})",
    '"{}", he said.',
    "The form says {}; the copy is not readable.",
    "Bitte {} noch einmal prüfen.",
    "Hier ist, was Sie wollten: {}. Viele Grüße",
    "Auf dem Formular steht {}, mehr weiß ich nicht.",
    "Veuillez vérifier {} avant demain.",
    "Voici ce qu'il nous a donné : {}.",
    "Le formulaire indique {} seulement.",
    "Por favor, compruebe {} otra vez.",
    "Esto es lo que nos dio: {}.",
    "Per favore controlli {} ancora una volta.",
    "Ecco quello che ci ha dato: {}.",
    "Kunt u {} nog eens nakijken?",
    "Proszę sprawdzić {} jeszcze raz.",
    "Var god kontrollera {} igen.",
    "name,value,note\nAnn,{},ok\n",
    "a;{};b",
    '{{"value": "{}", "ok": true}}',
    "<value>{}</value>",
    "2026-03-01 10:22:31 INFO saved value={} in 12 ms",
    "x = '{}'  # from the form",
    "| Ann | {} | yes |",
    "Ann\t{}\tyes",
    "- {}\n- next",
)

# Words that name it, by language; {w} is the word.
NAMED: Final = (
    "My {w} is {v}.",
    "{w}: {v}",
    "{w} {v}",
    "What should I do about {w} {v}?",
    "Meine {w} lautet {v}.",
    "{w}-Nr. {v} liegt vor.",
    "Mon {w} est {v}.",
    "Mi {w} es {v}.",
    "Il mio {w} è {v}.",
    '{{"{w}": "{v}"}}',
    "{w}={v}",
    "({w} {v})",
)

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "CREDIT_CARD": ("card", "credit card", "Kreditkarte", "carte", "tarjeta", "carta di credito"),
    "IBAN_CODE": ("IBAN", "account", "Konto", "compte", "cuenta", "conto"),
    "EMAIL_ADDRESS": ("e-mail", "mail", "E-Mail", "courriel", "correo"),
    "PHONE_INTERNATIONAL": ("phone", "Telefon", "téléphone", "móvil", "cellulare"),
    "PHONE_NATIONAL": ("phone", "Telefon", "téléphone", "móvil", "cellulare", "tel"),
    "US_SSN": ("SSN", "social security number"),
    "UK_NHS": ("NHS number",),
    "UK_NINO": ("national insurance number", "NI number"),
    "DE_TAX_ID": ("Steuer-ID", "IdNr"),
    "FR_NIR": ("numéro de sécurité sociale", "NIR"),
    "ES_NIF": ("DNI", "NIF"),
    "IT_FISCAL_CODE": ("codice fiscale",),
    "NL_BSN": ("BSN", "burgerservicenummer"),
    "PL_PESEL": ("PESEL",),
    "SE_PERSONNUMMER": ("personnummer",),
    "IP_V4": ("IP", "address"),
}
_OTHERS: Final = ("number", "ID", "Nummer", "numéro", "número", "numero")

# Sizes of groups in use, by kind.
FORMS: Final[dict[str, tuple[str, ...]]] = {
    "US_SSN": ("3-2-4",),
    "US_ITIN": ("3-2-4",),
    "UK_NHS": ("3-3-4",),
    "UK_NINO": ("2-2-2-2-1", "2-6-1"),
    "DE_TAX_ID": ("2-3-3-3", "3-4-4"),
    "DE_SOCIAL_SECURITY": ("2-6-1-3",),
    "AT_SVNR": ("4-6",),
    "CH_AHV": ("3-4-4-2",),
    "FR_NIR": ("1-2-2-2-3-3-2", "13-2"),
    "FR_TAX_ID": ("2-2-3-3-3",),
    "ES_NIF": ("8-1",),
    "ES_NIE": ("1-7-1",),
    "ES_NSS": ("2-8-2",),
    "PT_NIF": ("3-3-3",),
    "PT_CITIZEN_CARD": ("8-1-3",),
    "IT_FISCAL_CODE": ("3-3-5-5", "6-5-5"),
    "NL_BSN": ("3-3-3", "4-2-3"),
    "BE_NN": ("2-2-2-3-2", "6-3-2"),
    "LU_MATRICULE": ("4-2-2-3-2", "8-5"),
    "SE_PERSONNUMMER": ("6-4", "8-4"),
    "DK_CPR": ("6-4",),
    "NO_FODSELSNUMMER": ("6-5",),
    "PL_NIP": ("3-3-2-2", "3-2-2-3"),
    "CZ_RODNE_CISLO": ("6-4",),
    "HU_TAJ": ("3-3-3",),
    "LV_PERSONAS_KODS": ("6-5",),
    "HR_OIB": (),
    "SI_EMSO": (),
    "RO_CNP": (),
    "BR_CPF": ("3-3-3-2",),
    "IN_AADHAAR": ("4-4-4",),
    "ZA_ID_NUMBER": ("6-4-3",),
    "CA_SIN": ("3-3-3",),
    "GR_AFM": ("3-3-3",),
    "IE_PPS": (),
}
_CARDS: Final = {16: ("4-4-4-4",), 15: ("4-6-5",), 14: ("4-6-4",), 13: ("4-4-5", "4-3-3-3")}
# What parts the groups, the usual first; dots and slashes only where they are written.
_GAPS: Final = (" ", "-", " ", "-", ".")
_SPECIAL_GAPS: Final = {
    "CREDIT_CARD": (" ", "-"),
    "IBAN_CODE": (" ", " ", "-"),
    "SE_PERSONNUMMER": ("-",),
    "DK_CPR": ("-", " "),
    "CZ_RODNE_CISLO": ("/",),
    "LV_PERSONAS_KODS": ("-",),
    "ES_NIF": ("-", " "),
    "ES_NIE": ("-", " "),
    "UK_NINO": (" ", "-"),
    "IT_FISCAL_CODE": (" ",),
    "DE_SOCIAL_SECURITY": (" ",),
    "PT_CITIZEN_CARD": (" ",),
    "BE_NN": (" ", "-", "."),
}


def grouped(kind: str, value: str, rng: Random) -> str:
    """``value`` as people write it: together, or in groups."""
    forms = _forms(kind, value)
    if not forms or rng.random() < 0.4:  # noqa: PLR2004 - a share
        return value
    gap = rng.choice(_SPECIAL_GAPS.get(kind, _GAPS))
    sizes = [int(size) for size in rng.choice(forms).split("-")]
    pieces, at = [], 0
    for size in sizes:
        pieces.append(value[at : at + size])
        at += size
    return gap.join(pieces)


def _forms(kind: str, value: str) -> tuple[str, ...]:
    if kind == "CREDIT_CARD":
        return _CARDS.get(len(value), ())
    if kind == "IBAN_CODE":
        full, rest = divmod(len(value), 4)
        return ("-".join(["4"] * full + ([str(rest)] if rest else [])),)
    return tuple(f for f in FORMS.get(kind, ()) if sum(map(int, f.split("-"))) == len(value))


def sentence(kind: str, value: str, rng: Random) -> tuple[str, int]:
    """A text with ``value`` in it, and where it begins there."""
    if rng.random() < 0.5:  # noqa: PLR2004 - half with a word that names it
        word = rng.choice(WORDS.get(kind, _OTHERS))
        text = rng.choice(NAMED)
        before, after = text.split("{v}")
        filled = before.format(w=word), after.format(w=word)
    else:
        marked = rng.choice(PLAIN).replace("{{", "\0").replace("}}", "\1")
        before, after = marked.split("{}")
        filled = tuple(part.replace("\0", "{").replace("\1", "}") for part in (before, after))  # type: ignore[assignment] # two parts in, two out
    return filled[0] + value + filled[1], len(filled[0])


def letters_missed(text: str, start: int, value: str, spans: list[tuple[int, int]]) -> int:
    """Letters and digits of ``value`` that no span covers."""
    del text
    return sum(
        char.isalnum() and not any(a <= start + at < b for a, b in spans)
        for at, char in enumerate(value)
    )


def squeezed(value: str) -> str:
    """``value`` without blanks and punctuation."""
    return re.sub(r"[\W_]", "", value)


# Figures that are nobody's: prices, years, quantities, times, editions, codes of things.
HARMLESS: Final = (
    "The bridge was built in 1932 and repaired in 1987, 2004 and again in 2019.",
    "It costs $1,299.99, or €1.149,00 in Germany, and £999 in Britain.",
    "Der Preis stieg von 12,50 EUR auf 1.234.567,89 EUR.",
    "We sold 12,500 chairs and 3,200 tables between 2010 and 2015.",
    "The train leaves at 10:35 and arrives at 17:05 on platform 12.",
    "ISBN 978-3-16-148410-0 and ISBN-10 0-306-40615-2 are the same series.",
    "ISBN 9783161484100, 320 pages, 14 x 21 cm, 540 g.",
    (
        "Python 3.11.7, Django 5.2.1 and PostgreSQL 16.4 are needed; version 10.0.19041.1237"
        " works too."
    ),
    "Part number 4711-0815-22 replaces part 4711-0815-21 since model XJ-900.",
    "Order 1234567 and invoice 2024-000123 were sent on 12 March 2024.",
    "Article no. 123456789 is out of stock; SKU 987654321 is not.",
    "The file has 123456789 bytes and 4096 blocks of 512 bytes.",
    "Population: 83,240,525 in 2020; 331449281 people in the United States.",
    "The distance is 384,400 km and light needs 1.28 seconds for it.",
    "He ran 42.195 km in 2:01:39, a pace of 2:53 per kilometre.",
    "Temperatures between -12 °C and 38.5 °C, humidity 45 to 60 %.",
    "Room 204, floor 3, building 12, gate B27, seat 14C.",
    "Chapter 4.1.2, table 7, figure 12a, page 312, line 18.",
    "RFC 5321, ISO 9001:2015, IEEE 802.11ax, EN 60950-1 and DIN 476.",
    "CVE-2024-12345 is fixed in commit 9fceb02, build 20240115.3.",
    "pi is 3.14159265358979 and e is 2.718281828459045.",
    "The matrix is 1 2 3; 4 5 6; 7 8 9 and its determinant 0.",
    "Results: 12.5 13.7 14.1 15.0 16.2 (n = 120, p < 0.001).",
    "2024-01-15 10:30:00,123 INFO started in 1532 ms with 8 workers.",
    "Batch 20231105-A, lot L2309, best before 05/2026.",
    "It weighs 1 250 g, measures 300 x 200 x 150 mm and draws 1500 W.",
    "The score was 3:1 after 90 minutes, 11 corners and 4 cards.",
    "Call option at 120, strike 125, expiry June, volume 45,000.",
    "Le livre coûte 24,90 € et compte 480 pages, édition 2021.",
    "La población es de 47.450.795 habitantes y crece un 0,8 %.",
    "Il palazzo fu costruito nel 1564 e misura 45 metri per 30.",
    "Nehmen Sie 250 g Mehl, 3 Eier, 125 ml Milch und 1 TL Salz.",
    "On 9/11 and in 24/7 shifts, 50/50 chances, 3/4 of the cases.",
    "Use port 8080 or 8443, never 22; the timeout is 30000 ms.",
    "Highway 101, Route 66, Interstate 95 and the A7 near exit 12.",
    "The 1920s, the 18th century, the 3rd of the 4 quarters, Q3 2025.",
    "Load 2,345.67 kg at 12.5 % moisture, 98.7 % purity, 1.5e-6 mol.",
    "Flight LH 400, train ICE 72, bus 4, line U2, tram 12.",
    "Windows 11 23H2, iOS 17.4.1, Android 14, kernel 6.8.0-45-generic.",
    "SHA-256, AES-128, RSA-2048, UTF-8, base64, x86_64, H.264 and MP3.",
)
