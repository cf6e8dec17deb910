"""Ordinary English without names: what the tagger must leave alone.

Sentences of Python's own documentation (PSF licence), of Django's translations (BSD), of AudioCaps captions where a folder is given
(MIT), and made-up ones from words whose endings no name has.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import pydoc_data.topics
import re
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retrieval.redaction.ner.training.sentences import Labelled
from retrieval.redaction.ner.training.vectors import word_vectors

if TYPE_CHECKING:
    from random import Random

_SENTENCE: Final = re.compile(r"[A-Z][^.!?:;]{25,220}[.!?]")
_ENTRY: Final = re.compile(r'msgid ((?:"[^\n]*"\n)+)msgstr ((?:"[^\n]*"\n)+)')
_LANGUAGES: Final = ("de", "fr", "es", "it", "nl")
_WORD: Final = re.compile(r"[^\W\d_]+")
_ENDINGS: Final = (
    "tion ness ing able ible ism ology ment ity ous ful less ive ized ised ers ists ward wise ship "
    "hood ally ently antly philia phobia mania ical ular ized aries ories ences ances ings ments "
    "tions ments ities ably ibly eous ious ified ifies ctor ture graphy metry scope phone"
).split()
_SMALL: Final = "abcdefghijklmnopqrstuvwxyz"
_FRAMES: Final = (
    "it's not about {w}, it's about {w}", "a {w} piece of {w} {w}", "the {w} of {w} and {w}",
    "{W} and {w} are {w}.", "There is no {w} in {w}.", "some {w} made even more {w} by a {w} {w}",
    "{W} is a kind of {w} that {w} people call {w}", "most {w} are {w}", "{W}: {w}, {w}, {w}",
    "{w} {w}", "{W}", "the {w} didn't mention any {w}", "we need more {w}, less {w}", "{W} {W}",
    "New {W} for {W} {W}", "how to stop {w} with {w}", "a {w} and his {w}", "the {w} {w} center",
)  # fmt: skip


class Ordinary:
    """Draws texts in which nothing is labelled."""

    def __init__(self, captions: Path | None) -> None:
        """``captions`` is a folder of AudioCaps CSV files, or None."""
        self._documented = documented()
        self._translated = translated()
        self._captions = _audio_captions(captions) if captions else ()
        self._words = tuple(
            w for w in word_vectors()[0] if len(w) > 5 and w.endswith(tuple(_ENDINGS))
        )

    def one(self, random: Random) -> Labelled:
        """A sentence."""
        if random.random() < 0.16:
            return Labelled(_misread(random), ())
        drawn = random.random()
        if drawn < 0.3 and self._captions:
            return Labelled(random.choice(self._captions), ())
        if drawn < 0.5:
            return Labelled(random.choice(self._documented), ())
        if drawn < 0.8:
            return Labelled(random.choice(self._translated), ())
        text = re.sub(
            r"\{([wW])\}",
            lambda match: _cased(random.choice(self._words), match[1]),
            random.choice(_FRAMES),
        )
        return Labelled(text, ())


def _misread(random: Random) -> str:
    """What a reader of pictures makes of leaves, bricks and shadows."""
    count = random.choice((1, 1, 2, 2, 3, 4, 6))
    letters = random.choice(
        (_SMALL, _SMALL.upper(), _SMALL + _SMALL.upper(), _SMALL + "0123456789|/-.~")
    )
    longest = random.choice((2, 4, 6))
    words = (
        "".join(random.choice(letters) for _ in range(random.randint(1, longest)))
        for _ in range(count)
    )
    return random.choice((" ", " ", "\n")).join(words)


def _cased(word: str, how: str) -> str:
    return word.capitalize() if how == "W" else word


@lru_cache(maxsize=1)
def documented() -> tuple[str, ...]:
    """Sentences of the standard library's documentation that name nobody: no capitals inside."""
    pages = list(pydoc_data.topics.topics.values())
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        pages += [ast.get_docstring(n) or "" for n in ast.walk(tree) if isinstance(n, kinds)]
    found: dict[str, None] = {}
    for page in pages:
        for match in _SENTENCE.finditer(" ".join(page.split())):
            words = _WORD.findall(match[0])
            plain = all(word.islower() for word in words[1:])
            if plain and sum(map(len, words)) > 0.72 * len(match[0]):
                found[match[0]] = None
    return tuple(found)


@lru_cache(maxsize=1)
def translated() -> tuple[str, ...]:
    """Sentences of Django's own translations (BSD) in the languages that names are learnt in."""
    found: dict[str, None] = {}
    for code in _LANGUAGES:
        for path in sorted(_package("django").glob(f"**/locale/{code}/LC_MESSAGES/django.po")):
            for _, text in _ENTRY.findall(path.read_text(encoding="utf-8")):
                plain = "".join(line[1:-1] for line in text.splitlines())
                if len(plain) > 30 and "%" not in plain and "\\" not in plain and "{" not in plain:
                    found[plain] = None
    return tuple(found)


def _package(name: str) -> Path:
    """Where a package lies; it is not imported."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(name)
    return Path(found.origin).parent


def _audio_captions(folder: Path) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found[row["caption"]] = None
    return tuple(found)
