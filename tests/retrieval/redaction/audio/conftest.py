from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from retrieval.redaction.audio.vad import SileroDetector

SPEECH = Path(__file__).with_name("speech")
RATE = 16_000


def speech(name: str) -> np.ndarray:
    """One of the sentences, float32 (n,), 16 kHz."""
    samples, rate = soundfile.read(SPEECH / f"{name}.ogg", dtype="float32")
    assert rate == RATE
    return samples


def pink(seconds: float, *, seed: int = 1) -> np.ndarray:
    """Noise with as much power in each octave, float32 (n,), root mean square 0.1."""
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * RATE)))
    noise = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 1)))
    return (0.1 * noise / noise.std()).astype(np.float32)


def mixed(name: str, *, snr: float, seconds: float, at: float) -> tuple[np.ndarray, int, int]:
    """A sentence in noise, and its (start, end) in milliseconds; ``snr`` in dB."""
    said, sound = speech(name), pink(seconds)
    start = int(at * RATE)
    gain = 0.1 * 10 ** (snr / 20) / said.std()
    sound[start : start + len(said)] += gain * said
    return (
        sound / max(1.0, np.abs(sound).max()),
        round(at * 1000),
        round((start + len(said)) * 1000 / RATE),
    )


@pytest.fixture(scope="session")
def detector() -> SileroDetector:
    return SileroDetector()
