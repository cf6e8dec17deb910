"""Things to try a tower on: made up here, and those of a folder where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.encoders.manifest import TowerSpec

_LONG = (
    "A woman in a white coat looks through a microscope while a man beside her takes notes; behind "
    "them shelves with bottles, a window, and a clock that shows a quarter past nine."
)
_LONGER = (
    "minutes of the meeting of the works council on working hours, holidays and the canteen, with "
    "a list of those present, the questions that were put, the answers that were given, and what "
    "was left open until the next time, when the board will bring figures of the last three years"
)
TEXTS = (
    "a dog",
    "red shoes",
    "the sound of rain on a tin roof",
    "two people in yellow jackets walk along a beach in the evening",
    "What did we agree with the supplier about the delivery in March?",
    "invoice 2024",
    "Zwei Kinder spielen im Garten",
    "un marché couvert avec des étals de fruits",
    "x",
    _LONG,
    "thunderstorm, crickets and a distant train",
    _LONGER,
)
_SIZES = ((240, 320), (320, 240), (224, 224), (300, 512), (512, 384), (97, 160))
_SEED = 20_240
_PICTURES, _SOUNDS = 6, 4
_PHOTOS, _RECORDINGS = 6, 2


def inputs_of(spec: TowerSpec, *, samples: Path | None = None) -> list[Any]:
    """Items as ``Encoder.encode`` takes them; the same at every call.

    ``samples`` is a folder with ``.jpg`` and ``.ogg`` files that came with the appliance: they
    are decoded in this process.
    """
    rng = np.random.default_rng(_SEED)
    if spec.modality == "text":
        return list(TEXTS)
    if spec.modality == "image":
        made = [_picture(rng, _SIZES[i % len(_SIZES)]) for i in range(_PICTURES)]
        return [*made, *_photos(samples)]
    if spec.modality == "audio":
        rate = int(spec.input.get("sample_rate", 48_000))
        return [*_sounds(rng, rate), *_recordings(samples, rate)]
    from retrieval.encoders.probe import probe_item

    shape = np.shape(probe_item(spec))
    return [rng.standard_normal(shape).astype(np.float32) for _ in range(_SOUNDS)]


def _picture(rng: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Noise whose amplitude falls with frequency, as that of photographs does (Field 1987)."""
    height, width = size
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    fall = 1.0 / np.maximum(np.hypot(rows, columns), 1.0 / max(size))
    planes = []
    for _ in range(3):
        wave = rng.standard_normal(fall.shape) + 1j * rng.standard_normal(fall.shape)
        planes.append(np.fft.irfft2(wave * fall, s=size))
    shared = np.stack(planes, axis=2) + 2 * planes[0][:, :, None]  # channels vary together
    low, high = np.quantile(shared, [0.01, 0.99])
    return np.asarray(255 * np.clip((shared - low) / (high - low), 0, 1), dtype=np.uint8)


def _sounds(rng: np.random.Generator, rate: int) -> Iterator[npt.NDArray[np.float32]]:
    """A tone with overtones, a sweep, bursts of noise, and near silence."""
    seconds = np.arange(10 * rate) / rate
    tone = sum(np.sin(2 * np.pi * 220 * k * seconds) / k for k in range(1, 9))
    sweep = np.sin(2 * np.pi * (80 * seconds + 300 * seconds**2))
    bursts = rng.standard_normal(len(seconds)) * (np.sin(2 * np.pi * 1.5 * seconds) > 0)
    for wave, gain in ((tone, 0.1), (sweep, 0.3), (bursts, 0.1), (bursts[: 3 * rate], 0.002)):
        yield np.asarray(gain * wave, dtype=np.float32)


def _photos(samples: Path | None) -> Iterator[npt.NDArray[np.uint8]]:
    from PIL import Image

    for file in _files(samples, ".jpg", _PHOTOS):
        with Image.open(file) as photo:
            yield np.asarray(photo.convert("RGB"))


def _recordings(samples: Path | None, rate: int) -> Iterator[npt.NDArray[np.float32]]:
    import soundfile
    import soxr

    for file in _files(samples, ".ogg", _RECORDINGS):
        wave, own_rate = soundfile.read(file, dtype="float32", always_2d=True)
        yield np.asarray(soxr.resample(wave.mean(axis=1), own_rate, rate), dtype=np.float32)


def _files(samples: Path | None, suffix: str, count: int) -> list[Path]:
    """A few files, evenly over the folder."""
    if samples is None:
        return []
    found = sorted(samples.rglob(f"*{suffix}"))
    return found[:: max(1, len(found) // count)][:count]
