"""The deletion test: how fast a similarity falls when the best cells are taken out first.

Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation", BMVC 2018, section 4.1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.saliency.base import Cells, Encode, Numbers, similarities

STOPS: Final = 10
"""Tenths of the cells that are taken out one after another."""


def deletion_area(
    cells: Cells, order: npt.NDArray[np.int64], *, query: Numbers, encode: Encode
) -> float:
    """Mean similarity while cells go in ``order`` (flat places, first to go first).

    The mean is over the whole item and after each tenth of its cells, but for the last, where
    nothing would be left: the lower, the better the order knew what the match hangs on.
    """
    count = len(order)
    variants = []
    for stop in range(STOPS):
        gone = np.zeros(count, np.bool_)
        gone[order[: round(count * stop / STOPS)]] = True
        variants.append(cells.without(gone.reshape(cells.shape)))
    return float(similarities(encode(variants), query).mean())


def order_of(values: Numbers) -> npt.NDArray[np.int64]:
    """Flat places of a map's cells, the most important first."""
    found: npt.NDArray[np.int64] = np.argsort(-values.ravel(), kind="stable")
    return found
