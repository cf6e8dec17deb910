"""Words in base64 that decode to text: what is in there is looked at as well."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Sixteen characters hold twelve bytes, the shortest e-mail address or name worth the trouble.
_TOKEN: Final = re.compile(
    (r"(?<![\w+/=\-])(?=[\w+/\-]{0,400}[A-Z0-9])[\w+/\-]{14,4000}={0,2}(?![\w+/=\-])"), re.ASCII
)
_QUANTUM: Final = 4
_LEAST_CHARS: Final = 8
_MIXED: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])")


def tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and decoded text of every word that is readable once decoded."""
    for match in _TOKEN.finditer(text):
        plain = _decoded(match[0])
        if plain is not None:
            yield match.start(), match.end(), plain


def _decoded(token: str) -> str | None:
    if not _MIXED.match(token) or len(token.rstrip("=")) % _QUANTUM == 1:
        return None
    bare = token.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % _QUANTUM), validate=True)
        plain = data.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    readable = len(plain) >= _LEAST_CHARS and all(c.isprintable() or c in "\t\r\n" for c in plain)
    return plain if readable else None
