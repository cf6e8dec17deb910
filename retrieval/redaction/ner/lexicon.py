"""What the tagger sees of a word: its lower-case form, beginning, ending, shape, vector."""

from __future__ import annotations

import re
from typing import Any, Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    from spacy.attrs import NORM, PREFIX, SHAPE, SUFFIX
    from spacy.lang.lex_attrs import word_shape
    from spacy.language import BaseDefaults, Language
    from spacy.util import registry

_DIGIT: Final = re.compile(r"\d")
_ENDS: Final = 3
_LONG_SPACE: Final = "  "


def norm(word: str) -> str:
    """The word in lower case, digits as zeros, white space as one of three kinds."""
    if word.isspace():
        return ("\n\n" if word.count("\n") > 1 else "\n") if "\n" in word else _LONG_SPACE
    if word[0] == "\u2588":
        return "\u2588"
    if "@" in word[1:]:
        return "a@b"
    if word.startswith(("http:", "https:", "www.")):
        return "http:"
    return _DIGIT.sub("0", word.lower())


def prefix(word: str) -> str:
    """The first three letters, in lower case."""
    return norm(word)[:_ENDS]


def suffix(word: str) -> str:
    """The last three letters, in lower case."""
    return norm(word)[-_ENDS:]


def shape(word: str) -> str:
    """The word's shape as spaCy writes it: ``Xxxxx``, ``dddd``."""
    return "\u2588" if word[0] == "\u2588" else str(word_shape(word[:32]))


class NamesDefaults(BaseDefaults):
    """Lexical attributes of the tagger's words."""

    lex_attr_getters: dict[int, Any] = {
        **BaseDefaults.lex_attr_getters,
        NORM: norm,
        PREFIX: prefix,
        SUFFIX: suffix,
        SHAPE: shape,
    }


@registry.languages("vitrine")
class NamesLanguage(Language):  # type: ignore[no-untyped-call] # spaCy's __init_subclass__
    """A language class of its own, so that no language's rules are loaded."""

    lang = "vitrine"
    Defaults = NamesDefaults
