"""What means nothing, for fitting: a calibration has to have seen what no search can answer.

The evaluation asks other nonsense, made by ``retrieval.evaluation.unanswerable`` from other lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

SYLLABLES = (
    "ka",
    "zu",
    "fli",
    "mor",
    "ent",
    "brax",
    "qui",
    "ploo",
    "stre",
    "vod",
    "nax",
    "jir",
    "wub",
    "eth",
    "gral",
    "tso",
    "umph",
    "lirk",
    "dve",
    "oon",
    "sha",
    "rel",
    "pim",
    "dra",
    "gos",
    "ulk",
    "fen",
    "wi",
    "bor",
    "tay",
)
# Where fingers lie on a keyboard, and what comes out when they stay there.
_MASHED = ("asdf", "jkl", "qwer", "uiop", "zxcv", "bnm", "fghj", "dfg", "lkjh", "werty", "hjkl")
_ALPHABETS = (
    "абвгдежзийклмнопрстуфхцчшщыэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
    "กขคงจฉชซญดตถทธนบปผพฟภมยรลวศสหอฮ",
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホ",
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年",
    "가나다라마바사아자차카타파하거너더러머버서어저처",
)
_FACES = "😀😂😍😎😭😡👍👎🙏💥🔥✨🎉🚀🐙🍕🌈⚡🏆📌🧩🎲🪐🧬🧯🫠🤖👻💼📎🔒🕹🗿"
_CODE = (
    "<a href='{0}'>{1}</a>",
    "<td {0}><b>{1}</td>",
    "if ({0} != {1}) return {2};",
    "{0}.{1}({2}, null)",
    "0x{2:x}{2:x} {0}",
    "{{{0}:{2},{1}:[]}}",
    "&lt;{0}&gt; {1} &amp;",
    "/{0}/{1}/{2}.php?{0}",
    "@{0} #{1} $ {2}",
    "import {0} from '{1}'",
)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def hopeless_texts(each: int, *, seed: int, words: Sequence[str] = ()) -> list[str]:
    """``each`` strings of every kind of nonsense; with ``words``, unrelated ones of them too."""
    rng = np.random.default_rng(seed)
    kinds: list[Callable[[np.random.Generator], str]] = list(_KINDS)
    found = [make(rng) for make in kinds for _ in range(each)]
    if words:
        for _ in range(2 * each):
            picked = rng.integers(len(words), size=rng.integers(3, 10))
            found.append(" ".join(words[i] for i in picked))
    return found


def _some(
    rng: np.random.Generator, of: Sequence[str], least: int, most: int, between: str = ""
) -> str:
    return between.join(of[i] for i in rng.integers(len(of), size=rng.integers(least, most)))


def _invented(rng: np.random.Generator) -> str:
    return " ".join(_some(rng, SYLLABLES, 2, 4) for _ in range(rng.integers(1, 6)))


def _letters(rng: np.random.Generator) -> str:
    return " ".join(_some(rng, LETTERS, 2, 12) for _ in range(rng.integers(1, 6)))


def _mashed(rng: np.random.Generator) -> str:
    return " ".join(_some(rng, _MASHED, 1, 5) for _ in range(rng.integers(1, 4)))


def _numbers(rng: np.random.Generator) -> str:
    parts = [_some(rng, "0123456789", 1, 8) for _ in range(rng.integers(1, 5))]
    return _some(rng, (" ", "", ":", ",", "-"), 1, 2).join(parts)


def _faces(rng: np.random.Generator) -> str:
    return _some(rng, _FACES, 1, 8)


def _foreign(rng: np.random.Generator) -> str:
    alphabet = _ALPHABETS[rng.integers(len(_ALPHABETS))]
    return " ".join(_some(rng, alphabet, 2, 9) for _ in range(rng.integers(1, 5)))


def _code(rng: np.random.Generator) -> str:
    form = _CODE[rng.integers(len(_CODE))]
    return form.format(_some(rng, LETTERS, 2, 7), _some(rng, SYLLABLES, 1, 3), rng.integers(5000))


def _over_and_over(rng: np.random.Generator) -> str:
    part = _some(rng, [*LETTERS, ".", "?", "!", "-", "=", "ha", "la", "bl"], 1, 3)
    return part * int(rng.integers(2, 15))


_KINDS = (_invented, _letters, _mashed, _numbers, _faces, _foreign, _code, _over_and_over)
