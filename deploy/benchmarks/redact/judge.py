"""Whether a redacted document still gives anything away: two readers, and where it was filled."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from retrieval.redaction.image import ocr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from deploy.benchmarks.redact.documents import Word

_TESSERACT_SECONDS: Final = 60
_SMALL: Final = 1_200


def letters(text: str) -> str:
    """Letters and digits of a text, case folded: what a reader makes of it."""
    return "".join(char for char in text.casefold() if char.isalnum())


def read_by_us(pixels: NDArray[np.uint8]) -> str:
    """Everything that our own OCR reads, by rows."""
    found = sorted(ocr.lines(pixels), key=lambda line: (line.quad[:, 1].mean(), line.quad[0, 0]))
    return "\n".join(line.reading.text for line in found)


def has_tesseract() -> bool:
    """Whether the second reader is there; it is no part of the appliance."""
    return shutil.which("tesseract") is not None


def read_by_tesseract(pixels: NDArray[np.uint8], turn: float) -> str:
    """What Tesseract reads in the picture turned back upright, enlarged where it is small."""
    image = Image.fromarray(pixels)
    if turn:
        image = image.rotate(-turn, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    if max(image.size) < _SMALL:
        image = image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    done = subprocess.run(
        ["tesseract", "-", "-", "--psm", "11"],
        input=buffer.getvalue(),
        capture_output=True,
        timeout=_TESSERACT_SECONDS,
        check=False,
    )
    return done.stdout.decode("utf-8", errors="replace")


def read_secrets(secrets: Iterable[str], readings: Sequence[str]) -> set[str]:
    """Those of ``secrets`` that stand in any of the readings, blanks and signs apart."""
    plain = [letters(reading) for reading in readings]
    return {secret for secret in secrets if any(letters(secret) in reading for reading in plain)}


def filled(
    words: Sequence[Word], polygons: Sequence[Sequence[tuple[int, int]]], size: tuple[int, int]
) -> list[float]:
    """For each word the share of its rectangle that is filled; ``size`` is (height, width)."""
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.array(polygon, np.int32)], [1.0])
    return [_share(mask, word.corners) for word in words]


def _share(mask: NDArray[np.uint8], corners: NDArray[np.float32]) -> float:
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    left, top = max(0, int(left)), max(0, int(top))
    window = mask[top : int(bottom), left : int(right)]
    own = np.zeros_like(window)
    cv2.fillPoly(own, [np.round(corners - np.array([left, top])).astype(np.int32)], [1.0])
    total = int(own.sum())
    return float((own & window).sum()) / total if total else 1.0
