"""Plain text and Markdown: bytes of an unknown encoding to clean Unicode."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

from workers.sandbox.child import Result
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16's, which are their first half.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNWANTED: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_TRAILING: Final = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_WINDOWS_1252_HOLES: Final = frozenset(b"\x81\x8d\x8f\x90\x9d")
MILLION: Final = 1_000_000


def decode_bytes(data: bytes) -> str:
    """The characters of `data`: by its byte order mark, else UTF-8, else Windows-1252.

    Windows-1252 is what the WHATWG Encoding Standard reads unmarked Western text as; no statistical
    guess between single-byte encodings is made, since a wrong one silently garbles names.

    Raises:
        Refusal: unknown-type for binary data; damaged where a mark promises another encoding.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data[len(bom) :].decode(encoding)
            except UnicodeDecodeError:
                raise Refusal("damaged") from None
    if b"\x00" in data:
        raise Refusal("unknown-type")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if _WINDOWS_1252_HOLES.intersection(data):
            raise Refusal("unknown-type") from None
        return data.decode("cp1252")


def tidy(text: str) -> str:
    r"""`text` in NFC with ``\n`` line ends, no control characters and at most one empty line."""
    text = _LINE_ENDS.sub("\n", text)
    text = _UNWANTED.sub("", text)
    # Lone surrogates cannot be written as UTF-8.
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = unicodedata.normalize("NFC", text)
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text)).strip("\n")


def answer(
    texts: Sequence[str],
    arguments: Mapping[str, Any],
    *,
    numbered: bool = False,
    metadata: Sequence[str] = (),
    steps: Sequence[tuple[str, str]] = (),
    sheets: Sequence[int] = (),
) -> Result:
    """The answer of every text decoder: one buffer a page.

    `sheets` are the pages (0: none) of pictures that are still to be read, with which a document
    may be without text.

    Raises:
        Refusal: too-much-text, or no-content where there is nothing but white space.
    """
    if sum(map(len, texts)) > arguments["max_chars"]:
        raise Refusal("too-much-text", limit=arguments["max_chars"] // MILLION)
    if not sheets and not any(text.strip() for text in texts):
        raise Refusal("no-content")
    facts = {
        "numbered": int(numbered),
        "metadata": sorted(set(metadata)),
        "steps": [list(step) for step in steps],
        "sheets": list(sheets),
    }
    return Result(facts, [text.encode() for text in texts])


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """The text of a plain text or Markdown file, as one page without a number."""
    check_size(size, arguments)
    text = tidy(decode_bytes(file.read()))
    return answer([text], arguments, steps=[("decode text", "plain")])


def check_size(size: int, arguments: Mapping[str, Any]) -> None:
    """Raises `Refusal` where a file is too large for a text at 4 bytes a character."""
    if size > 4 * arguments["max_chars"]:
        raise Refusal("too-much-text", limit=arguments["max_chars"] // MILLION)


def warm_up() -> None:
    """Loads the codecs."""
    for _, encoding in _BOMS:
        codecs.lookup(encoding)
    codecs.lookup("cp1252")
    tidy("e\u0301")
