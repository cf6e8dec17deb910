from __future__ import annotations

import numpy as np
import torch

from retrieval.encoders.mel import MelSpec, filterbank, log_mel

SPEC = MelSpec(sample_rate=8000, n_fft=256, hop=128, bands=32, low_hz=50.0, high_hz=3900.0)


def tone(hz: float) -> torch.Tensor:
    times = torch.arange(8000) / 8000
    return 0.1 * torch.sin(2 * torch.pi * hz * times)


def test_filters_cover_the_range_and_nothing_else() -> None:
    bank = filterbank(SPEC)
    assert bank.shape == (32, 129)
    assert (bank >= 0).all()
    hz = np.linspace(0, 4000, 129)
    assert bank[:, hz <= 50].sum() == 0
    assert (bank.sum(1) > 0).all()


def test_a_higher_tone_lights_a_higher_band() -> None:
    bands = [int(log_mel(tone(hz), SPEC).mean(0).argmax()) for hz in (200, 800, 3000)]
    assert bands == sorted(set(bands))


def test_frames_follow_the_hop_and_short_waves_are_padded() -> None:
    assert log_mel(tone(500), SPEC).shape == (8000 // 128 + 1, 32)
    assert log_mel(torch.zeros(1), SPEC).shape == (3, 32)


def test_silence_is_constant_and_finite() -> None:
    silent = log_mel(torch.zeros(4000), SPEC)
    assert torch.isfinite(silent).all()
    assert float(silent.max() - silent.min()) == 0
