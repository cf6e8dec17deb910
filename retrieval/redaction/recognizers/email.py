"""E-mail addresses, with bounded repetition and a suffix list that is never fetched."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from retrieval.redaction import no_torch
from retrieval.redaction.recognizers.frame import PATTERN_LIMIT_SECONDS, Pattern, Recognizer

with no_torch.blocked():
    import regex
    import tldextract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.redaction.recognizers.frame import Span

_KIND: Final = "EMAIL_ADDRESS"
# The snapshot inside the wheel: no URL to fetch from, nothing written to a cache.
_SUFFIXES: Final = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

# Local part at most 64 characters, labels at most 63 (RFC 5321 section 4.5.3.1). Presidio's pattern
# is unbounded, hence quadratic in long runs without an @; here each @ is looked at from both sides.
_SIGN: Final = re.compile(r"@|%40")
_LOCAL_CHARS: Final = frozenset(".!#$&'*+-=^_`{|}~%")
_MAX_LOCAL: Final = 64
_LOCAL: Final = r"(?>[\w.!#$&'*+\-=^`{|}~]{1,64})"
_LABEL: Final = r"[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_\-]{0,61}[\p{L}\p{M}\p{N}_])?"
_HOST: Final = regex.compile(rf"{_LABEL}(?:\.{_LABEL}){{1,8}}|\[(?:IPv6:)?[0-9a-fA-F.:]{{3,45}}\]")
_SPOKEN_AT: Final = r" ?(?:@|\(at\)|\[at\]|\{at\}|<at>) ?| (?:at|AT) "
_SPOKEN_DOT: Final = r" ?(?:\(dot\)|\[dot\]|\{dot\}|<dot>) ?| (?:dot|DOT|punkt) "
_SPACED: Final = rf"(?<![\w.]){_LOCAL} ?@ ?{_LABEL}(?:\.{_LABEL}){{1,8}}"
_SPOKEN: Final = (
    rf"(?i)(?<![\w.])[\w.+\-]{{1,64}}(?:{_SPOKEN_AT})[\w\-]{{1,63}}"
    rf"(?:(?:{_SPOKEN_DOT}|\.)[\w\-]{{1,63}}){{1,4}}"
)
# Within one machine: no dot, so it may be a handle or a decorator; with a word it counts.
_LOCAL_HOST: Final = rf"(?<![\w.]){_LOCAL}@(?:localhost|{_LABEL})(?![\w.@])"
_PUBLIC: Final = 1.0
_PRIVATE: Final = 0.5
_ALONE: Final = 0.2


class BoundedEmailRecognizer(Recognizer):
    """E-mail addresses, ``name (at) host (dot) org`` included.

    An address under a public suffix scores 1.0; one under a made-up or internal one (``.corp``,
    ``.lan``) keeps 0.5, where Presidio would drop it.
    """

    needs = "at"
    CONTEXT = (
        "email",
        "e-mail",
        "mail",
        "contact",
        "correo",
        "courriel",
        "posta",
        "kontakt",
        "ssh",
        "login",
    )

    def __init__(self) -> None:
        """Compile the patterns."""
        super().__init__(_KIND, words={_KIND: self.CONTEXT})
        self._patterns = (
            Pattern(_KIND, _SPACED, _PRIVATE, _judged, hints=("@ ", " @")),
            Pattern(
                _KIND,
                _SPOKEN,
                _PRIVATE,
                _spoken,
                hints=("dot", "punkt", "(at", "[at", "{at", "<at"),
            ),
            Pattern(_KIND, _LOCAL_HOST, _ALONE, hints=("@",)),
        )

    def spans(self, text: str) -> Iterator[Span]:
        """Addresses without the punctuation around them."""
        for sign in _SIGN.finditer(text):
            start = _local(text, sign.start())
            host = _HOST.match(text, sign.end(), timeout=PATTERN_LIMIT_SECONDS)
            score = _judged(host[0]) if host and start < sign.start() else 0.0
            if host and score:
                yield _KIND, start + _lead(text, start, sign.start()), host.end(), score
        for pattern in self._patterns:
            for kind, start, end, score in pattern.spans(text):
                lead = _lead(text, start, end)
                yield kind, start + lead, end, score


def _local(text: str, end: int) -> int:
    """Where the local part that ends at ``end`` begins."""
    if text[end - 1 : end] == '"':  # quoted: "ann lee"@example.org
        opening = text.rfind('"', max(0, end - _MAX_LOCAL), end - 1)
        return opening if opening >= 0 and "\n" not in text[opening:end] else end
    start = end
    while start and end - start < _MAX_LOCAL and _local_char(text[start - 1]):
        start -= 1
    return start


def _local_char(char: str) -> bool:
    return char.isalnum() or char in _LOCAL_CHARS or unicodedata.combining(char) > 0


def _lead(text: str, start: int, end: int) -> int:
    """Characters before an address that belong to the sentence: brackets, quotes, a slash."""
    lead = 0
    while start + lead < end and text[start + lead] in "'`/|?{=&*":
        lead += 1
    return lead


def _judged(value: str) -> float:
    host = value.rpartition("@")[2].strip()
    if host.startswith("["):
        return _PUBLIC
    last = host.rpartition(".")[2]
    if len(last) < 2:  # noqa: PLR2004 - no domain of one letter
        return 0.0
    return _PUBLIC if _SUFFIXES(host).suffix else _PRIVATE


def _spoken(value: str) -> float:
    """Where "at" and "dot" are words, the end must be a public suffix: "look at it dot by dot"."""
    joined = re.sub(r"(?i)\s*(?:[(\[{<]dot[)\]}>]|\bdot\b|\bpunkt\b)\s*", ".", value)
    host = re.split(r"(?i)\s*(?:@|[(\[{<]at[)\]}>]|\bat\b)\s*", joined, maxsplit=1)[-1]
    dotted = joined != value
    marked = "(" in value or "[" in value or "{" in value or "<" in value
    public = bool(_SUFFIXES(host).suffix) and not host.endswith(".")
    return (_PUBLIC if marked else 0.7) if public and (dotted or marked) else 0.0
