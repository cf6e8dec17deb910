"""A sound as a grid of time and frequency, and how it sounds without some of its cells."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.saliency.base import Numbers, SaliencyImpossible

BANDS: Final = 6
STEPS: Final = 10
LOW_HZ: Final = 50.0
HIGH_HZ: Final = 14_000.0
"""What the towers of starter and CLAP hear: the range of their mel filters."""
_WINDOW: Final = 1024
_HOP: Final = 256


def mel(hz: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
    """Frequency on the mel scale (O'Shaughnessy 1987)."""
    found: npt.NDArray[np.float64] = 2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0)
    return found


def band_edges_hz(bands: int = BANDS) -> npt.NDArray[np.float64]:
    """Edges of ``bands`` of equal width in mel, lowest first: float64 (bands + 1,)."""
    points = np.linspace(float(mel(LOW_HZ)), float(mel(HIGH_HZ)), bands + 1)
    found: npt.NDArray[np.float64] = 700.0 * (10.0 ** (points / 2595.0) - 1.0)
    return found


class SoundCells:
    """``BANDS`` x ``STEPS`` cells of float32 (samples,); row 0 is the lowest band.

    Cells are taken out of the short-time Fourier transform (Hann, 1024 samples, hop 256), whose
    inverse by overlap-add gives the sound back unchanged where nothing is taken out (Griffin and
    Lim 1984). The lowest band reaches down to 0 Hz, the highest up to half the rate.
    """

    def __init__(self, wave: Numbers, *, rate: int, bands: int = BANDS, steps: int = STEPS) -> None:
        """``wave`` as encoders take it, ``rate`` samples a second."""
        if wave.ndim != 1 or not wave.size or rate <= 0:
            raise SaliencyImpossible("a sound is (samples,)")
        self.wave = wave
        self.rate = rate
        frames = 1 + -(-len(wave) // _HOP)
        self.shape = (bands, min(steps, frames))
        hz = np.arange(_WINDOW // 2 + 1) * rate / _WINDOW
        inner = band_edges_hz(bands)[1:-1]
        self._band = np.searchsorted(inner, hz, side="right")
        self._step = np.minimum(np.arange(frames) * self.shape[1] // frames, self.shape[1] - 1)

    def without(self, cells: npt.NDArray[np.bool_]) -> Numbers:
        """See ``Cells``."""
        kept = ~cells[self._band][:, self._step].T
        frames = np.fft.irfft(self._spectrum * kept, n=_WINDOW, axis=1).astype(np.float32)
        out = np.zeros(len(self._padded), np.float32)
        for number, frame in enumerate(frames * _HANN):
            out[number * _HOP : number * _HOP + _WINDOW] += frame
        start = _WINDOW // 2
        sound: Numbers = (out / self._weights)[start : start + len(self.wave)]
        return np.ascontiguousarray(sound, dtype=np.float32)

    @cached_property
    def _padded(self) -> Numbers:
        length = (len(self._step) - 1) * _HOP + _WINDOW
        padded = np.zeros(length, np.float32)
        padded[_WINDOW // 2 : _WINDOW // 2 + len(self.wave)] = self.wave
        return padded

    @cached_property
    def _spectrum(self) -> npt.NDArray[np.complex128]:
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, _WINDOW)[::_HOP]
        found: npt.NDArray[np.complex128] = np.fft.rfft(windows * _HANN, axis=1)
        return found

    @cached_property
    def _weights(self) -> Numbers:
        weights = np.zeros(len(self._padded), np.float32)
        for number in range(len(self._step)):
            weights[number * _HOP : number * _HOP + _WINDOW] += _HANN**2
        return np.maximum(weights, np.float32(1e-6))


_HANN: Final = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
