"""Taking more out of a rendition, and what a steward has accepted. Pure: no Django, no I/O.

A region is a ``Finding`` of kind ``DRAWN``: characters, a box or a time of the rendition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from retrieval.redaction.base import Finding

DRAWN: Final = "DRAWN"
MAX_REGIONS: Final = 500
# How often what a second look finds in a picture or sound is taken out before a person is asked.
ROUNDS: Final = 2
# Of a place found again that must lie within what was accepted: detectors give the same place anew
# within a few pixels or milliseconds, and a larger one was not what the steward saw.
_SAME_PLACE: Final = 0.7
# Of a finding in doubt that must lie under what was taken out to be of no interest any more; looked
# at in as many points to the side.
_HIDDEN: Final = 0.9
_GRID: Final = 12
# Of a picture's area: a larger box says that something went wrong, not where.
_LARGEST_SHARE: Final = 0.25
_PLACEHOLDER: Final = re.compile(r"<[A-Z][A-Z0-9_]*_\d+>")
_DRAWN_NUMBER: Final = re.compile(rf"<{DRAWN}_(\d+)>")
_SHAPES: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("start", "end"),
    "image": ("box",),
    "audio": ("start_ms", "end_ms"),
}


class RegionError(ValueError):
    """A region that cannot be meant; the message is a sentence for whoever drew it."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a rendition is, as far as it is known: ``text`` in characters."""

    modality: str
    text: int | None = None
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters ``start`` up to ``end`` of the old text became ``length`` new ones."""

    start: int
    end: int
    length: int


def takeable(found: Sequence[Finding], *, pixels: int) -> bool:
    """Whether all that a second look found can be taken out without asking anybody.

    In pictures of ``pixels`` and in sounds it can. What has no place, or would cover much of a
    picture, cannot; nor can anything in a text: there both looks read the same letters, and one of
    them is wrong.
    """
    return bool(found) and all(
        one.box[2] * one.box[3] <= pixels * _LARGEST_SHARE
        if one.box is not None
        else one.start_ms is not None and one.end_ms is not None
        for one in found
    )


@dataclass(frozen=True, slots=True)
class AmendedText:
    """A text with regions replaced, and what became of the places in it."""

    text: str
    edits: tuple[Edit, ...]


def regions_from(given: Sequence[Mapping[str, Any]], *, extent: Extent) -> tuple[Finding, ...]:
    """Regions as a client sends them, cut to the rendition.

    ``{"start", "end"}`` for text, ``{"box": [x, y, width, height]}`` for pictures,
    ``{"start_ms", "end_ms"}`` for sounds; whole numbers.

    Raises:
        RegionError: none, too many, of another modality, empty, or outside of the rendition.
    """
    shape = _SHAPES.get(extent.modality)
    if shape is None:
        raise RegionError("Nothing can be drawn on this kind of asset.")
    if not given:
        raise RegionError("Name at least one region.")
    if len(given) > MAX_REGIONS:
        raise RegionError(f"At most {MAX_REGIONS} regions can be taken at once.")
    return tuple(_region(one, shape, extent, number) for number, one in enumerate(given, 1))


def _region(
    given: Mapping[str, Any], shape: tuple[str, ...], extent: Extent, number: int
) -> Finding:
    wanted = " and ".join(shape)
    if set(given) != set(shape):
        raise RegionError(f"Region {number}: in {extent.modality} a region is told by {wanted}.")
    if extent.modality == "image":
        return _drawn(box=_box(given["box"], extent, number))
    first, last = (_whole(given[name], number) for name in shape)
    limit = extent.text if extent.modality == "text" else extent.duration_ms
    first, last = max(first, 0), last if limit is None else min(last, limit)
    if first >= last:
        raise RegionError(f"Region {number} is empty or outside.")
    return _drawn(**{shape[0]: first, shape[1]: last})


def _box(given: Any, extent: Extent, number: int) -> tuple[int, int, int, int]:
    if not isinstance(given, list | tuple) or len(given) != 4:  # noqa: PLR2004 - x, y, width, height
        raise RegionError(f"Region {number}: a box is [x, y, width, height].")
    x, y, width, height = (_whole(value, number) for value in given)
    right = x + width if extent.width is None else min(x + width, extent.width)
    bottom = y + height if extent.height is None else min(y + height, extent.height)
    x, y = max(x, 0), max(y, 0)
    if x >= right or y >= bottom:
        raise RegionError(f"Region {number} is empty or outside.")
    return x, y, right - x, bottom - y


def _whole(value: Any, number: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise RegionError(f"Region {number}: whole numbers are wanted.")
    return int(value)


def _drawn(**place: Any) -> Finding:
    return Finding(kind=DRAWN, score=1.0, recognizer="steward", **place)


def text_amend(text: str, regions: Iterable[Finding]) -> AmendedText:
    """``text`` with every region replaced by ``<DRAWN_n>``, the same words by the same number.

    A region that cuts a placeholder takes it whole; numbers go on where an earlier review ended.
    Regions without characters, such as metadata, have no place here.
    """
    spans = _merged(
        [
            _whole_placeholders(text, region.start, region.end)
            for region in regions
            if region.start < region.end
        ]
    )
    number = max((int(n) for n in _DRAWN_NUMBER.findall(text)), default=0)
    numbers: dict[str, int] = {}
    pieces: list[str] = []
    edits: list[Edit] = []
    at = 0
    for start, end in spans:
        words = " ".join(text[start:end].split()).casefold()
        placeholder = f"<{DRAWN}_{numbers.setdefault(words, number + len(numbers) + 1)}>"
        pieces += [text[at:start], placeholder]
        edits.append(Edit(start, end, len(placeholder)))
        at = end
    return AmendedText("".join([*pieces, text[at:]]), tuple(edits))


def _whole_placeholders(text: str, start: int, end: int) -> tuple[int, int]:
    low, high = max(start - 64, 0), min(end + 64, len(text))
    for match in _PLACEHOLDER.finditer(text, low, high):
        if match.start() < end and start < match.end():
            start, end = min(start, match.start()), max(end, match.end())
    return start, end


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def moved(position: int, edits: Sequence[Edit]) -> int:
    """Where a place of the old text lies in the new one; within an edit, the end of what is there.

    ``edits`` are in order and do not overlap.
    """
    shift = 0
    for edit in edits:
        if position <= edit.start:
            break
        if position < edit.end:
            return edit.start + shift + edit.length
        shift += edit.length - (edit.end - edit.start)
    return position + shift


def findings_moved(findings: Iterable[Finding], edits: Sequence[Edit]) -> list[Finding]:
    """Findings of the old text in the new one; those that were taken out are gone."""
    found = []
    for finding in findings:
        if finding.end <= finding.start:  # it has no place in the text
            found.append(finding)
            continue
        if any(edit.start <= finding.start and finding.end <= edit.end for edit in edits):
            continue
        found.append(
            replace(finding, start=moved(finding.start, edits), end=moved(finding.end, edits))
        )
    return found


def covered(text: str, findings: Iterable[Finding]) -> str:
    """``text``, of the same length, with every finding's characters (not line ends) blacked out."""
    characters = list(text)
    for finding in findings:
        for place in range(max(finding.start, 0), min(finding.end, len(characters))):
            if characters[place] not in "\r\n":
                characters[place] = "\u2588"
    return "".join(characters)


def unaccepted(found: Iterable[Finding], accepted: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings that no steward has called a false alarm: of another kind or in another place."""
    return tuple(one for one in found if not any(_same(one, other) for other in accepted))


def still_seen(low: Iterable[Finding], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those of ``low`` of which something is left: not filled or muted for another finding's sake.

    Characters are let be: those of ``low`` count in the rendition, those of ``findings`` do not.
    """
    boxes = [one.box for one in findings if one.box is not None]
    times = [(one.start_ms, one.end_ms) for one in findings if one.start_ms is not None]
    return tuple(
        one
        for one in low
        if sum(_hidden(point, boxes, times) for point in _points(one)) < _HIDDEN * _GRID**2
    )


def _points(finding: Finding) -> list[tuple[float, float]]:
    """Places all over a finding; for a time, its moments."""
    steps = [(step + 0.5) / _GRID for step in range(_GRID)]
    if finding.box is not None:
        x, y, width, height = finding.box
        return [(x + width * across, y + height * down) for across in steps for down in steps]
    if finding.start_ms is not None and finding.end_ms is not None:
        fine = [(step + 0.5) / _GRID**2 for step in range(_GRID**2)]
        length = finding.end_ms - finding.start_ms
        return [(finding.start_ms + length * share, -1.0) for share in fine]
    return []


def _hidden(
    point: tuple[float, float],
    boxes: Sequence[tuple[int, int, int, int]],
    times: Sequence[tuple[int | None, int | None]],
) -> bool:
    across, down = point
    if down < 0:
        return any((start or 0) <= across < (end or 0) for start, end in times)
    return any(x <= across < x + w and y <= down < y + h for x, y, w, h in boxes)


def _same(one: Finding, other: Finding) -> bool:
    """Whether ``one`` is of the same kind and lies (nearly) within ``other``."""
    if one.kind != other.kind or one.page != other.page:
        return False
    mine, theirs = _sides(one), _sides(other)
    if len(mine) != len(theirs):
        return False
    whole = shared = 1
    for (low, high), (other_low, other_high) in zip(mine, theirs, strict=True):
        whole *= high - low
        shared *= max(0, min(high, other_high) - max(low, other_low))
    return shared >= _SAME_PLACE * whole


def _sides(finding: Finding) -> tuple[tuple[int, int], ...]:
    """The place as intervals: two of a box, one of a time or of characters, none of metadata."""
    if finding.box is not None:
        x, y, width, height = finding.box
        return (x, x + width), (y, y + height)
    if finding.start_ms is not None and finding.end_ms is not None:
        # A third side of length 1, so that a time is never taken for characters.
        return (finding.start_ms, finding.end_ms), (0, 1), (0, 1)
    return ((finding.start, finding.end),) if finding.start < finding.end else ()
