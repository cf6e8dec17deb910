"""Writing Ogg Opus (RFC 7845, RFC 6716) without tags."""

from __future__ import annotations

import io
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame

from workers.sandbox.decoders.sound import Samples

RATE: Final = 48_000
BIT_RATE: Final = 64_000
"""Per second, mono: transparent for nearly everything (Opus recommended settings, full-band)."""
_EFFORT: Final = "5"
"""libopus's complexity, 0 to 10."""
_FRAME: Final = 960


class OpusWriter:
    """Collects mono blocks at 48 kHz and gives the finished file."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        # Bit-exact: no encoder version, no date and no random serial in the file.
        self._container = av.open(self._file, "w", format="ogg", options={"fflags": "+bitexact"})
        self._stream = self._container.add_stream(
            "libopus",
            rate=RATE,
            layout="mono",
            options={
                "b": str(BIT_RATE),
                "application": "audio",
                "compression_level": _EFFORT,
                "frame_duration": "20",
                "flags": "+bitexact",
            },
        )
        self._stream.codec_context.format = "flt"
        self._left = np.empty(0, np.float32)
        self._at = 0

    def add(self, block: Samples) -> None:
        """Encodes one more block."""
        samples = np.concatenate((self._left, block))
        whole = len(samples) - len(samples) % _FRAME
        if whole:
            self._write(samples[:whole])  # the encoder cuts it into frames itself
        self._left = samples[whole:]

    def _write(self, samples: Samples) -> None:
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout="mono"
        )
        frame.sample_rate = RATE
        frame.pts = self._at
        self._at += len(samples)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def finish(self) -> bytes:
        """The file. Nothing can be added afterwards."""
        if len(self._left):
            self._write(self._left)
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._file.getvalue()

    @property
    def samples(self) -> int:
        """Samples written."""
        return self._at

    @property
    def duration_ms(self) -> int:
        """Milliseconds written, at least 1."""
        return max(1, round(self._at * 1000 / RATE))
