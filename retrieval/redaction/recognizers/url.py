"""Web addresses, and among them those that carry a password, a token or an identifier."""

from __future__ import annotations

from typing import Final

from retrieval.redaction import no_torch
from retrieval.redaction.recognizers.frame import Pattern, PatternsRecognizer

with no_torch.blocked():
    import regex

_URL: Final = r"(?i)\b(?:[a-z][a-z0-9+.\-]{1,15}://|www\.)[^\s<>\"'\u2588]{2,2048}(?<![.,;:!?)\]}])"
_PLAIN_SCORE: Final = 0.6
_SECRET_SCORE: Final = 1.0
# A value that lets its holder in: by its parameter's name, or a long random string in the path or
# after '?' or '#'.
_SECRET: Final = regex.compile(
    r"(?i)://[^/\s@]{1,256}@"
    r"|[?&#;](?:[a-z0-9_\-]{0,24}(?:token|key|secret|passw(?:or)?d|pwd|auth|sig|signature"
    r"|session|sid|code|jwt|otp|invite|credential|email|mail|phone|ssn|user|name)"
    r"[a-z0-9_\-]{0,16})=[^&\s]{4}"
    r"|[/=](?=[^/&=\s]{0,128}\d)(?=[^/&=\s]{0,128}[a-z])[a-z0-9_\-]{24,}(?:[/?&#.;,|]|$)"
    r"|[/=](?-i:(?=[^/&=\s]{0,64}\d)(?=[^/&=\s]{0,64}[a-z])(?=[^/&=\s]{0,64}[A-Z]))"
    r"[a-z0-9_\-]{14,}(?:[/?&#.;,|]|$)"
    r"|eyJ[a-z0-9_\-]{8,}\.[a-z0-9_\-]{8,}"
)


def _judged(value: str) -> float:
    return _SECRET_SCORE if _SECRET.search(value, timeout=1) else _PLAIN_SCORE


def urls() -> PatternsRecognizer:
    """Web addresses: 1.0 with credentials, a token or an identifier inside, otherwise 0.6.

    Bare host names ("example.org") say nothing about a person and are not looked for.
    """
    return PatternsRecognizer(
        "TokenUrlRecognizer",
        (Pattern("URL", _URL, _PLAIN_SCORE, _judged, hints=("://", "www.")),),
        needs="",
    )
