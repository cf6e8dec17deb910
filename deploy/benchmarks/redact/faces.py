"""Faces found by size: photographs whose licence allows it, scaled to many sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.redact.parts import Miss, Options, Part
from deploy.paths import ROOT
from retrieval.redaction.image.faces import Face, faces
from retrieval.redaction.profiles import STANDARD

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PHOTOS: Final = ROOT / "deploy" / "demo" / "items" / "photos"
# Faces are taken as they are where the detector is this sure of them on the enlarged original; how
# small they may become before it loses them is what is measured.
_SURE: Final = 0.75
_HEIGHTS: Final = (96, 64, 32, 24, 16, 12, 9, 7)
_MIN_HEIGHT: Final = 16.0
_SAME: Final = 0.5


def run(options: Options) -> Part:
    """Recall at face heights from 96 down to 7 pixels, first and second look together."""
    crops = _crops(4 if options.quick else 40)
    if not crops:
        return Part(notes=["no photographs with faces here: faces were not measured"])
    figures, misses = [], []
    for height in _HEIGHTS:
        found = sum(_found(crop, box, height) for crop, box in crops)
        figures.append(Figure(f"faces {height} px high found", 100 * found / len(crops), "%"))
        misses.append(
            Miss(
                profile=STANDARD.ref,
                what=f"faces {height} pixels high",
                missed=len(crops) - found,
                of=len(crops),
                source="faces of the demo's photographs (CC-BY), scaled, in a photograph",
            )
        )
    note = f"{len(crops)} faces that the detector is sure of at full size; others are not counted"
    return Part(figures=figures, misses=misses, notes=[note])


def _crops(most: int) -> list[tuple[NDArray[np.uint8], Face]]:
    """Photographs enlarged, and one sure face on each."""
    found: list[tuple[NDArray[np.uint8], Face]] = []
    for path in sorted(Path(_PHOTOS).glob("*.jpg")):
        pixels = np.asarray(Image.open(path).convert("RGB"), np.uint8)
        for face in faces(pixels, min_score=_SURE):
            if face.box[3] - face.box[1] >= _MIN_HEIGHT:
                found.append((pixels, face))
                break
        if len(found) >= most:
            break
    return found


def _found(pixels: NDArray[np.uint8], face: Face, height: int) -> bool:
    """Whether a face is found once its photograph has been scaled so that it is so high."""
    scale = height / (face.box[3] - face.box[1])
    size = (max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
    box = [side * scale for side in face.box]
    threshold = STANDARD.image.face_threshold
    return any(
        _covers(other, box)
        for again in (False, True)
        for other in faces(scaled, min_score=threshold, again=again)
    )


def _covers(other: Face, box: list[float]) -> bool:
    """Whether a found face lies over the middle of the wanted one, and is about as large."""
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    inside = other.box[0] <= middle[0] <= other.box[2] and other.box[1] <= middle[1] <= other.box[3]
    return inside and (other.box[3] - other.box[1]) >= _SAME * (box[3] - box[1])
