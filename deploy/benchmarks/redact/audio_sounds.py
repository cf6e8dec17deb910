"""Synthetic speech, backgrounds, and mixtures of both with their truth."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from retrieval.redaction.audio.silero import RATE

Samples = npt.NDArray[np.float32]
STEP: Final = RATE // 100
"""Truth is told in steps of 10 ms."""
_ACTIVE_DB: Final = 40.0
"""A step is speech where its power is within this of the utterance's loudest step."""
_SUFFIXES: Final = (".ogg", ".wav", ".flac")
_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "en-us": (
        "My name is Anna Berger and my telephone number is five five five, one two three four.",
        "Please call me back before noon.",
        "Yes, that is correct.",
        "The meeting with Doctor Miller has moved to room three hundred and twelve.",
        "Hello? Is anybody there?",
        "A man speaks while a sewing machine runs in the background and rain falls outside.",
    ),
    "en-gb": ("I live at forty two Baker Street, in London.", "Turn left at the next corner."),
    "de": (
        "Guten Tag, ich wohne in der Gartenstraße zwölf.",
        "Die Patientin klagt seit drei Wochen über starke Kopfschmerzen.",
    ),
    "fr-fr": ("Bonjour, je vous rappelle demain matin.", "Il habite au douze rue de la Paix."),
    "es": ("Buenos días, me llamo Carlos y vivo en la calle Mayor.", "¿Podemos cambiar la cita?"),
    "it": ("Mi richiami domani al numero di casa, per favore.",),
    "pl": ("Dzień dobry, mieszkam przy ulicy Długiej.",),
    "nl": ("Goedemorgen, ik woon op de Dorpsstraat.",),
}
_VARIANTS: Final = ("", "", "+f2", "+m3", "+f5", "+m7", "+klatt")
_SPEEDS: Final = (130, 160, 175, 175, 200)
_PITCHES: Final = (30, 50, 50, 70)


@dataclass(frozen=True, slots=True)
class Mixture:
    """A sound (16 kHz), which of its 10 ms steps hold speech, and the utterance's (start, end)."""

    samples: Samples
    active: npt.NDArray[np.bool_]
    span_ms: tuple[int, int]


def speakers() -> list[str]:
    """Voices of an installed eSpeak NG; none where it is not installed."""
    return list(_SENTENCES) if shutil.which("espeak-ng") else []


def utterances(voices: Sequence[str], *, count: int, seed: int) -> list[Samples]:
    """``count`` spoken sentences without the silence around them."""
    rng = np.random.default_rng(seed)
    found: list[Samples] = []
    while len(found) < count:
        voice = voices[rng.integers(len(voices))]
        text = _SENTENCES[voice][rng.integers(len(_SENTENCES[voice]))]
        variant = _VARIANTS[rng.integers(len(_VARIANTS))]
        options = ["-s", str(rng.choice(_SPEEDS)), "-p", str(rng.choice(_PITCHES))]
        command = ["espeak-ng", "-v", voice + variant, *options, "--stdout", text]
        spoken = subprocess.run(command, capture_output=True, check=True).stdout
        samples, rate = soundfile.read(io.BytesIO(spoken), dtype="float32")
        samples = np.asarray(soxr.resample(samples, rate, RATE), np.float32)
        steps = np.flatnonzero(_active(samples))
        if len(steps):
            found.append(samples[steps[0] * STEP : (steps[-1] + 1) * STEP])
    return found


def backgrounds(folder: Path | None) -> tuple[list[Samples], str]:
    """Sounds without speech, peak 0.5, and what they are: a folder's recordings, or generated."""
    if folder is None:
        return _generated(), "generated noises"
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES)
    found = []
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        mono = np.asarray(soxr.resample(samples.mean(axis=1), rate, RATE), np.float32)
        if len(mono) >= RATE:
            found.append(_peak(mono))
    return found, f"{len(found)} recordings of {folder.name}"


def mixtures(
    spoken: Sequence[Samples],
    beside: Sequence[Samples],
    *,
    snr: float,
    count: int,
    seed: int,
) -> Iterator[Mixture]:
    """``count`` sounds of 5 or 10 s with one utterance somewhere in each, ``snr`` in dB.

    Powers are those of the utterance's active steps and of the background at the same place.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        total = int(rng.choice([5, 10])) * RATE
        said = spoken[rng.integers(len(spoken))][: total - RATE // 2 // STEP * STEP]
        noise = beside[rng.integers(len(beside))]
        sound = np.tile(noise, -(-total // len(noise)))[:total].copy()
        start = int(rng.integers(0, total - len(said))) // STEP * STEP
        yield _mixed(sound, said, start, snr)


def long_mixture(
    spoken: Sequence[Samples], beside: Sequence[Samples], *, seconds: int, seed: int
) -> Mixture:
    """A long sound with an utterance every ten seconds, at 10 dB."""
    rng = np.random.default_rng(seed)
    parts = [
        _mixed(
            np.resize(beside[rng.integers(len(beside))], 10 * RATE).copy(),
            spoken[rng.integers(len(spoken))][: 6 * RATE],
            RATE,
            10.0,
        )
        for _ in range(seconds // 10)
    ]
    active = np.concatenate([part.active for part in parts])
    return Mixture(np.concatenate([part.samples for part in parts]), active, (0, seconds * 1000))


def wav(samples: Samples) -> bytes:
    """A WAV file, 16 bits."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, format="WAV")
    return stream.getvalue()


def _mixed(sound: Samples, said: Samples, start: int, snr: float) -> Mixture:
    said = said[: len(said) // STEP * STEP]
    active = _active(said)
    place = sound[start : start + len(said)]
    # Where the background is silent just there, its power elsewhere counts.
    noise = max(float(np.mean(place**2)), 0.3 * float(np.mean(sound**2)), 1e-9)
    speech = float(np.mean(said.reshape(-1, STEP)[active] ** 2))
    place += said * np.float32(np.sqrt(noise / speech * 10 ** (snr / 10)))
    truth = np.zeros(len(sound) // STEP, np.bool_)
    truth[start // STEP : start // STEP + len(active)] = active
    span = (start * 1000 // RATE, (start + len(said)) * 1000 // RATE)
    return Mixture(_peak(sound), truth, span)


def _active(samples: Samples) -> npt.NDArray[np.bool_]:
    steps = samples[: len(samples) // STEP * STEP].reshape(-1, STEP)
    power = 10 * np.log10(np.mean(steps**2, axis=1) + 1e-12)
    active: npt.NDArray[np.bool_] = power > power.max(initial=-120.0) - _ACTIVE_DB
    return active


def _peak(samples: Samples) -> Samples:
    scaled: Samples = samples * np.float32(0.5 / max(float(np.abs(samples).max()), 1e-3))
    return scaled


def _generated() -> list[Samples]:
    """Noises of several colours, hums, clicks and chirps, 5 s each."""
    rng = np.random.default_rng(1)
    seconds = np.arange(5 * RATE) / RATE
    found = []
    for slope in np.linspace(0.0, 1.2, 13):
        spectrum = np.fft.rfft(rng.standard_normal(len(seconds)))
        found.append(np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 20) ** slope))
    for hertz in (50, 120, 220, 440, 880):
        found.append(np.sign(np.sin(2 * np.pi * hertz * seconds)) * (1 + np.sin(3 * seconds)))
        found.append(np.sin(2 * np.pi * hertz * seconds * (1 + 0.2 * seconds)))
    for rate in (2, 5, 11, 30):
        clicks = (np.floor(seconds * rate) != np.floor((seconds - 1 / RATE) * rate)).astype(float)
        decay = np.exp(-np.arange(2000) / 200) * rng.standard_normal(2000)
        found.append(np.convolve(clicks, decay)[: len(seconds)])
    return [_peak(np.asarray(one, np.float32)) for one in found]
