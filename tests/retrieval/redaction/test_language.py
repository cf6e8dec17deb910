"""Which language a text is in; sentences of other languages are Django's own translations."""

import re
from dataclasses import replace
from pathlib import Path

import django
import pytest

from retrieval.redaction import language
from retrieval.redaction.profiles import OPEN, STANDARD, STRICT

_ENTRY = re.compile(r'msgid ((?:"[^\n]*"\n)+)msgstr ((?:"[^\n]*"\n)+)')


def sentences(code, *, letters=600):
    """Translated sentences of Django's own catalogue, about so many letters together."""
    path = Path(django.__file__).parent / "conf" / "locale" / code / "LC_MESSAGES" / "django.po"
    listed = []
    for _, translated in _ENTRY.findall(path.read_text(encoding="utf-8")):
        plain = "".join(line[1:-1] for line in translated.splitlines())
        if len(plain) > 60 and "%" not in plain and "\\" not in plain:
            listed.append(plain)
    text = ""
    while len(text) < letters:
        text += listed[len(text) % len(listed)] + " "
    return text


@pytest.fixture
def measured(monkeypatch):
    monkeypatch.setattr(language, "measured_languages", lambda: frozenset({"en", "de"}))


@pytest.mark.parametrize(
    ("folder", "code"),
    [("de", "de"), ("fr", "fr"), ("es", "es"), ("it", "it"), ("nl", "nl"), ("pl", "pl"),
     ("pt", "pt"), ("sv", "sv"), ("fi", "fi"), ("cs", "cs"), ("hu", "hu"), ("tr", "tr"),
     ("ru", "ru"), ("uk", "uk"), ("el", "el"), ("ar", "ar"), ("he", "he"), ("ja", "ja"),
     ("ko", "ko"), ("hi", "hi"), ("zh_Hans", "zh")],
)  # fmt: skip
def test_a_paragraph_tells_its_language(folder, code):
    assert language.language_of(sentences(folder)) == code


UNDECIDED = [
    "",
    "a brown bear in the grass",
    "A BROWN BEAR IN THE GRASS",
    "IMG_2041.jpg",
    "12 345.00 99 " * 200,
    "Anna Kowalska, Piotr Nowak, Zofia Wi\u015bniewska, Jan W\u00f3jcik\n" * 20,
    "Name: ______ Date: ______ No. 12\n" * 10,
    "x = [f(i) for i in range(10)]; y = {k: v for k, v in x}\n" * 30,
    "0x7f3a 0x91cc mov eax, ebx; jmp 0x40; push rbp; ret\n" * 30,
    "\u2588" * 900,
]


@pytest.mark.parametrize("text", UNDECIDED)
def test_what_is_no_other_language(text, measured):
    assert language.languages_of(text) in {(), ("en",)}
    assert language.language_check(text, STRICT) is None


ENGLISH = [
    "The quick brown fox jumps over the lazy dog, and nobody was there to see it. " * 5,
    "TWO DOGS RUN ACROSS THE FIELD WHILE A MAN WITH A RED HAT IS WATCHING THEM FROM THE ROAD. " * 5,
    "Redacted: <PERSON_1> of <ORGANIZATION_2> lives in <LOCATION_3> with <PERSON_4>. " * 20,
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_passes(text, measured):
    assert language.language_check(text, STRICT) is None
    assert language.language_check(text, STANDARD) is None


def test_another_language_is_held_back_also_within_english(measured):
    polish = sentences("pl", letters=400)
    english = ENGLISH[0] * 8
    for text in (polish, f"{english}\n{polish}\n{english}", polish.upper()):
        assert language.language_check(text, STRICT) == language.UNSUPPORTED
        assert language.language_check(text, STANDARD) == language.UNSUPPORTED
        assert language.language_check(text, OPEN) is None
    assert language.language_of(f"{english}\n{polish}") == "en"
    assert language.language_check(sentences("de"), STRICT) is None


def test_a_short_foreign_script_within_english(measured):
    text = ENGLISH[0] + sentences("ru", letters=150) + ENGLISH[0]
    assert language.language_check(text, STANDARD) == language.UNSUPPORTED


def test_a_profile_may_let_a_language_through(measured):
    polish = sentences("pl")
    assert language.language_check(polish, replace(STANDARD, languages=("pl",))) is None
    assert language.language_check(polish, replace(STANDARD, languages=("*",))) is None
    names_kept = {kind: rule for kind, rule in STANDARD.entities.items() if kind != "PERSON"}
    assert language.language_check(polish, replace(STANDARD, entities=names_kept)) is None


def test_the_table_of_the_model_says_what_is_supported():
    supported = language.measured_languages()
    assert "en" in supported
    for code in supported:
        assert language.language_supported(code, STRICT)
    assert not language.language_supported("ja", STRICT)
    assert language.language_supported("", STRICT)
