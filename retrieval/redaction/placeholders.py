"""Typed, numbered placeholders, the same for the same value throughout one asset."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrieval.redaction.base import Finding, PlaceholderBook, Profile

PLACEHOLDER: Final = re.compile(r"<([A-Z][A-Z_]{1,40})_\d{1,6}>")
# No letter, digit or space, so that nothing is recognised in it or across it.
_FILLER: Final = "\u2588"
_MASK: Final = "*"


class Numbering:
    """Placeholders of one asset. It holds the values, in memory only.

    For as long as the asset is processed.
    """

    def __init__(self) -> None:
        """Start every kind at 1."""
        self._given: dict[tuple[str, str], str] = {}
        self._last: dict[str, int] = {}

    def placeholder(self, kind: str, value: str) -> str:
        """``<KIND_n>``; letter case.

        Spaces and punctuation between letters and digits do not matter.
        """
        key = (kind, "".join(char for char in value.casefold() if char.isalnum()) or value)
        if key not in self._given:
            self._last[kind] = self._last.get(kind, 0) + 1
            self._given[key] = f"<{kind}_{self._last[kind]}>"
        return self._given[key]


def render(
    text: str, findings: Iterable[Finding], *, profile: Profile, book: PlaceholderBook
) -> str:
    """``text`` with every finding replaced by the profile's operator.

    Findings ordered, not overlapping.
    """
    pieces: list[str] = []
    done = 0
    for finding in findings:
        value = text[finding.start : finding.end]
        pieces.append(text[done : finding.start])
        if profile.entities[finding.kind].operator == "mask":
            pieces.append("".join(_MASK if char.isalnum() else char for char in value))
        else:
            pieces.append(book.placeholder(finding.kind, value))
        done = finding.end
    pieces.append(text[done:])
    return "".join(pieces)


def blank(text: str) -> str:
    """``text`` with placeholders overwritten by blocks.

    So that offsets hold and nothing is found in them.
    """
    return PLACEHOLDER.sub(lambda match: _FILLER * len(match[0]), text)


def blank_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """``text`` with the spans (ordered, not overlapping) overwritten by blocks, offsets kept."""
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += [text[done:start], _FILLER * (end - start)]
        done = end
    return "".join([*pieces, text[done:]])
