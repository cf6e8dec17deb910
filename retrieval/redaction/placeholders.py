"""What stands for a value that was taken out: a typed number, a keyed hash, a mask."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Final

from retrieval.redaction.identifiers import identity
from retrieval.redaction.kinds import DENIED, DRAWN, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from retrieval.redaction.base import Finding, Operator, PlaceholderBook, Profile

# Only of kinds that exist, and with too few figures to hide anything in: whoever writes
# ``<JOHN_SMITH_1>`` or ``<PERSON_5550187>`` into a text does not keep it from being looked at.
_KIND: Final = "|".join(sorted((*KINDS, DENIED, DRAWN), key=len, reverse=True))
_NUMBERED: Final = re.compile(rf"<(?:{_KIND})_[1-9]\d{{0,3}}>")
_HASH_DIGITS: Final = 8
PLACEHOLDER: Final = re.compile(rf"<(?:{_KIND})(?:_[1-9]\d{{0,5}}|:[0-9a-f]{{{_HASH_DIGITS}}})>")
# No letter, digit or space, so that nothing is recognised in it or across it.
FILLER: Final = "\u2588"
_MASK: Final = "*"


class Numbering:
    """Placeholders of one asset. It holds the values, in memory only.

    For as long as the asset is processed.
    """

    def __init__(self, hash_key: bytes = b"") -> None:
        """Start every kind at 1; ``hash_key`` is the collection's, for the operator ``hash``."""
        self._given: dict[tuple[str, str], str] = {}
        self._last: dict[str, int] = {}
        self._hash_key = hash_key
        self._seen: dict[tuple[str, str], None] = {}

    def placeholder(self, kind: str, value: str) -> str:
        """``<KIND_n>``; the same for what ``identity`` takes for the same value."""
        key = (kind, identity(kind, value))
        if key not in self._given:
            self._last[kind] = self._last.get(kind, 0) + 1
            self._given[key] = f"<{kind}_{self._last[kind]}>"
        return self._given[key]

    def hashed(self, kind: str, value: str) -> str:
        """``<KIND:xxxxxxxx>``: the same throughout everything that shares the key.

        The first eight hexadecimal digits of an HMAC-SHA-256. Without a key a hash could be undone
        by trying, so the value gets a numbered placeholder instead.
        """
        if not self._hash_key:
            return self.placeholder(kind, value)
        message = f"{kind}\0{identity(kind, value)}".encode()
        digest = hmac.new(self._hash_key, message, "sha256").hexdigest()
        return f"<{kind}:{digest[:_HASH_DIGITS]}>"

    def note(self, kind: str, value: str) -> None:
        """Remember a value that was taken out, for the blind indexes."""
        self._seen[kind, value] = None

    @property
    def seen(self) -> Sequence[tuple[str, str]]:
        """Kind and value of everything that was taken out, each once, in order."""
        return tuple(self._seen)


def render(
    text: str, findings: Iterable[Finding], *, profile: Profile, book: PlaceholderBook
) -> str:
    """``text`` with every finding replaced by the profile's operator.

    Findings ordered, not overlapping.
    """
    return rendered(text, findings, profile=profile, book=book)[0]


def rendered(
    text: str, findings: Iterable[Finding], *, profile: Profile, book: PlaceholderBook
) -> tuple[str, list[int]]:
    """``render``, and by how much what follows each finding has moved."""
    pieces: list[str] = []
    moves: list[int] = []
    done = moved = 0
    for finding in findings:
        value = text[finding.start : finding.end]
        instead = _stand_in(finding.kind, value, profile, book)
        pieces += (text[done : finding.start], instead)
        done = finding.end
        moved += len(instead) - len(value)
        moves.append(moved)
    pieces.append(text[done:])
    return "".join(pieces), moves


def _stand_in(kind: str, value: str, profile: Profile, book: PlaceholderBook) -> str:
    book.note(kind, value)
    rule = profile.entities.get(kind)  # none for the deny list
    operator: Operator = rule.operator if rule else "replace"
    if operator == "mask":
        return "".join(_MASK if char.isalnum() else char for char in value)
    return book.hashed(kind, value) if operator == "hash" else book.placeholder(kind, value)


def blank(text: str, *, ours: bool = True) -> str:
    """``text`` with placeholders overwritten by blocks, so that offsets hold.

    ``ours``: the text was redacted before, so that what looks like a placeholder is one. In other
    texts only numbered ones are, which have no room for content.
    """
    pattern = PLACEHOLDER if ours else _NUMBERED
    return pattern.sub(lambda match: FILLER * len(match[0]), text)


def blank_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """``text`` with the spans (ordered, not overlapping) overwritten by blocks, offsets kept."""
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += [text[done:start], FILLER * (end - start)]
        done = end
    return "".join([*pieces, text[done:]])
