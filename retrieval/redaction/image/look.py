"""One look at a picture: everything the profile names, found once by one set of preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from retrieval.redaction.base import Finding
from retrieval.redaction.image import boxes, codes, faces, geometry, ocr, reading, shapes
from retrieval.redaction.image.boxes import Area
from retrieval.redaction.placeholders import FILLER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from retrieval.redaction.base import Profile, TextRedactor
    from retrieval.redaction.image.ocr import Line
    from retrieval.redaction.image.reading import Marked, Page

FACE: Final = "FACE"
CODE: Final = "CODE"
UNREADABLE: Final = "UNREADABLE"
# Writing that the detector is sure of and that cannot be read here may be read elsewhere.
_READABLE: Final = 0.55
_SURELY_WRITING: Final = 0.55
# Evening out contrast makes texture look like writing.
_SURELY_AGAIN: Final = 0.8
_MIN_WRITING: Final = 6.0
_MAX_WRITING: Final = 0.4
_MIN_CONTRAST: Final = 12
# A face nearly as sure as would do makes a picture worth a second look.
_DOUBT: Final = 0.7


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    ``areas`` are to be filled, ``illegible`` among them; ``codes`` is what filled codes say;
    ``doubtful``: it saw writing or faces, so that another look may see more.
    """

    areas: tuple[Area, ...] = ()
    low: tuple[Area, ...] = ()
    illegible: tuple[Area, ...] = ()
    codes: tuple[str, ...] = ()
    page: Page | None = None
    lines: int = 0
    doubtful: bool = False


class Looker:
    """Looks at pictures; safe in several threads."""

    def __init__(self, redactor: TextRedactor) -> None:
        """``redactor`` analyses what is written."""
        self._redactor = redactor

    def look(
        self,
        pixels: NDArray[np.uint8],
        profile: Profile,
        *,
        again: bool,
        known: Sequence[Line] = (),
    ) -> Look:
        """What the profile names in RGB ``pixels`` (h, w, 3); ``known`` lines need no new reading.

        Raises:
            RedactionTimeoutError: what is written took too long.
        """
        surely, perhaps, hints = _faces(pixels, profile, again=again)
        filled, said = self._codes(pixels, profile, again=again)
        areas = [*surely, *filled]
        low = list(perhaps)
        if profile.image.text == "keep":
            return Look(tuple(areas), tuple(low), codes=said, doubtful=hints or bool(areas))
        lines = ocr.lines(pixels, again=again, known=known)
        readable = [line for line in lines if line.score >= _READABLE and _says(line)]
        page = reading.analyse(readable, redactor=self._redactor, profile=profile)
        areas += _written(readable, page.marked)
        low += _written(readable, page.low)
        least = _SURELY_AGAIN if again else _SURELY_WRITING
        illegible = _illegible(
            pixels, (line for line in lines if line.score < _READABLE and line.found >= least)
        )
        return Look(
            areas=(*areas, *illegible),
            low=tuple(low),
            illegible=tuple(illegible),
            codes=said,
            page=page,
            lines=len(lines),
            doubtful=hints or bool(areas or len(readable) > 1),
        )

    def _codes(
        self, pixels: NDArray[np.uint8], profile: Profile, *, again: bool
    ) -> tuple[list[Area], tuple[str, ...]]:
        """Codes that the profile fills, or that say something personal, and what they say."""
        found, said = [], []
        for code in codes.codes(pixels, again=again):
            if profile.image.codes == "fill" or self._personal(code.text, profile):
                finding = Finding(kind=CODE, score=1.0, recognizer="zxing-cpp")
                found.append(Area(finding, boxes.of_code(code.quad)))
                said.append(code.text)
        return found, tuple(filter(None, said))

    def _personal(self, text: str, profile: Profile) -> bool:
        return bool(text) and (
            bool(self._redactor.analyse(text, profile=profile))
            or any(True for _ in shapes.shapes(text, profile))
        )


def _says(line: Line) -> bool:
    """Whether there is a letter or digit in it at all."""
    return any(char.isalnum() or char == FILLER for char in line.reading.text)


def _faces(
    pixels: NDArray[np.uint8], profile: Profile, *, again: bool
) -> tuple[list[Area], list[Area], bool]:
    """Faces to fill, those for a steward, and whether there is a hint of more."""
    policy = profile.image
    surely: list[Area] = []
    perhaps: list[Area] = []
    if policy.faces == "keep":
        return surely, perhaps, False
    review = policy.face_review or policy.face_threshold
    found = faces.faces(pixels, min_score=min(review, _DOUBT * policy.face_threshold), again=again)
    for face in found:
        finding = Finding(kind=FACE, score=round(face.score, 2), recognizer="centerface")
        area = Area(finding, boxes.of_face(face))
        if face.score >= policy.face_threshold:
            surely.append(area)
        elif face.score >= review:
            perhaps.append(area)
    return surely, perhaps, bool(found)


def _written(lines: Sequence[Line], marked: Iterable[Marked]) -> list[Area]:
    return [
        Area(
            Finding(kind=item.kind, score=round(item.score, 2), recognizer=item.recognizer),
            boxes.of_mark(lines[item.mark.line], item.mark),
        )
        for item in marked
    ]


def _illegible(pixels: NDArray[np.uint8], lines: Iterable[Line]) -> list[Area]:
    """Lines that are surely writing but could not be read in any direction."""
    return [
        Area(
            Finding(kind=UNREADABLE, score=round(line.found, 2), recognizer="ocr"),
            boxes.grown(line.quad, 1.0),
        )
        for line in lines
        if _is_writing(pixels, line)
    ]


def _is_writing(pixels: NDArray[np.uint8], line: Line) -> bool:
    """Whether a line is neither a speck, nor most of the picture, nor one even surface."""
    height = geometry.size(line.quad)[1]
    if not _MIN_WRITING <= height <= _MAX_WRITING * min(pixels.shape[:2]):
        return False
    low, high = np.percentile(geometry.cut(pixels, line.quad), (2, 98))
    return bool(high - low >= _MIN_CONTRAST)
