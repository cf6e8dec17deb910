"""Which language a text is in, and whether names are found in that language.

A naive Bayes classifier over byte n-grams (langid.py: Lui and Baldwin, "langid.py: An off-the-shelf
language identification tool", ACL 2012; the model of py3langid 0.2.2, BSD, rewritten without
pickle by ``ner/training/convert_langid.py``). Short texts, lists, forms and code
stay undecided: only a clear answer over enough letters counts. Deterministic and offline.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from safetensors.numpy import load

from retrieval.redaction.ner.manifest import BUILTIN, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from retrieval.redaction.base import Profile

UNSUPPORTED: Final = "language-unsupported"
# Names must be found this well before a language counts as supported (issue 4, item 5), over
# enough names for the share to mean something.
_RECALL: Final = 0.90
_NAMES: Final = 100
_FOLDER: Final = Path(__file__).parent / "languages"
_SHA256: Final = {
    "langid.safetensors": "4037340924f31ce0a2e12d2555a9c6f87f0d73d2dec81d117ba34d64141ab8e4",
    "langid.json": "e4e7a2fa4ef2227296fa0cf7eed134789331c11edf48f340227302b2678f86cf",
}
_ENGLISH: Final = "en"
# Close relatives with few texts behind them, which Spanish, French or Portuguese is taken for.
_LEFT_OUT: Final = frozenset({"an", "gl", "oc", "wa", "vo"})
_PERSON: Final = "PERSON"
# A window has so many characters, about 240 letters; one of fewer than ``_LEAST_LETTERS``
# is not judged. Scripts other than Latin tell their language sooner.
_WINDOW: Final = 300
_LEAST_LETTERS: Final = 55
_LEAST_OTHER_SCRIPT: Final = 24
_SURE_OTHER_SCRIPT: Final = 60
_SURE_LETTERS: Final = 200
# How much likelier than English, in nats a letter.
_MARGIN: Final = 0.35
_MARGIN_SHORT: Final = 0.5
_PROSE: Final = 0.75
_NOT_PROSE: Final = re.compile(
    r"<[A-Z_]{2,41}_\d{1,6}>|@\S{1,64}|https?://\S{1,2000}|www\.\S{1,2000}|[\d\u2588]+"
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_BLANK: Final = re.compile(r"\s")
# Words that English prose cannot do without and the languages around it do not have.
_ENGLISH_TEXT: Final = (
    "the of and with that this are from you have they which would your been their there "
    "what about when for is it was were has not but can will please my i"
)
_ENGLISH_WORDS: Final = frozenset(_ENGLISH_TEXT.split())
_ENGLISH_SHARE: Final = 0.1
# German, which has most capitals, begins two words of three with a small letter.
_SMALL_SHARE: Final = 0.45
_LONGEST_GRAM: Final = 4
# The end of Latin Extended-B.
_LATIN_END: Final = "\u0250"


@dataclass(frozen=True, slots=True)
class _Model:
    languages: tuple[str, ...]
    # For each length of n-gram: its bytes read as a big-endian number, ascending, and its row.
    codes: tuple[npt.NDArray[np.int64], ...]
    rows: tuple[npt.NDArray[np.int64], ...]
    weights: npt.NDArray[np.float32]
    priors: npt.NDArray[np.float32]


def language_of(text: str) -> str:
    """The ISO 639-1 code of the main language of ``text``; "" where that is undecided."""
    votes: Counter[str] = Counter()
    for letters, language in _judged(text):
        votes[language] += letters
    total = votes.total()
    del votes[""]
    if not votes:
        return ""
    language, letters = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
    return language if letters * 3 > total else ""


def languages_of(text: str) -> tuple[str, ...]:
    """Every language that some window of ``text`` is clearly in, sorted."""
    return tuple(sorted({language for _, language in _judged(text) if language}))


def language_supported(language: str, profile: Profile) -> bool:
    """Whether names are found in ``language`` well enough for ``profile``; "" counts as English.

    A profile that keeps names, or that lists the language (``*``: any), needs no names found.
    """
    if not language or _PERSON not in profile.kinds:
        return True
    return bool({language, "*"} & set(profile.languages)) or language in measured_languages()


def language_check(text: str, profile: Profile) -> str | None:
    """``language-unsupported`` if a window of ``text`` is clearly in such a language, else None."""
    if _PERSON not in profile.kinds or "*" in profile.languages:
        return None
    for _, language in _judged(text):
        if not language_supported(language, profile):
            return UNSUPPORTED
    return None


def language_told(text: str, profile: Profile) -> str:
    """The language that decides about ``text``: one ``profile`` does not take, else the main one.

    Of the text as it came: where names are taken out wrongly, too little is left to tell by.
    """
    for language in languages_of(text):
        if not language_supported(language, profile):
            return language
    return language_of(text)


@lru_cache(maxsize=1)
def measured_languages() -> frozenset[str]:
    """Languages in which the shipped model finds names well enough, as its manifest says."""
    rows = read_manifest(BUILTIN).languages.items()
    return frozenset(code for code, row in rows if row.recall >= _RECALL and row.names >= _NAMES)


def _judged(text: str) -> Iterator[tuple[int, str]]:
    """(letters, language or "") of each window."""
    for window in _windows(text):
        letters = sum(map(_is_letter, window))
        yield letters, _window_language(window, letters)


def _windows(text: str) -> Iterator[str]:
    """Stretches of about ``_WINDOW`` characters, each half over the next, cut at white space."""
    prose = _NOT_PROSE.sub(" ", text)
    start = 0
    while True:
        end = _blank_after(prose, start + _WINDOW)
        # A short rest belongs to the window before it.
        if end + _WINDOW // 2 >= len(prose):
            yield prose[start:]
            return
        yield prose[start:end]
        start = _blank_after(prose, start + _WINDOW // 2)


def _blank_after(text: str, at: int) -> int:
    found = _BLANK.search(text, at, at + _WINDOW // 4)
    return found.end() if found else at


def _window_language(window: str, letters: int) -> str:
    dense = sum(not char.isspace() for char in window)
    if letters < _PROSE * dense:
        return ""
    foreign = " ".join(word for word in window.split() if any(map(_is_foreign, word)))
    other = sum(map(_is_letter, foreign))
    if other >= _LEAST_OTHER_SCRIPT and (other * 2 > letters or other >= _SURE_OTHER_SCRIPT):
        return _likeliest(foreign, _MARGIN * other)
    if letters < _LEAST_LETTERS:
        return ""
    if _reads_english(window):
        return _ENGLISH
    if not _reads_as_prose(window):
        return ""
    return _likeliest(window, letters * (_MARGIN if letters >= _SURE_LETTERS else _MARGIN_SHORT))


def _likeliest(text: str, margin: float) -> str:
    """The likeliest language if it is by ``margin`` nats likelier than English, else ""."""
    scores = _scores(text)
    languages = _model().languages
    best = int(np.argmax(scores))
    ahead = scores[best] - scores[languages.index(_ENGLISH)]
    return languages[best] if languages[best] == _ENGLISH or ahead >= margin else ""


@lru_cache(maxsize=4096)
def _is_letter(char: str) -> bool:
    """A letter, or a mark that belongs to one (the vowels of many scripts of India)."""
    return char.isalpha() or (char > _LATIN_END and unicodedata.category(char)[0] == "M")


@lru_cache(maxsize=4096)
def _is_foreign(char: str) -> bool:
    """A letter or mark of another script than Latin."""
    return (
        char >= _LATIN_END
        and _is_letter(char)
        and not unicodedata.name(char, "").startswith(
            ("LATIN", "COMBINING", "FEMININE", "MODIFIER")
        )
    )


def _reads_english(window: str) -> bool:
    words = _WORD.findall(window.lower())
    hits = sum(word in _ENGLISH_WORDS for word in words)
    return hits >= max(2, _ENGLISH_SHARE * len(words))


def _reads_as_prose(window: str) -> bool:
    """Whether enough words begin with a small letter (or none do: capitals); names do not."""
    words = _WORD.findall(window)
    small = sum(word[0].islower() for word in words)
    return small >= _SMALL_SHARE * len(words) or all(word.isupper() for word in words)


def _scores(window: str) -> npt.NDArray[np.float64]:
    """Log likelihood of each language, up to a constant."""
    model = _model()
    plain = " ".join(window.split())
    letters = [char for char in plain if char.isalpha()]
    if sum(map(str.isupper, letters)) * 2 > len(letters):
        plain = plain.lower()
    data = np.frombuffer(plain.encode("utf-8", errors="replace"), dtype=np.uint8).astype(np.int64)
    found: list[npt.NDArray[np.int64]] = []
    code = np.zeros(len(data), dtype=np.int64)
    for size, (codes, rows) in enumerate(zip(model.codes, model.rows, strict=True)):
        code = code[: len(data) - size] * 256 + data[size:]
        if len(codes) and len(code):
            at = np.minimum(np.searchsorted(codes, code), len(codes) - 1)
            found.append(rows[at[codes[at] == code]])
    counted, times = np.unique(np.concatenate(found), return_counts=True)
    return np.asarray(times @ model.weights[counted] + model.priors, dtype=np.float64)


@lru_cache(maxsize=1)
def _model() -> _Model:
    data = {name: (_FOLDER / name).read_bytes() for name in _SHA256}
    for name, digest in _SHA256.items():
        if hashlib.sha256(data[name]).hexdigest() != digest:
            raise RuntimeError(f"{name} is not the file that ships")
    listed = json.loads(data["langid.json"])
    tensors = load(data["langid.safetensors"])
    grams = [bytes.fromhex(gram) for gram in listed["grams"]]
    sizes = [
        sorted(
            (int.from_bytes(gram, "big"), row) for row, gram in enumerate(grams) if len(gram) == n
        )
        for n in range(1, _LONGEST_GRAM + 1)
    ]
    chosen = [i for i, code in enumerate(listed["languages"]) if code not in _LEFT_OUT]
    return _Model(
        languages=tuple(listed["languages"][i] for i in chosen),
        codes=tuple(np.array([code for code, _ in pairs], dtype=np.int64) for pairs in sizes),
        rows=tuple(np.array([row for _, row in pairs], dtype=np.int64) for pairs in sizes),
        weights=tensors["weights"][:, chosen].astype(np.float32),
        priors=tensors["priors"][chosen].astype(np.float32),
    )
