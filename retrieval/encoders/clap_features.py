"""What laion-clap hears: sounds brought to one length and turned into log-mel spectrograms.

Follows ``CLAP_Module.get_audio_embedding_from_data`` and ``get_audio_features`` (laion-clap 1.1.7,
hook.py and training/data.py) with one difference: where they cut a long sound at a random place,
the place here is the middle, so that the same sound always has the same embedding.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

_PEAK = 32_767.0  # of int16
_FLOOR = 1e-10  # torchaudio's AmplitudeToDB


def quantised(wave: npt.NDArray[np.float32]) -> Tensor:
    """The wave as a 16 bit file holds it: float32 (samples,) in -1..1."""
    whole = (np.clip(wave, -1.0, 1.0) * _PEAK).astype(np.int16)
    return torch.from_numpy((whole / _PEAK).astype(np.float32))


def fitted(wave: Tensor, length: int) -> Tensor:
    """The wave (length,): its middle if it is longer; repeated, then zeros, if it is shorter."""
    if len(wave) > length:
        start = (len(wave) - length) // 2
        return wave[start : start + length]
    repeated = wave.repeat(length // len(wave))
    return functional.pad(repeated, (0, length - len(repeated)))


class WaveFrontend(nn.Module):
    """Waves (n, samples) to log-mel (n, 1, frames, bands), by the tower's own two first layers.

    They leave the tower with this: a runtime may cast the rest to bf16, while spectra stay float32.
    """

    def __init__(self, branch: Any) -> None:
        """Takes the layers out of ``branch``, which passes spectrograms on from now."""
        super().__init__()
        self.spectrogram = branch.spectrogram_extractor
        self.logmel = branch.logmel_extractor
        self.spectrogram.stft.W = None  # a complex matrix that only building needed: 16 MB
        branch.spectrogram_extractor, branch.logmel_extractor = nn.Identity(), nn.Identity()

    def forward(self, waves: Tensor) -> Tensor:
        """log-mel, float32 (n, 1, frames, bands), in dB."""
        mel: Tensor = self.logmel(self.spectrogram(waves))
        return mel


class FusionFrontend(nn.Module):
    """One wave of any length to the mels that fused towers see: (1 or 4, frames, bands).

    A sound of at most one clip has one mel. A longer one has four: the whole, shrunk to a clip's
    frames, and the middles of its first, second and last third.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, config: SimpleNamespace) -> None:
        """``config`` is laion-clap's ``audio_cfg``."""
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.window_size), persistent=False)
        self.register_buffer("filters", htk_filters(config), persistent=False)

    def mel(self, wave: Tensor) -> Tensor:
        """log-mel in dB, float32 (frames, bands), as torchaudio's MelSpectrogram (htk) gives it."""
        bins = torch.stft(
            wave,
            self.config.window_size,
            hop_length=self.config.hop_size,
            window=self.window,
            pad_mode="reflect",
            return_complex=True,
        )
        power = bins.abs().pow(2.0).T @ self.filters
        return 10.0 * torch.log10(power.clamp(min=_FLOOR))

    def forward(self, wave: Tensor) -> Tensor:
        """Mels of one quantised wave (samples,)."""
        clip = self.config.clip_samples
        if len(wave) <= clip:
            return self.mel(fitted(wave, clip))[None]
        mel = self.mel(wave)
        frames = clip // self.config.hop_size + 1
        if len(mel) == frames:
            return mel[None]
        shrunk = functional.interpolate(
            mel[None, None], (frames, mel.shape[1]), mode="bilinear", antialias=True
        )[0, 0]
        parts = np.array_split(np.arange(len(mel) - frames + 1), 3)
        starts = [int(part[len(part) // 2]) if len(part) else 0 for part in parts]
        return torch.stack([shrunk, *(mel[start : start + frames] for start in starts)])


def htk_filters(config: SimpleNamespace) -> Tensor:
    """Triangular mel filters as torchaudio makes them, float32 (window_size // 2 + 1, mel_bins)."""
    low, high = (2595.0 * math.log10(1.0 + hz / 700.0) for hz in (config.fmin, config.fmax))
    points = 700.0 * (10.0 ** (torch.linspace(low, high, config.mel_bins + 2) / 2595.0) - 1.0)
    bins = torch.linspace(0, config.sample_rate // 2, config.window_size // 2 + 1)
    widths, slopes = points[1:] - points[:-1], points[None] - bins[:, None]
    rising, falling = -1.0 * slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    return torch.minimum(rising, falling).clamp(min=0.0)
