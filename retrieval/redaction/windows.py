"""Long texts in overlapping windows.

So that no pattern ever sees more than a few thousand characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# The longest thing looked for is an e-mail address, 320 characters (RFC 3696 errata 1690), so a
# finding that starts in a window's core always ends within the margin.
MARGIN_CHARS: Final = 384
CORE_CHARS: Final = 4096


@dataclass(frozen=True, slots=True)
class Window:
    """``text[start:end]`` is analysed.

    Findings that start in ``core_start:core_end`` are this window's.
    """

    start: int
    end: int
    core_start: int
    core_end: int


def windows(
    text: str, *, core_chars: int = CORE_CHARS, margin_chars: int = MARGIN_CHARS
) -> Iterator[Window]:
    """Windows whose cores cover ``text`` without gap or overlap.

    Cut at white space where there is some.

    A core ends at the last white space in its second half, or, in text without any, after
    ``core_chars``.
    """
    start = 0
    while start < len(text):
        end = min(len(text), start + core_chars)
        if end < len(text):
            end = _cut(text, start + core_chars // 2, end)
        yield Window(
            start=max(0, start - margin_chars),
            end=min(len(text), end + margin_chars),
            core_start=start,
            core_end=end,
        )
        start = end


def _cut(text: str, low: int, high: int) -> int:
    found = max(text.rfind(space, low, high) for space in " \n\t")
    return high if found < 0 else found + 1
