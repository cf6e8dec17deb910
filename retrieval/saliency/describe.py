"""A map in words: what somebody who does not see the picture should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from retrieval.saliency.base import Numbers
from retrieval.saliency.sound import band_edges_hz

MOST_PARTS: Final = 3
"""Parts named; each must carry at least ``_LEAST`` of what the strongest does."""
_LEAST: Final = 0.5
_ROWS: Final = ("top", "middle", "bottom")
_COLUMNS: Final = ("left", "centre", "right")


def warmth(values: Numbers) -> Numbers:
    """What speaks for the match, 0 to 1, the strongest part 1; zeros where nothing does."""
    positive = np.maximum(np.nan_to_num(np.asarray(values, np.float32)), 0.0)
    most = float(positive.max(initial=0.0))
    found: Numbers = positive / most if most > 0 else positive
    return found


def heat_rows(values: Numbers) -> list[list[int]]:
    """``warmth`` as rows of 0 to 255."""
    rows = np.atleast_2d(np.round(warmth(values) * 255)).astype(int)
    return [[int(value) for value in row] for row in rows]


def _best(values: Numbers) -> list[tuple[int, ...]]:
    warm = warmth(values)
    order = np.argsort(-warm, axis=None, kind="stable")
    places = [tuple(int(at) for at in np.unravel_index(flat, warm.shape)) for flat in order]
    return [place for place in places if warm[place] >= _LEAST]


def picture_parts(values: Numbers) -> list[str]:
    """Where in a picture the match hangs: ``top left``, the strongest first."""
    rows, columns = values.shape
    named = (
        _place(_ROWS[min(2, 3 * row // rows)], _COLUMNS[min(2, 3 * column // columns)])
        for row, column in _best(values)
    )
    return list(dict.fromkeys(named))[:MOST_PARTS]


def _place(row: str, column: str) -> str:
    return "centre" if (row, column) == ("middle", "centre") else f"{row} {column}"


def sound_parts(values: Numbers, *, window_ms: tuple[int, int]) -> list[str]:
    """When and at which pitches: ``2 to 3 s at 350 to 900 Hz``, the strongest first."""
    bands, steps = values.shape
    edges = band_edges_hz(bands)
    start, end = window_ms[0] / 1000, window_ms[1] / 1000
    width = (end - start) / steps
    return [
        f"{start + step * width:.1f} to {start + (step + 1) * width:.1f} s at "
        f"{_hertz(edges[band])} to {_hertz(edges[band + 1])}"
        for band, step in _best(values)[:MOST_PARTS]
    ]


def _hertz(value: float) -> str:
    return f"{value / 1000:.1f} kHz" if value >= 1000 else f"{10 * round(value / 10)} Hz"  # noqa: PLR2004 a thousand


def text_parts(values: Numbers, *, text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """The words that carry most, the strongest first."""
    named = (text[slice(*spans[place[0]])].strip(".,;:!?\"'()[]") for place in _best(values))
    return list(dict.fromkeys(named))[:MOST_PARTS]
