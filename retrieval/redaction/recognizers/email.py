"""E-mail addresses, with bounded repetition and a suffix list that is never fetched."""

from __future__ import annotations

from typing import Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    import tldextract
    from presidio_analyzer import Pattern
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

# The snapshot inside the wheel: no URL to fetch from, nothing written to a cache.
_SUFFIXES: Final = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

# Local part at most 64 characters, labels at most 63 (RFC 5321 section 4.5.3.1). Presidio's pattern
# is unbounded, hence quadratic in long runs without an @. Quoted local parts ("…"@) and address
# literals (@[…]) are left to issue reports: nobody writes them.
_LOCAL: Final = r"(?>(?:[\w.!#$&'*+\-=^`{|}~]|%(?!40)){1,128})"
_LABEL: Final = r"[\p{L}\p{N}_](?:[\p{L}\p{N}_\-]{0,61}[\p{L}\p{N}_])?"
_ADDRESS: Final = (
    rf"(?<![\w.]){_LOCAL} ?(?:@|%40|\(at\)|\[at\]) ?"
    rf"{_LABEL}(?:(?:\.| ?(?:\(dot\)|\[dot\]) ?){_LABEL}){{1,8}}"
)


class BoundedEmailRecognizer(EmailRecognizer):
    """E-mail addresses, ``name (at) host (dot) org`` included.

    An address under a public suffix scores 1.0; one under a made-up or internal one (``.corp``,
    ``.lan``) keeps 0.5, where Presidio would drop it.
    """

    PATTERNS = [Pattern("e-mail", _ADDRESS, 0.5)]
    CONTEXT = ["email", "e-mail", "mail", "contact", "correo", "courriel"]

    def validate_result(self, pattern_text: str) -> bool | None:
        """True under a public suffix, otherwise undecided."""
        host = pattern_text.rpartition("@")[2]
        return True if _SUFFIXES(host).suffix else None
