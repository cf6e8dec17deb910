from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from retrieval.encoders.clap_features import FusionFrontend, fitted
from retrieval.encoders.clap_module import audio_config, hann_window, mel_filters

IMPORT = """
import socket, sys
def refuse(*_, **__): raise SystemExit("asked the network")
socket.socket.connect = socket.getaddrinfo = refuse
from retrieval.encoders.clap_module import audio_branch, audio_config
for kind, name in (("PANN", "Cnn6"), ("HTSAT", "tiny")):
    config = audio_config({"model_type": kind, "model_name": name, "hop_size": 480})
    audio_branch(config, enable_fusion=False, fusion_type="None")
heavy = {"numba", "wandb", "pandas", "sklearn", "transformers", "timm", "laion_clap"}
print(sorted(heavy & set(sys.modules)))
"""


def test_networks_are_built_without_network_and_without_training_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("rate", "window"), [(48_000, 1024), (32_000, 2048)])
def test_filters_are_librosas(rate: int, window: int) -> None:
    import librosa

    np.testing.assert_array_equal(
        hann_window("hann", window, fftbins=True), librosa.filters.get_window("hann", window)
    )
    words = {"sr": rate, "n_fft": window, "n_mels": 64, "fmin": 50, "fmax": 14_000}
    np.testing.assert_array_equal(mel_filters(**words), librosa.filters.mel(**words))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fused_mels_are_librosas_htk_ones() -> None:
    import librosa

    config = audio_config({"hop_size": 480})
    wave = np.random.default_rng(0).standard_normal(50_000).astype(np.float32) * 0.1
    power = librosa.feature.melspectrogram(
        y=wave,
        sr=48_000,
        n_fft=1024,
        hop_length=480,
        n_mels=64,
        fmin=50,
        fmax=14_000,
        norm=None,
        htk=True,
        pad_mode="reflect",
    )
    ours = FusionFrontend(config).mel(torch.from_numpy(wave)).numpy()
    np.testing.assert_allclose(ours, 10 * np.log10(np.maximum(power, 1e-10)).T, atol=2e-3)


def test_a_sound_is_repeated_then_padded_or_its_middle_is_taken() -> None:
    short = torch.tensor([1.0, 2.0, 3.0])
    assert fitted(short, 8).tolist() == [1, 2, 3, 1, 2, 3, 0, 0]
    assert fitted(torch.arange(10.0), 4).tolist() == [3, 4, 5, 6]
    assert fitted(short, 3).tolist() == [1, 2, 3]
