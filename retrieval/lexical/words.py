"""What of a text is matched literally: its words, numbers and codes. Pure.

A word is stored as it is written, casefolded, and as its stem where its language has one; stems are
made by Postgres' Snowball dictionaries (see ``store``). A code, ``AB-1234`` or ``12.05.2024``, is
stored joined and in its parts; so are numbers in groups, ``+49 30 901820``. Scripts that write no
spaces are stored by pairs of characters (bigrams). Placeholders of redaction are no words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval.lexical.tables import ENGLISH_THINGS, UNKNOWN, information, stop_words

if TYPE_CHECKING:
    from collections.abc import Iterator

# Unicode blocks. Vowel signs are no letters to ``\w``; in these blocks they belong to the word.
_SIGNS: Final = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u0900-\u0963\u0966-\u0df3\u0f00-\u0fff"
)
# Thai, Lao, Myanmar, Khmer, kana, Han, Hangul.
_UNSPACED: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0eff\u1000-\u109f\u1780-\u17d3\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_PART: Final = rf"(?:[^\W_]|[{_SIGNS}{_UNSPACED}])+"
_JOINER: Final = r"(?:[-\u2010\u2011\u2013._/:@'\u2019&+]|(?<=\d),(?=\d))"
_TOKEN: Final = re.compile(rf"{_PART}(?:{_JOINER}{_PART})*")
_PARTS: Final = re.compile(_PART)
_APOSTROPHE: Final = re.compile("['\u2019]")
_RUNS: Final = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED: Final = re.compile(rf"[{_UNSPACED}]")
_KANA: Final = re.compile("[\u3041-\u30ff]+")
_LETTERS_OR_DIGITS: Final = re.compile(r"\d+|\D+")
# What redaction puts in a value's place: see ``retrieval.redaction.placeholders``.
_PLACEHOLDER: Final = re.compile(r"<[A-Z][A-Z_]{1,40}(?:_\d{1,6}|:[0-9a-f]{8})>")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")

_ENGLISH: Final = "en"
_SHORT_WORD: Final = 4  # letters up to which a word beside a number may belong to it
_WHOLE_WORD: Final = 3  # letters from which a part of a compound is a word of its own
_LONGEST: Final = 64  # characters: longer runs are data, not words
_CODE_IS_RARE: Final = 4  # characters from which a code hardly occurs by chance
MAX_UNITS: Final = 32
"""Of a longer query the words that tell most: what fits no question is no question."""

_TELLS_BY_DIGITS: Final = (3.0, 3.0, 4.0, 5.5, 7.0)  # by the number of digits; longer: UNKNOWN
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_TELLS_YEAR: Final = 6.0
_TELLS_SHORT_CODE: Final = 6.0
_TELLS_LETTER: Final = 3.0
_TELLS_PAIR: Final = 5.0
_TELLS_KANA_PAIR: Final = 2.5
_TELLS_CHARACTER: Final = 4.0


@dataclass(frozen=True)
class Lexemes:
    """What of a text is stored: ``words`` are to be stemmed, ``codes`` are as they are."""

    words: tuple[str, ...]
    codes: tuple[str, ...]

    def __or__(self, other: Lexemes) -> Lexemes:
        """Those of both, each once."""
        return Lexemes(
            tuple(dict.fromkeys(self.words + other.words)),
            tuple(dict.fromkeys(self.codes + other.codes)),
        )


@dataclass(frozen=True)
class Unit:
    """One thing asked for: a ``word`` to be stemmed, or a ``code`` of letters and digits alone.

    ``tells``: how much it tells that a text holds it, in nats.
    """

    word: str
    code: str
    tells: float


@dataclass(frozen=True)
class Question:
    """A query's content words, without what every text has.

    ``languages`` (ISO 639-1): those it is likely in, none where nothing tells.
    """

    units: tuple[Unit, ...]
    languages: tuple[str, ...] = ()

    @property
    def tells(self) -> float:
        """What all of it together tells, in nats."""
        return sum(unit.tells for unit in self.units)


@dataclass(frozen=True)
class _Token:
    words: tuple[str, ...] = ()
    code: str = ""
    parts: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        """All of it, where it is one word or one code."""
        return self.words[0] if len(self.words) == 1 else self.code


def lexemes_of(text: str) -> Lexemes:
    """Everything in ``text`` that can be matched, each once, in order."""
    words: dict[str, None] = {}
    codes: dict[str, None] = {}
    before, figures = _Token(), ""
    for token in _tokens(text):
        words |= dict.fromkeys(token.words)
        # Numbers in groups go on, also behind a code: "DE89 3704 0044".
        group = token.code.isdigit()
        figures = figures + token.code if group else token.code
        joined = figures if group and figures != token.code else _joined(before, token)
        if joined:
            codes[joined] = None
        before = token
        if token.code:
            codes |= dict.fromkeys((plain(token.code), *map(plain, token.parts)))
        elif len(token.words) > 1:
            codes[plain("".join(token.words))] = None  # "e-mails" and "emails" are one
        elif token.parts:
            codes |= dict.fromkeys((*token.parts, *"".join(token.parts)))
    return Lexemes(tuple(words), tuple(code[:_LONGEST] for code in codes))


def question_of(text: str) -> Question:
    """What ``text`` asks for literally; of stop words, punctuation and signs alone, nothing."""
    tokens = list(_tokens(text))
    languages = _languages([word for token in tokens for word in token.words])
    stops = frozenset().union(*(stop_words()[language] for language in languages))
    units: dict[tuple[str, str], Unit] = {}
    for unit in (unit for token in tokens for unit in _units(token)):
        if unit.word not in stops:
            units.setdefault((unit.word, unit.code), unit)
    found = list(units.values())
    if len(found) > MAX_UNITS:
        telling = sorted(range(len(found)), key=lambda n: (-found[n].tells, n))[:MAX_UNITS]
        found = [found[number] for number in sorted(telling)]
    return Question(tuple(found), languages)


def plain(word: str) -> str:
    """Without accents: as people type it in a hurry."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", bare)


def _tokens(text: str) -> Iterator[_Token]:
    folded = unicodedata.normalize("NFKC", _PLACEHOLDER.sub(" ", text)).casefold()
    for match in _TOKEN.finditer(unicodedata.normalize("NFC", folded)):
        for run in _RUNS.findall(match[0]):
            if _IS_UNSPACED.match(run):
                yield _Token(parts=_pairs(run))
            else:
                yield from _spaced(run)


def _pairs(run: str) -> tuple[str, ...]:
    return tuple(run[at : at + 2] for at in range(len(run) - 1)) or (run,)


def _spaced(run: str) -> Iterator[_Token]:
    """What stands between blanks, of a script that has them."""
    pieces = _APOSTROPHE.split(run)
    if len(pieces) > 1:  # "dog's", "l'eau": the single letters are grammar
        for piece in pieces:
            if len(piece) > 1:
                yield from _spaced(piece)
        return
    parts = [part for part in _PARTS.findall(run) if plain(part)]
    if not parts or all(len(part) > _LONGEST for part in parts):
        return
    has_digit = any(char.isdigit() for char in run)
    if not has_digit and (len(parts) == 1 or min(map(len, parts)) >= _WHOLE_WORD):
        yield _Token(words=tuple(part for part in parts if len(part) <= _LONGEST))
        return
    pieces = [p for part in parts for p in _LETTERS_OR_DIGITS.findall(part) if plain(p)]
    yield _Token(code="".join(parts)[:_LONGEST], parts=tuple(p[:_LONGEST] for p in pieces))


def _joined(before: _Token, token: _Token) -> str:
    """A number and a short word side by side as one code: "AB 1234", "10 km"; or nothing."""
    first, second = before.whole, token.whole
    if first.isdigit() == second.isdigit() or not first or not second:
        return ""
    letters = second if first.isdigit() else first
    return plain(first + second)[:_LONGEST] if len(letters) <= _SHORT_WORD else ""


def _units(token: _Token) -> Iterator[Unit]:
    for word in token.words:
        yield Unit(word, "", _TELLS_LETTER if len(word) == 1 else information(plain(word)))
    if token.code:
        code = plain(token.code)
        yield Unit("", code, _code_tells(code))
    elif token.parts:
        for pair in token.parts:
            yield Unit("", pair, _pair_tells(pair))


def _pair_tells(pair: str) -> float:
    if len(pair) == 1:
        return _TELLS_CHARACTER
    return _TELLS_KANA_PAIR if _KANA.fullmatch(pair) else _TELLS_PAIR


def _code_tells(code: str) -> float:
    if code.isdigit():
        if _YEAR.fullmatch(code):
            return _TELLS_YEAR
        return _TELLS_BY_DIGITS[len(code)] if len(code) < len(_TELLS_BY_DIGITS) else UNKNOWN
    return UNKNOWN if len(code) >= _CODE_IS_RARE else _TELLS_SHORT_CODE


def _languages(words: list[str]) -> tuple[str, ...]:
    """The languages that most of ``words`` are stop words of; none where no word is one of any.

    "die" and "war" are stop words among German ones, and things in English: a language other than
    English has to have one that is not. Of several that are as likely, English, or else all.
    """
    hits: dict[str, int] = {}
    for language, listed in stop_words().items():
        own = [word for word in words if word in listed]
        if own and (language == _ENGLISH or not ENGLISH_THINGS.issuperset(own)):
            hits[language] = len(own)
    most = max(hits.values(), default=0)
    likely = tuple(language for language, count in hits.items() if count == most)
    return (_ENGLISH,) if _ENGLISH in likely else likely
