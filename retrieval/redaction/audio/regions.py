"""From scores of speech to stretches of time, and what can be done with such stretches. Pure.

The numbers were chosen on mixtures of synthetic speech and the environmental sounds of ESC-50's
folds 1 to 3, and judged on fold 4; ``deploy/bench redact`` prints what they reach.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.redaction.audio.vad import CELL_MS, Scores

Interval = tuple[int, int]
"""(start, end) in milliseconds, end exclusive."""

RELEASE: Final = 0.25
"""Speech that has begun at the threshold goes on while the score stays above this."""
EDGE: Final = 0.2
"""A stretch begins where the forward score reaches this, and ends where the backward score does:
each is sharp on its side."""
_TRIM_MS: Final = 300
"""What is cut at an edge, at most: in noise one direction may miss a whole word."""
_LEAST_MS: Final = 48
"""At the threshold or above for less than this, it is no speech."""
PAUSE_MS: Final = 400
"""A pause between two words is muted with them."""
MARGIN_MS: Final = 32


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch in which somebody speaks; ``score`` is the highest there, 0..1."""

    start_ms: int
    end_ms: int
    score: float


def regions(scores: Scores, *, threshold: float) -> list[Region]:
    """Where somebody speaks at ``threshold`` or above, in order, apart, with margins."""
    together = (scores.forward + scores.backward) / 2
    cells = int(_TRIM_MS / CELL_MS)
    found = []
    for first, end in _runs(together >= min(threshold, RELEASE)):
        part = together[first:end]
        if np.count_nonzero(part >= threshold) * CELL_MS < _LEAST_MS:
            continue
        start = first + _lead(scores.forward[first:end] >= EDGE, cells)
        stop = end - _lead(scores.backward[first:end][::-1] >= EDGE, cells)
        if stop <= start:
            start, stop = first, end
        found.append(
            Region(
                max(0, int(start * CELL_MS) - MARGIN_MS),
                int(stop * CELL_MS) + MARGIN_MS,
                round(float(part.max()), 2),
            )
        )
    return list(_joined(found))


def merged(intervals: Iterable[Interval], *, gap_ms: int = 0) -> list[Interval]:
    """The intervals in order, as one where at most ``gap_ms`` lies between two."""
    out: list[Interval] = []
    for start, end in sorted(intervals):
        if out and start - out[-1][1] <= gap_ms:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def at_most(intervals: Sequence[Interval], count: int) -> list[Interval]:
    """At most ``count`` intervals that cover all of ``intervals``: the narrowest gaps close."""
    apart = merged(intervals)
    if len(apart) <= count:
        return apart
    gaps = sorted(after[0] - before[1] for before, after in itertools.pairwise(apart))
    return merged(apart, gap_ms=gaps[len(apart) - count - 1])


def covered(start_ms: int, end_ms: int, intervals: Iterable[Interval]) -> int:
    """How many milliseconds of a stretch lie within ``intervals``, which are apart."""
    return sum(max(0, min(end_ms, end) - max(start_ms, start)) for start, end in intervals)


def _runs(mask: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    steps = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    yield from zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True)


def _lead(reached: npt.NDArray[np.bool_], most: int) -> int:
    """Cells before the first that is reached, ``most`` at most; none where none is."""
    return min(int(reached.argmax()), most)


def _joined(found: Sequence[Region]) -> Iterator[Region]:
    """Regions with a short pause between them as one."""
    held: Region | None = None
    for region in found:
        if held is None:
            held = region
        elif region.start_ms + MARGIN_MS - (held.end_ms - MARGIN_MS) <= PAUSE_MS:
            held = Region(
                held.start_ms, max(held.end_ms, region.end_ms), max(held.score, region.score)
            )
        else:
            yield held
            held = region
    if held is not None:
        yield held
