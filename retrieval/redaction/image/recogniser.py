"""What a cut-out line of text says, and where each of its characters stands.

PP-OCR's recogniser gives for every eighth pixel of a line 48 pixels high the probabilities of
18,709 characters (connectionist temporal classification, Graves et al., ICML 2006): repeats count
once, blanks not at all.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from retrieval.redaction.image.models import session

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEIGHT: Final = 48
_MIN_WIDTH: Final = 48
_MAX_WIDTH: Final = 3_200
_STEP: Final = 8
_LATIN_BLOCKS: Final = 0x250
_SIGNS: Final = "\u20ac\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026"


@dataclass(frozen=True, slots=True)
class Reading:
    """A line's text with, for each character, where it begins and ends (0 left, 1 right).

    ``score`` is the mean probability of its characters, 0 for an empty one.
    """

    text: str
    score: float
    starts: tuple[float, ...]
    ends: tuple[float, ...]


EMPTY: Final = Reading("", 0.0, (), ())


@lru_cache(maxsize=1)
def _alphabet() -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """Characters by class (0 is the blank), and which of them are Latin, digits or signs."""
    meta = session("text-recogniser").get_modelmeta().custom_metadata_map
    characters = ("", *meta["character"].splitlines(), " ")
    western = [not char or ord(char[0]) < _LATIN_BLOCKS or char[0] in _SIGNS for char in characters]
    return characters, np.array(western)


def read(crop: NDArray[np.uint8]) -> tuple[Reading, Reading]:
    """The reading of an upright RGB line (h, w, 3), and one in Latin letters and digits alone.

    They are often the same; where a dash was taken for a Chinese numeral, the second is right.
    """
    height, width = crop.shape[:2]
    wide = min(_MAX_WIDTH, max(_MIN_WIDTH, round(_HEIGHT * width / height)))
    wide += -wide % _STEP
    method = cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_CUBIC
    scaled = cv2.resize(crop, (wide, _HEIGHT), interpolation=method)
    data = scaled[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    data /= 127.5
    data -= 1.0
    model = session("text-recogniser")
    output: Any = model.run(None, {model.get_inputs()[0].name: data})[0]
    chances: NDArray[np.float32] = output[0]
    characters, western = _alphabet()
    whole = _decoded(chances, characters)
    if whole.text.isascii():
        return whole, whole
    return whole, _decoded(np.where(western[None, : chances.shape[1]], chances, 0.0), characters)


def _decoded(chances: NDArray[np.float32], characters: tuple[str, ...]) -> Reading:
    best = chances.argmax(axis=1)
    sure = chances.max(axis=1)
    kept = best != 0
    kept[1:] &= best[1:] != best[:-1]
    columns = np.flatnonzero(kept)
    if not len(columns):
        return EMPTY
    text = "".join(_one(characters[best[column]]) for column in columns)
    count = len(chances)
    middles = (columns + 0.5) / count
    # Half-way between neighbours; at the ends as far out as in.
    between = (middles[1:] + middles[:-1]) / 2
    reach = float(np.median(np.diff(middles))) if len(middles) > 1 else 1.0
    starts = np.concatenate([[middles[0] - reach], between])
    ends = np.concatenate([between, [middles[-1] + reach]])
    return Reading(
        text=text,
        score=float(sure[columns].mean()),
        starts=tuple(np.clip(starts, 0, 1).tolist()),
        ends=tuple(np.clip(ends, 0, 1).tolist()),
    )


def _one(char: str) -> str:
    """One character for each class, so that positions hold; full-width forms become plain."""
    folded = unicodedata.normalize("NFKC", char)
    return folded if len(folded) == 1 else char[:1]
