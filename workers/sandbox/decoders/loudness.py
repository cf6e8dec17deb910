"""Integrated loudness (ITU-R BS.1770-4, EBU R 128), measured while samples stream by.

The K-weighting and gating are libavfilter's `ebur128`.
"""

from __future__ import annotations

import math
from typing import Final

import av
import av.filter
import numpy as np
from av.audio.frame import AudioFrame

from workers.sandbox.decoders.sound import Samples

VERSION: Final = "1"

TARGET_LUFS: Final = -23.0
"""EBU R 128, programme loudness."""
PEAK_LIMIT: Final = 10 ** (-1.0 / 20)
"""-1 dBFS, R 128's maximum, held by sample peaks: a sharp sound stays quieter than the target."""
MAX_GAIN: Final = 10 ** (30.0 / 20)
"""+30 dB. Beyond that it is the recorder's noise that would be lifted."""
SILENCE_LUFS: Final = -69.9
"""BS.1770's absolute gate is -70 LUFS; what does not reach it is silence."""

_BLOCK_SECONDS: Final = 0.4
"""BS.1770's measuring block: a shorter sound is measured as if it were repeated."""
_INTEGRATED: Final = "lavfi.r128.I"


class LoudnessMeter:
    """Takes mono blocks at `rate`, tells their loudness and peak at the end."""

    def __init__(self, rate: int) -> None:
        self.peak = 0.0
        self.samples = 0
        self._rate = rate
        self._first: list[Samples] = []
        self._integrated: float | None = None
        graph = av.filter.Graph()
        graph.threads = 1
        self._source = graph.add_abuffer(
            sample_rate=rate, format="flt", layout="mono", time_base=None
        )
        meter = graph.add("ebur128", "metadata=1:framelog=quiet")
        self._sink = graph.add("abuffersink")
        self._source.link_to(meter)
        meter.link_to(self._sink)
        graph.configure()
        self._graph = graph

    def add(self, block: Samples) -> None:
        """Measures one more block."""
        if not len(block):
            return
        self.peak = max(self.peak, float(np.abs(block).max()))
        if self.samples < self._rate:
            self._first.append(block)
        self._push(block)

    def _push(self, block: Samples) -> None:
        frame = AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = self._rate
        frame.pts = self.samples
        self.samples += len(block)
        self._source.push(frame)
        self._pull()

    def _pull(self) -> None:
        while True:
            try:
                out = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            value = out.metadata.get(_INTEGRATED)
            if value is not None:
                self._integrated = float(value)

    def finish(self) -> float | None:
        """Integrated loudness in LUFS; None for silence. Nothing can be added afterwards."""
        needed = int(self._rate * _BLOCK_SECONDS)
        if 0 < self.samples < needed:
            sound = np.concatenate(self._first)
            self._push(np.tile(sound, math.ceil(2 * needed / len(sound))))
        self._source.push(None)
        self._pull()
        if self._integrated is None or not self._integrated > SILENCE_LUFS:
            return None
        return self._integrated


def gain_for(loudness: float | None, peak: float) -> float:
    """The factor that brings a sound to the target within the peak limit; 1 for silence."""
    if loudness is None or peak <= 0:
        return 1.0
    wanted = 10 ** ((TARGET_LUFS - loudness) / 20)
    return min(wanted, MAX_GAIN, PEAK_LIMIT / peak)
