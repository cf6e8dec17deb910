"""Sounds of nothing in particular with identifiers in their tags."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt

from deploy.benchmarks.redact.seeded.seed import Seed

Samples = npt.NDArray[np.int16]
_RATE = 22_050
_SECONDS = 3
_TAGS = ("title", "artist", "comment", "album", "copyright", "genre")  # RIFF INFO has these


def wav(seed: Seed) -> bytes:
    """RIFF INFO."""
    return _encoded(seed, "wav", "pcm_s16le")


def mp3(seed: Seed) -> bytes:
    """ID3."""
    return _encoded(seed, "mp3", "libmp3lame")


def ogg(seed: Seed) -> bytes:
    """Vorbis comments."""
    return _encoded(seed, "ogg", "libopus", rate=48_000)


def flac(seed: Seed) -> bytes:
    """Vorbis comments in a metadata block."""
    return _encoded(seed, "flac", "flac")


def _encoded(seed: Seed, form: str, codec: str, *, rate: int = _RATE) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        for tag in _TAGS:
            if seed.left:
                container.metadata[tag] = seed.one("tag")[1]
        stream: av.AudioStream = container.add_stream(codec, rate=rate)  # type: ignore[assignment] # a sound's codec
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(_waves(rate), format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return buffer.getvalue()


def _waves(rate: int) -> Samples:
    """Three seconds of soft noise and a low tone, int16 (1, samples)."""
    draw = np.random.default_rng(3)
    at = np.arange(rate * _SECONDS) / rate
    wave = 0.1 * np.sin(2 * np.pi * 180 * at) + 0.02 * draw.standard_normal(len(at))
    samples: Samples = (wave * 32767).clip(-32768, 32767).astype(np.int16)[None, :]
    return samples
