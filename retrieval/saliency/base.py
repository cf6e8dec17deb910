"""What a similarity map is, and what it is made over: cells of a picture or sound, words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]
Method = Literal["occlusion", "gradient"]
METHODS: Final[tuple[Method, Method]] = ("occlusion", "gradient")

# What agreed better with the deletion test on real data; see README.md. A modality that is not
# named has cells of a plain array, and occlusion works for anything.
DEFAULT: Final[dict[str, Method]] = {
    "image": "gradient",
    "audio": "occlusion",
    "text": "occlusion",
}

Encode = Callable[[Sequence[Any]], Numbers]
"""Unit vectors float32 (n, d) of items, row i for item i: ``Encoder.encode``."""


class SaliencyImpossible(Exception):
    """This method cannot look into this encoder, or there is nothing to take apart."""


class Cells(Protocol):
    """One item taken apart. ``shape`` is (rows, columns) of its grid, or (n,) of its words."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the map."""

    def without(self, cells: npt.NDArray[np.bool_]) -> Any:
        """The item with some cells, bool of ``shape``, taken out: something an encoder takes."""


@dataclass(frozen=True)
class SaliencyMap:
    """How much of the similarity each cell carries: float32 ``shape``.

    Positive: taking the cell out makes item and query less alike, by so much of the cosine.
    ``similarity`` is that of the whole item.
    """

    values: Numbers
    method: Method
    similarity: float


def similarities(vectors: Numbers, query: Numbers) -> Numbers:
    """Cosines of unit ``vectors`` (n, d) and a unit ``query`` (d,): float32 (n,)."""
    found: Numbers = (np.asarray(vectors, np.float32) @ np.asarray(query, np.float32)).astype(
        np.float32
    )
    return found
