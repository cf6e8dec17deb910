"""Web addresses, and among them those that carry a password or a token."""

from __future__ import annotations

from typing import Final

import regex

from retrieval.redaction import no_torch

with no_torch.blocked():
    from presidio_analyzer import Pattern, PatternRecognizer

_URL: Final = r"(?i)\b(?:[a-z][a-z0-9+.\-]{1,15}://|www\.)[^\s<>\"'\u2588]{2,2048}(?<![.,;:!?)\]])"
_PLAIN_SCORE: Final = 0.6
# A value that lets its holder in: by its parameter's name, or a long random string in the path or
# after '?' or '#'.
_SECRET: Final = regex.compile(
    r"(?i)://[^/\s@]{1,256}@"
    r"|[?&#;](?:[a-z0-9_\-]{0,24}(?:token|key|secret|passw(?:or)?d|pwd|auth|sig|signature|session|sid|code|jwt|otp|invite|credential)"
    r"[a-z0-9_\-]{0,16})=[^&\s]{4}"
    r"|[/=](?=[^/&=\s]{0,128}\d)(?=[^/&=\s]{0,128}[a-z])[a-z0-9_\-]{24,}(?:[/?&#.]|$)"
    r"|eyJ[a-z0-9_\-]{8,}\.[a-z0-9_\-]{8,}"
)


class TokenUrlRecognizer(PatternRecognizer):
    """Web addresses: 1.0 with credentials or a token inside, otherwise 0.6.

    Bare host names ("example.org") say nothing about a person and are not looked for.
    """

    def __init__(self) -> None:
        """One pattern, judged afterwards by what stands in the address."""
        super().__init__(
            supported_entity="URL",
            supported_language="en",
            patterns=[Pattern("url", _URL, _PLAIN_SCORE)],
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """True with a secret inside, otherwise undecided."""
        return True if _SECRET.search(pattern_text, timeout=1) else None
