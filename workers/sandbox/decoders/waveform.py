"""A small picture of a sound: its loudest samples over time."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from workers.sandbox.decoders.sound import Samples
from workers.sandbox.decoders.webp import encode

_WIDTH, _HEIGHT = 320, 96
_BARS: Final = 80
_GAP: Final = 1
_QUALITY: Final = 80
_PAPER, _INK = (255, 255, 255), (74, 98, 138)


class Envelope:
    """Peaks of blocks of a fixed number of samples, gathered while samples stream by."""

    def __init__(self, block: int) -> None:
        self._block = block
        self._peaks: list[float] = []
        self._left = np.empty(0, np.float32)

    def add(self, samples: Samples) -> None:
        """Takes one more block of samples."""
        together = np.concatenate((self._left, np.abs(samples)))
        whole = len(together) - len(together) % self._block
        self._peaks += together[:whole].reshape(-1, self._block).max(axis=1).tolist()
        self._left = together[whole:]

    def bars(self) -> NDArray[np.float64]:
        """Shape (80,), each the peak of its part of the sound, the loudest 1; zeros for silence."""
        peaks = np.array([*self._peaks, *self._left.max(initial=0.0, keepdims=True)])
        edges = np.linspace(0, len(peaks), _BARS + 1)
        bars = np.array(
            [
                peaks[int(start) : max(int(start) + 1, int(np.ceil(end)))].max()
                for start, end in itertools.pairwise(edges)
            ]
        )
        return bars / bars.max() if bars.max() > 0 else bars


def draw(envelope: Envelope) -> bytes:
    """The picture, as WebP, 320 x 96."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    pen = ImageDraw.Draw(picture)
    width = _WIDTH // _BARS
    for index, bar in enumerate(envelope.bars()):
        half = max(1, round(float(bar) * (_HEIGHT // 2 - 4)))
        left = index * width
        box = (left, _HEIGHT // 2 - half, left + width - 1 - _GAP, _HEIGHT // 2 + half)
        pen.rectangle(box, fill=_INK)
    return encode(picture, quality=_QUALITY)
