"""Queries that no photo and no everyday sound answers, to see whether the answer is "nothing".

None of these was used to fit a calibration: fitting has generators and word lists of its own
(``retrieval.alignment.hopeless_texts``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("unanswerable.toml")

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROWS = ("qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "1234567890-=")
# First and last code point of the letters of some scripts; what is drawn from them spells nothing.
_SCRIPTS = (
    (0x0430, 0x044F),  # Cyrillic
    (0x03B1, 0x03C9),  # Greek
    (0x05D0, 0x05EA),  # Hebrew
    (0x0627, 0x064A),  # Arabic
    (0x0905, 0x0939),  # Devanagari
    (0x0E01, 0x0E2E),  # Thai
    (0x3041, 0x3093),  # Hiragana
    (0x4E00, 0x9FA5),  # Han
    (0xAC00, 0xD7A3),  # Hangul
)
_EMOJI = ((0x1F300, 0x1F5FF), (0x1F600, 0x1F64F), (0x1F680, 0x1F6C5))


@lru_cache(maxsize=1)
def texts_kept() -> Mapping[str, tuple[str, ...]]:
    """The lists of ``unanswerable.toml``, by name."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: tuple(lines) for name, lines in table.items()}


def absent_topics(modality: str) -> tuple[str, ...]:
    """Well-formed captions of another domain than everyday photos, or than everyday sounds."""
    kept = texts_kept()
    return (*kept["heard" if modality == "image" else "seen"], *kept["neither"])


def gibberish(each: int, *, seed: int) -> dict[str, list[str]]:
    """``each`` strings of every kind of what means nothing, by kind; the same for one seed."""
    rng = np.random.default_rng(seed)
    return {name: [make(rng) for _ in range(each)] for name, make in _KINDS.items()}


def _random_letters(rng: np.random.Generator) -> str:
    return " ".join(_drawn(rng, _LETTERS, 3, 10) for _ in range(rng.integers(1, 6)))


def _keyboard(rng: np.random.Generator) -> str:
    """A hand that runs along a row of keys, now and then over the same ones."""
    words = []
    for _ in range(rng.integers(1, 4)):
        row = _ROWS[rng.choice(4, p=(0.35, 0.4, 0.2, 0.05))]
        at, keys = int(rng.integers(len(row))), []
        for _ in range(rng.integers(4, 12)):
            keys.append(row[at])
            at = (at + int(rng.choice((-2, -1, 1, 1, 2)))) % len(row)
        words.append("".join(keys))
    return " ".join(words)


def _random_words(rng: np.random.Generator) -> str:
    """Unrelated words: each means something, together they mean nothing."""
    words = texts_kept()["words"]
    picked = rng.permutation(len(words))[: rng.integers(4, 9)]
    return " ".join(words[i] for i in picked)


def _digits(rng: np.random.Generator) -> str:
    groups = [_drawn(rng, "0123456789", 2, 9) for _ in range(rng.integers(1, 4))]
    return str(rng.choice((" ", "-", ".", "/"))).join(groups)


def _emoji(rng: np.random.Generator) -> str:
    ranges = [_EMOJI[i] for i in rng.integers(len(_EMOJI), size=rng.integers(1, 8))]
    return "".join(chr(int(rng.integers(low, high + 1))) for low, high in ranges)


def _other_script(rng: np.random.Generator) -> str:
    low, high = _SCRIPTS[rng.integers(len(_SCRIPTS))]
    return " ".join(
        "".join(chr(int(c)) for c in rng.integers(low, high + 1, rng.integers(2, 8)))
        for _ in range(rng.integers(1, 5))
    )


def _markup(rng: np.random.Generator) -> str:
    word, other = _drawn(rng, _LETTERS, 3, 7), _drawn(rng, _LETTERS, 2, 6)
    number = int(rng.integers(10_000))
    forms = (
        f'<div class="{word}-{number}"><span id="{other}"></span></div>',
        f'{{"{word}": [{number}, null, {{"{other}": true}}]}}',
        f"&{word};&#{number};<br/><{other}>",
        f"\\begin{{{word}}}\\{other}{{{number}}}\\end{{{word}}}",
        f"%{number % 256:02X}%{number // 40:02X}?{word}={other}&{other}={number}",
        f"#{word} {{ {other}: {number}px; }}",
        f"<?xml version='1.{number}'?><{word}:{other} xmlns:{word}='urn:{other}'/>",
        f"[[{word}|{other}]] '''{number}''' {{{{{other}}}}}",
    )
    return forms[rng.integers(len(forms))]


def _repeated(rng: np.random.Generator) -> str:
    """One letter or one sign, over and over."""
    signs = _LETTERS + ".,!?-_*#%&@"
    return signs[rng.integers(len(signs))] * int(rng.integers(3, 30))


def _drawn(rng: np.random.Generator, signs: str, least: int, most: int) -> str:
    picked = rng.integers(len(signs), size=rng.integers(least, most))
    return "".join(signs[i] for i in picked)


_KINDS: Mapping[str, Callable[[np.random.Generator], str]] = {
    "random letters": _random_letters,
    "keyboard": _keyboard,
    "random words": _random_words,
    "digits": _digits,
    "emoji": _emoji,
    "other scripts": _other_script,
    "markup": _markup,
    "repeated signs": _repeated,
}
