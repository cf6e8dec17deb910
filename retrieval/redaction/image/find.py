"""`PictureRedactor`: faces, codes, plates and written personal data in a decoded picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from retrieval.redaction.base import ImageFindings
from retrieval.redaction.errors import RedactionError
from retrieval.redaction.image import boxes, geometry, models
from retrieval.redaction.image.look import Look, Looker
from retrieval.redaction.image.ocr import INK, MAX_LINES
from retrieval.redaction.placeholders import Numbering

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from retrieval.redaction.base import Finding, PlaceholderBook, Profile, TextRedactor
    from retrieval.redaction.image.boxes import Area

# Our own part of the version: a change of thresholds, views or rules raises it.
REVISION: Final = 1
# What is found only once other things are filled, or at another scale, is filled too, this often.
_MORE_LOOKS: Final = 2
# Beyond this share of the picture it is texture made of words.
_MAX_UNREADABLE: Final = 0.25


class PictureRedactor:
    """Finds by OCR, CenterFace and zxing-cpp what a profile names; safe in several threads."""

    name = "pictures"

    def __init__(self, redactor: TextRedactor) -> None:
        """``redactor`` analyses what is written in pictures; models are loaded when first used."""
        self._redactor = redactor
        self._looker = Looker(redactor)

    @property
    def version(self) -> str:
        """Our revision and the libraries'."""
        return f"{REVISION}+{models.versions()}"

    def find(
        self,
        pixels: NDArray[np.uint8],
        *,
        profile: Profile,
        book: PlaceholderBook | None = None,
        again: bool = False,
    ) -> ImageFindings:
        """Findings at the profile's level in RGB ``pixels`` (height, width, 3).

        Whatever a second look still sees is among them. ``again``: only the second look, by other
        preprocessing than the first.

        Raises:
            RedactionError: the picture could not be looked at; it must not pass.
            RedactionTimeoutError: what is written in it took too long.
        """
        try:
            return self._find(pixels, profile, book or Numbering(), again=again)
        except RedactionError:
            raise
        except Exception as error:  # noqa: BLE001 - see below
            # onnxruntime, OpenCV and zxing-cpp raise many things; none may let a picture pass, and
            # no message of theirs may carry content.
            raise RedactionError(f"picture analysis failed: {type(error).__name__}") from None

    def _find(
        self, pixels: NDArray[np.uint8], profile: Profile, book: PlaceholderBook, *, again: bool
    ) -> ImageFindings:
        first = self._looker.look(pixels, profile, again=again)
        for said in first.codes:  # noted in the book, so that whom it names is found again
            self._redactor.redact(said, profile=profile, book=book)
        areas = list(first.areas)
        later: list[Area] = []
        if not again and first.doubtful:
            for _ in range(_MORE_LOOKS):
                left = self._look_again(pixels, profile, first, areas)
                if not left:
                    break
                later += left
                areas += left
        text = self._text(first, later, profile, book)
        unreadable = first.lines > MAX_LINES or _share(first.illegible, pixels) > _MAX_UNREADABLE
        height, width = pixels.shape[:2]
        return ImageFindings(
            findings=_boxed(areas, width, height),
            low=_boxed(first.low, width, height),
            text=text,
            unreadable=unreadable,
            polygons=tuple(
                tuple((round(float(x)), round(float(y))) for x, y in area.polygon) for area in areas
            ),
        )

    def _look_again(
        self, pixels: NDArray[np.uint8], profile: Profile, first: Look, areas: Sequence[Area]
    ) -> Sequence[Area]:
        """What another look finds once ``areas`` are filled; lines that they do not touch stay."""
        polygons = [area.polygon for area in areas]
        untouched = [
            line
            for line in (first.page.lines if first.page else ())
            if not any(geometry.overlap(line.quad, polygon) for polygon in polygons)
        ]
        view = filled(pixels, polygons)
        return self._looker.look(view, profile, again=True, known=untouched).areas

    def _text(
        self, first: Look, later: Sequence[Area], profile: Profile, book: PlaceholderBook
    ) -> str:
        """What is written, redacted; also where only a later look has found something."""
        if first.page is None:
            return ""
        text = first.page.redacted(profile, book, also=[area.polygon for area in later])
        # A word beside a placeholder may have become visible for what it is.
        return self._redactor.redact(text, profile=profile, book=book).text


def filled(pixels: NDArray[np.uint8], polygons: Iterable[NDArray[Any]]) -> NDArray[np.uint8]:
    """A copy with polygons, (n, 2) corners each, painted over."""
    copy = pixels.copy()
    for polygon in polygons:
        cv2.fillPoly(copy, [np.round(polygon).astype(np.int32)], INK)
    return copy


def _share(areas: Iterable[Area], pixels: NDArray[np.uint8]) -> float:
    """The share of the picture that polygons cover, overlaps counted twice."""
    height, width = pixels.shape[:2]
    return sum(geometry.area(area.polygon) for area in areas) / (height * width)


def _boxed(areas: Iterable[Area], width: int, height: int) -> tuple[Finding, ...]:
    return tuple(
        replace(area.finding, box=boxes.box(area.polygon, width, height)) for area in areas
    )
