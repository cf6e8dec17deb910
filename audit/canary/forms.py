"""How one token may look where it was written: every form is a pattern of bytes."""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LEAST_BYTES = 4  # the shortest pattern that can be searched for
# Encoded forms of very short tokens would be met by chance: 6 base64 characters are 36 bits, met
# once in 64 GB of random bytes.
LEAST_ENCODED_BYTES = 6
_LEAST_DIGITS = 8  # a number that people write in groups


@dataclass(frozen=True)
class Pattern:
    """Bytes to look for. ``exact``: in this very case; otherwise ASCII letters in any case."""

    form: str
    data: bytes
    exact: bool = False


def patterns(token: str) -> set[Pattern]:
    """Every form of ``token`` as it is searched for; empty where it is too short for any."""
    found: dict[bytes, Pattern] = {}
    for text in sorted(_spellings(token)):
        for make in (_plain, _escaped, _encoded):
            for one in make(text):
                if len(one.data) >= _least(one.form):
                    found.setdefault(one.data if one.exact else one.data.lower(), one)
    return set(found.values())


def _least(form: str) -> int:
    return LEAST_BYTES if form in {"plain", "utf-16-le", "utf-16-be"} else LEAST_ENCODED_BYTES


def _spellings(token: str) -> set[str]:
    """The token, composed and decomposed, and a number with other separators or none."""
    texts = {unicodedata.normalize(form, token) for form in ("NFC", "NFD")} | {token}
    digits = re.sub(r"[ ./()-]", "", token)
    if re.fullmatch(r"\+?\d+", digits) and len(digits) >= _LEAST_DIGITS:
        groups = re.findall(r"\d{1,4}", digits)
        texts |= {digits, digits.lstrip("+"), " ".join(groups), "-".join(groups)}
    return texts | _as_word(token)


def _as_word(token: str) -> set[str]:
    """An address or a code as literal matching keeps it: joined, small letters, no accents.

    Several words without a digit are kept one by one; those lie wherever the words do.
    """
    if not re.search(r"[\d@]", token):
        return set()
    letters = unicodedata.normalize("NFKD", token).casefold()
    joined = "".join(char for char in letters if char.isalnum())
    return {joined} if len(joined) >= _LEAST_DIGITS else set()


def _cases(text: str) -> set[str]:
    return {text, text.lower(), text.upper()}


def _plain(text: str) -> Iterator[Pattern]:
    # ASCII letters are matched in any case; other letters need a pattern for each case.
    for spelling in {text} if text.isascii() else _cases(text):
        yield Pattern("plain", spelling.encode())
        for codec in ("utf-16-le", "utf-16-be"):
            yield Pattern(codec, spelling.encode(codec))
        if not spelling.isascii():
            try:
                yield Pattern("latin-1", spelling.encode("cp1252"))
            except UnicodeEncodeError:
                continue


def _escaped(text: str) -> Iterator[Pattern]:
    """Percent-encoding, JSON's escapes, HTML's character references and quoted-printable."""
    raw = text.encode()
    safe = {byte for byte in raw if bytes([byte]).isalnum()}
    mild = safe | set(b"-._~")
    for kept in (mild, safe, set[int]()):
        yield Pattern("percent", b"".join(_percent(byte, kept) for byte in raw))
    units = text.encode("utf-16-be")
    escaped = [f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)]
    yield Pattern("json", "".join(escaped).encode())
    if len(escaped) == len(text):
        some = [c if c.isascii() and c.isalnum() else e for c, e in zip(text, escaped, strict=True)]
        yield Pattern("json", "".join(some).encode())
    yield Pattern("json", json.dumps(text)[1:-1].encode())
    yield Pattern("json", json.dumps(text)[1:-1].replace("/", "\\/").encode())
    yield Pattern("html", html.escape(text).encode())
    yield Pattern("html", html.escape(text).encode("ascii", "xmlcharrefreplace"))
    for spell in ("&#{};", "&#x{:x};"):
        yield Pattern("html", "".join(_reference(c, spell) for c in text).encode())
    for kept in (mild, set(range(0x21, 0x7F)) - {ord("=")}):  # RFC 2045, 6.7
        soft = b"".join(bytes([b]) if b in kept else b"=%02X" % b for b in raw)
        yield Pattern("quoted-printable", soft)


def _percent(byte: int, kept: set[int]) -> bytes:
    return bytes([byte]) if byte in kept else b"%%%02X" % byte


def _reference(char: str, spell: str) -> str:
    return char if char.isascii() and char.isalnum() else spell.format(ord(char))


def _encoded(text: str) -> Iterator[Pattern]:
    """Hex and base64, whose letters depend on the token's case."""
    for spelling in _cases(text):
        yield Pattern("hex", spelling.encode().hex().encode())
        yield from _base64(spelling.encode(), "base64")
    for codec in ("utf-16-le", "utf-16-be"):
        yield Pattern(f"hex of {codec}", text.encode(codec).hex().encode())
    yield from _base64(text.encode("utf-16-le"), "base64 of utf-16-le")


def _base64(raw: bytes, form: str) -> Iterator[Pattern]:
    """What is sure of ``raw`` in base64 (RFC 4648), wherever in a longer text it begins."""
    for before in range(3):
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        inner = base64.b64encode(b"\0" * before + raw)[first:last]
        yield Pattern(form, inner, exact=True)
        yield Pattern(form, inner.translate(bytes.maketrans(b"+/", b"-_")), exact=True)
