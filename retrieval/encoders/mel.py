"""Log-mel spectrograms for audio towers; version 1. Pure numpy and torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

VERSION = 1
_FLOOR = 1e-4  # 40 dB below the clip's mean power; quieter is silence
_CENTRE, _SPREAD = 4.0, 4.0  # bring log(power / mean power) near zero mean and unit spread


@dataclass(frozen=True)
class MelSpec:
    """Sample rate in Hz, window and hop in samples, number of mel bands and their range in Hz."""

    sample_rate: int = 32_000
    n_fft: int = 1024
    hop: int = 640
    bands: int = 64
    low_hz: float = 50.0
    high_hz: float = 14_000.0


def _mel(hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hz / 700.0))  # O'Shaughnessy 1987, as in HTK


@lru_cache(maxsize=4)
def filterbank(spec: MelSpec) -> Tensor:
    """Triangular mel filters, float32 (bands, n_fft // 2 + 1)."""
    points = np.linspace(_mel(spec.low_hz), _mel(spec.high_hz), spec.bands + 2)
    hz = 700.0 * (10.0 ** (points / 2595.0) - 1.0)
    bins = np.linspace(0.0, spec.sample_rate / 2, spec.n_fft // 2 + 1)
    rising = (bins[None] - hz[:-2, None]) / (hz[1:-1] - hz[:-2])[:, None]
    falling = (hz[2:, None] - bins[None]) / (hz[2:] - hz[1:-1])[:, None]
    return torch.from_numpy(np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32))


def log_mel(wave: Tensor, spec: MelSpec) -> Tensor:
    """Log-mel spectrogram of a mono wave (samples,): float32 (frames, bands).

    Power is divided by the clip's mean power, so that loudness does not matter; silence is a
    constant. A wave shorter than one window is padded with zeros.
    """
    if len(wave) < spec.n_fft:
        wave = torch.nn.functional.pad(wave, (0, spec.n_fft - len(wave)))
    window = torch.hann_window(spec.n_fft)
    bins = torch.stft(wave, spec.n_fft, hop_length=spec.hop, window=window, return_complex=True)
    return mel_of_power((filterbank(spec) @ bins.abs().square()).T)


def mel_of_power(power: Tensor) -> Tensor:
    """What ``log_mel`` makes of the power (..., frames, bands) in each band."""
    relative = power / (power.mean((-2, -1), keepdim=True) + 1e-10)
    return (torch.log(relative + _FLOOR) + _CENTRE) / _SPREAD


def power_of_mel(mel: Tensor) -> Tensor:
    """The power, relative to the clip's mean, that ``mel_of_power`` gave ``mel`` for."""
    return (torch.exp(mel * _SPREAD - _CENTRE) - _FLOOR).clamp_min(0)
