"""The second look: is anything still to be found in what will be stored?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrieval.redaction.base import Finding
from retrieval.redaction.text import StructuredTextRedactor
from retrieval.redaction.types import Verdict
from retrieval.redaction.windows import CORE_CHARS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrieval.redaction.base import Profile, TextRedactor

INCOMPLETE: Final = "redaction-incomplete"
# Other window borders than the first look had, so that a mistake at a border is not made twice in
# the same place.
_VERIFY_CORE_CHARS: Final = CORE_CHARS * 5 // 8


def verifying_redactor() -> StructuredTextRedactor:
    """A redactor that cuts a text in other places than the one which redacted it."""
    return StructuredTextRedactor(core_chars=_VERIFY_CORE_CHARS, again=True)


def verify_text(text: str, *, profile: Profile, redactor: TextRedactor | None = None) -> Verdict:
    """What is still found in a redacted text; placeholders are ignored.

    Raises:
        RedactionTimeoutError: the text could not be analysed; treat it as not verified.
    """
    found = (redactor or verifying_redactor()).analyse(text, profile=profile)
    return Verdict(findings=found, reason=INCOMPLETE if found else "")


def verify_metadata(kinds: Iterable[str], *, harmless: frozenset[str] = frozenset()) -> Verdict:
    """``METADATA:<kind>`` for every kind of metadata that a decoder found in a rendition."""
    return incomplete(*(f"METADATA:{kind}" for kind in sorted(set(kinds) - harmless)))


def incomplete(*kinds: str) -> Verdict:
    """The verdict of something found that has no place, such as metadata; none: clean."""
    findings = tuple(Finding(kind=kind, score=1.0, recognizer="decoder") for kind in kinds)
    return Verdict(findings=findings, reason=INCOMPLETE if findings else "")
