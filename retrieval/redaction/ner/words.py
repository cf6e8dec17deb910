"""Words for the name tagger: a tokenizer that cuts at every border a name could end at."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    from spacy.tokens import Doc
    from spacy.util import registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spacy.vocab import Vocab

# Longer runs of letters are cut: no word of any language is longer, and a feature of a megabyte
# helps nobody.
_MAX_WORD: Final = 64
# In a document's ``user_data``: asking spaCy for each of its words takes ten times as long.
SPLIT: Final = "vitrine_split"


def _marks() -> str:
    """Combining marks as ranges of a character class; letters of ``re`` leave them out."""
    codes = [c for c in range(0x300, 0x10000) if unicodedata.category(chr(c)) in ("Mn", "Mc")]
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\u{low:04x}-\\u{high:04x}" for low, high in ranges)


_LETTER: Final = rf"(?:[^\W\d_]|[{_marks()}])"
_TOKEN: Final = re.compile(
    r"[\w.+%-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"  # an e-mail address is one word
    r"|(?:https?://|www\.)[^\s<>\"']{1,2000}"
    r"|\d{1,64}(?:[.,:/-]\d{1,64}){0,16}"  # so are a date, an amount and a number in groups
    rf"|{_LETTER}{{1,{_MAX_WORD}}}"
    r"|\n+|[^\S\n]+"
    r"|\u2588+"  # what has been taken out already
    r"|."
)


def split(text: str) -> tuple[list[str], list[int], list[bool]]:
    """Words of ``text``, where each starts, and whether one plain space follows it.

    Words and spaces put together are the text again; other white space is a word of its own.
    """
    words: list[str] = []
    starts: list[int] = []
    spaces: list[bool] = []
    skip = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if start < skip:
            start = skip
            if start == end:
                continue
        words.append(text[start:end])
        starts.append(start)
        space = end < len(text) and text[end] == " "
        spaces.append(space)
        skip = end + 1 if space else end
    return words, starts, spaces


class Words:
    """spaCy's tokenizer protocol over ``split``; it has no state."""

    def __init__(self, vocab: Vocab) -> None:
        """Keep the vocabulary that documents share."""
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        """A document whose ``text`` is ``text``; its words and their starts in ``user_data``."""
        words, starts, spaces = split(text)
        doc = Doc(self.vocab, words=words, spaces=spaces)
        doc.user_data[SPLIT] = (words, starts)
        return doc

    def pipe(self, texts: Iterable[str], **_options: Any) -> Iterable[Doc]:
        """A document for each text."""
        return (self(text) for text in texts)

    def to_bytes(self, **_options: Any) -> bytes:
        """Nothing: there is no state."""
        return b""

    def from_bytes(self, _data: bytes, **_options: Any) -> Words:
        """Itself."""
        return self

    def to_disk(self, _path: object, **_options: Any) -> None:
        """Write nothing."""

    def from_disk(self, _path: object, **_options: Any) -> Words:
        """Itself."""
        return self


@registry.tokenizers("vitrine.words.v1")  # type: ignore[untyped-decorator] # spaCy ships no types for it
def create_words() -> Any:
    """The factory that a pipeline's configuration names."""
    return lambda nlp: Words(nlp.vocab)
