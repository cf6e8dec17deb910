"""torchlibrosa's spectrogram by a fast Fourier transform; there it is a convolution, n² work."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from retrieval.encoders.clap_features import WaveFrontend


class FastFrontend(WaveFrontend):
    """Waves (n, samples) to log-mel (n, 1, frames, bands), as a ``WaveFrontend``."""

    window: Tensor
    filters: Tensor

    def __init__(self, frontend: Any) -> None:
        """Takes the settings of ``frontend``; see ``leanable_frontend``."""
        nn.Module.__init__(self)
        stft, mel = frontend.spectrogram.stft, frontend.logmel
        self.length, self.hop = int(stft.n_fft), int(stft.hop_length)
        self.floor, self.reference = float(mel.amin), float(mel.ref)
        self.register_buffer("window", torch.hann_window(self.length), persistent=False)
        self.register_buffer("filters", mel.melW, persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """log-mel, float32 (n, 1, frames, bands), in dB."""
        bins = torch.stft(
            waves,
            self.length,
            hop_length=self.hop,
            window=self.window,
            pad_mode="reflect",
            return_complex=True,
        )
        power = torch.view_as_real(bins).square_().sum(-1)
        mel = power.transpose(1, 2) @ self.filters
        decibel = 10.0 * torch.log10(mel.clamp_(min=self.floor))
        # torchlibrosa's power_to_db: ref is 1.0 in laion-clap.
        shift = 10.0 * torch.log10(torch.tensor(max(self.floor, self.reference)))
        return (decibel - shift)[:, None]


def leanable_frontend(frontend: Any) -> bool:
    """Whether ``frontend`` is a periodic Hann spectrogram in dB without a limit below the peak."""
    if type(frontend) is not WaveFrontend:
        return False
    stft, mel = frontend.spectrogram.stft, frontend.logmel
    return (
        bool(stft.center)
        and stft.pad_mode == "reflect"
        and stft.win_length in {None, stft.n_fft}
        and frontend.spectrogram.power == 2.0  # noqa: PLR2004 power, not magnitude
        and bool(mel.is_log)
        and mel.top_db is None
    )
