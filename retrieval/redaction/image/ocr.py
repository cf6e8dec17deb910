"""Reads what is written in a picture, whichever way up, small, faint or light on dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from retrieval.redaction.image import contrast, detector, geometry
from retrieval.redaction.image.recogniser import EMPTY, Reading, read
from retrieval.redaction.placeholders import FILLER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Found = tuple[NDArray[np.float32], float]

# The first look, at which most photographs show that there is nothing to read.
_FIRST_SIDE: Final = 1_024
_FIRST_MIN_SIDE: Final = 640
_FULL_SIDE: Final = 1_920
_FULL_SCALE: Final = 2.0
# The second look's scales differ by more than a network's stride evens out.
_AGAIN_FACTOR: Final = 0.8
_AGAIN_FULL_FACTOR: Final = 0.9
# The second pass is closer than the first by this much at least, and shows the smallest fifth of
# the lines this high, margins included.
_CLOSER: Final = 1.25
_LINE_PIXELS: Final = 28.0
_SMALL_LETTERS: Final = 20
_MIN_SCORE: Final = 0.3
_STEEP: Final = 1.5
_TURNED_SHARE: Final = 0.5
_SKEW_DEGREES: Final = 4.0
# Below this mean probability another direction is tried, at this one or above none is.
_GOOD: Final = 0.9
# More lines than these are not read at all: no page has so many, and it would take minutes.
MAX_LINES: Final = 500
# So few regions are read at once; where none of them is a word, there is nothing more to find.
_FEW: Final = 6
_WORD_LETTERS: Final = 2
_WORD_SCORE: Final = 0.6
_SURELY_FOUND: Final = 0.9
_READ_WELL: Final = 0.95
_SAME_PLACE: Final = 0.75
_EIGHTH_TURN: Final = 45
_SAMPLE: Final = 5
_SQUARE: Final = 1.6
# What parts of pictures are filled with, and how far lossy compression takes it.
INK: Final = (16, 16, 18)
_INK_NOISE: Final = 10
_FILLED: Final = 0.25
# What compression blurs around a bar, in pixels, and how even a surface without writing is.
_BAR_EDGE: Final = 7
_EVEN: Final = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One line as read: ``quad`` in pixels of the picture, in its reading direction.

    ``western`` is the reading in Latin letters, digits and signs alone. ``found`` is the detector's
    score.
    """

    quad: NDArray[np.float32]
    reading: Reading
    western: Reading
    found: float

    @property
    def score(self) -> float:
        """How surely it was read, 0..1."""
        return max(self.reading.score, self.western.score)


def lines(
    pixels: NDArray[np.uint8], *, again: bool = False, known: Sequence[Line] = ()
) -> list[Line]:
    """Every line found in RGB ``pixels`` (h, w, 3), in no order, unreadable ones with low scores.

    ``again`` looks at another scale and at an inverted, contrast-stretched picture first. What was
    read well before (``known``) is not read once more where it is found once more.
    """
    given, pixels = pixels, contrast.spread(pixels)
    first, side = _first(pixels, again=again)
    if not first:
        return []
    if len(first) <= _FEW:
        found = _read(pixels, first, known)
        if not any(_is_word(line) for line in found):
            return found
    quads = _closer(pixels, first, side, again=again)
    if len(quads) > MAX_LINES:
        return [Line(quad, EMPTY, EMPTY, score) for quad, score in quads]
    found = _read(pixels, quads, known)
    return [*found, *bars(given)] if again else found


def _first(pixels: NDArray[np.uint8], *, again: bool) -> tuple[list[Found], int]:
    """What shows at moderate size, and that size."""
    longest = max(pixels.shape[:2])
    side = min(max(longest, min(_FIRST_MIN_SIDE, 2 * longest)), _FIRST_SIDE)
    if again:
        return _found(contrast.evened_inverse(pixels), round(side * _AGAIN_FACTOR)), side
    return _found(pixels, side), side


def _is_word(line: Line) -> bool:
    """Whether a line is surely written: photographs are full of what looks like one letter."""
    long = sum(map(str.isalnum, line.reading.text)) >= _WORD_LETTERS
    return (long and line.score >= _WORD_SCORE) or line.found >= _SURELY_FOUND


def _closer(
    pixels: NDArray[np.uint8], first: list[Found], side: int, *, again: bool
) -> list[Found]:
    """What shows closer by, upright, and with contrast evened out, besides what has been found."""
    full = _full_side(first, side, max(pixels.shape[:2]))
    full = round(full * _AGAIN_FULL_FACTOR) if again else full
    turn = _main_angle(first)
    if abs(turn) < _SKEW_DEGREES:
        second = _found(pixels, full)
    else:
        second = _found_turned(pixels, full, turn)
    third = [] if again else _found(contrast.raised(pixels), side)
    return geometry.united([second, third, first])


def _full_side(first: Sequence[Found], side: int, longest: int) -> int:
    """The side at which small letters of what was found are as high as the detector likes them."""
    heights = [geometry.size(quad)[1] for quad, _ in first]
    wanted = longest * _LINE_PIXELS / max(1.0, float(np.percentile(heights, _SMALL_LETTERS)))
    return round(min(max(wanted, side * _CLOSER), longest * _FULL_SCALE, _FULL_SIDE))


def _found(pixels: NDArray[np.uint8], side: int) -> list[Found]:
    found = detector.regions(pixels, side=side, min_score=_MIN_SCORE)
    return list(zip(found.quads, found.scores.tolist(), strict=True))


def _found_turned(pixels: NDArray[np.uint8], side: int, degrees: float) -> list[Found]:
    """What is found once the picture has been turned back by ``degrees``."""
    upright, back = geometry.turned_view(pixels, degrees)
    return [(geometry.moved(quad, back), score) for quad, score in _found(upright, side)]


def _main_angle(found: Sequence[Found]) -> float:
    """The direction, -45..135 degrees, in which most of what was found runs."""
    angles, weights = [], []
    for quad, _ in found:
        length, height = geometry.size(quad)
        if length > _STEEP * height:
            angles.append(geometry.angle(quad))
            weights.append(length)
    if not angles:
        return 0.0
    # Lines standing upright run downwards or upwards, which is the same here.
    folded = np.array([a + 180 if a < -_EIGHTH_TURN else a for a in angles])
    order = np.argsort(folded)
    reached = np.cumsum(np.array(weights)[order])
    return float(folded[order][np.searchsorted(reached, reached[-1] / 2)])


def _read(pixels: NDArray[np.uint8], quads: Sequence[Found], known: Sequence[Line]) -> list[Line]:
    """Every quad read in the direction that makes most sense."""
    before = [_known(quad, known) for quad, _ in quads]
    kept = [line for line in before if line is not None]
    fresh = [found for found, line in zip(quads, before, strict=True) if line is None]
    return [*kept, *_read_fresh(pixels, fresh)]


def _known(quad: NDArray[np.float32], known: Sequence[Line]) -> Line | None:
    """The line that was read well where ``quad`` lies."""
    own = geometry.area(quad)
    for line in known:
        shared = geometry.overlap(quad, line.quad)
        if line.score >= _READ_WELL and shared > _SAME_PLACE * max(own, geometry.area(line.quad)):
            return line
    return None


def _read_fresh(pixels: NDArray[np.uint8], quads: Sequence[Found]) -> list[Line]:
    longest = sorted(quads, key=lambda found: -geometry.size(found[0])[0])
    votes = {0: 0.0, 2: 0.0}
    for quad, _ in longest[:_SAMPLE]:
        for quarters in votes:
            reading = _reading(pixels, geometry.turned(quad, quarters))
            votes[quarters] += reading[0].score * len(reading[0].text)
    usual = max(votes, key=lambda quarters: votes[quarters])
    return [_best(pixels, quad, score, usual) for quad, score in quads if not _is_bar(pixels, quad)]


def bars(pixels: NDArray[np.uint8]) -> list[Line]:
    """What has been filled already, as lines of one block each, so that labels keep their values.

    Solid pieces of the ink, at least six pixels thick.
    """
    ink = np.abs(pixels.astype(np.int16) - np.array(INK, np.int16)).max(axis=2) <= _INK_NOISE
    solid = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    block = Reading(FILLER, 1.0, (0.0,), (1.0,))
    return [
        Line(detector.upright_quad(np.asarray(contour)), block, block, 1.0) for contour in contours
    ]


def _is_bar(pixels: NDArray[np.uint8], quad: NDArray[np.float32]) -> bool:
    """Whether a quad is filled for the most part, and what is left of it is one even surface.

    Light writing on a ground of the ink's colour is not: dark screens are full of it.
    """
    crop = geometry.cut(pixels, quad)
    away = np.abs(crop.astype(np.int16) - np.array(INK, np.int16)).max(axis=2)
    # Letters in the same colour are thinner than bars.
    solid = cv2.morphologyEx(
        (away <= _INK_NOISE).astype(np.uint8), cv2.MORPH_OPEN, np.ones((13, 13), np.uint8)
    )
    if float(solid.mean()) <= _FILLED:
        return False
    beside = crop[cv2.dilate(solid, np.ones((_BAR_EDGE, _BAR_EDGE), np.uint8)) == 0]
    if not beside.size:
        return True
    low, high = np.percentile(beside, (2, 98))
    return bool(high - low < _EVEN)


def _best(pixels: NDArray[np.uint8], quad: NDArray[np.float32], score: float, usual: int) -> Line:
    length, height = geometry.size(quad)
    others = [(usual + 2) % 4]
    if length < _SQUARE * height:
        others += [1, 3]
    best: Line | None = None
    for quarters in (usual, *others):
        facing = geometry.turned(quad, quarters)
        whole, western = _reading(pixels, facing)
        line = Line(facing, whole, western, score)
        if best is None or line.score > best.score:
            best = line
        if best.score >= _GOOD:
            break
    if best is not None and best.score < _GOOD:
        whole, western = read(contrast.spread(geometry.cut(pixels, best.quad), always=True))
        faint = Line(best.quad, whole, western, score)
        best = max(best, faint, key=lambda line: line.score)
    return best or Line(quad, EMPTY, EMPTY, score)


def _reading(pixels: NDArray[np.uint8], quad: NDArray[np.float32]) -> tuple[Reading, Reading]:
    return read(geometry.cut(pixels, quad))
