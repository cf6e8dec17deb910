"""Sounds: 48 kHz mono at one loudness, as Ogg Opus without tags, and a picture of the waveform."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import av
import numpy as np

from workers.sandbox.child import Result
from workers.sandbox.decoders import waveform
from workers.sandbox.decoders.loudness import LoudnessMeter, gain_for
from workers.sandbox.decoders.opus import RATE, OpusWriter
from workers.sandbox.decoders.sound import (
    Found,
    declared_ms,
    frames,
    inventory,
    mono_blocks,
    open_sound,
    too_long,
)
from workers.sandbox.decoders.sound_ends import check_complete
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

_ENVELOPE_BLOCK: Final = RATE // 100
_SHORTFALL: Final = 0.98
"""A sound that yields less than this share of the length its header counts has lost its end."""
_SHORTFALL_MS: Final = 500
_COUNTED: Final = ("wav", "flac", "mp4")
"""Containers whose header counts samples; in the others the length is an estimate."""


def _measure(
    file: BinaryIO, kind: str, limit_ms: int
) -> tuple[LoudnessMeter, waveform.Envelope, Found]:
    """First pass: loudness, peak, envelope. Constant memory."""
    container, stream = open_sound(file, kind)
    with container:
        declared = declared_ms(container, stream)
        if declared is not None and declared > limit_ms:
            raise too_long(limit_ms)
        meter, envelope = LoudnessMeter(RATE), waveform.Envelope(_ENVELOPE_BLOCK)
        for block in mono_blocks(frames(container, stream), rate=RATE, limit_ms=limit_ms):
            meter.add(block)
            envelope.add(block)
        found = inventory(container)
    if meter.samples == 0:
        raise Refusal("zero-duration")
    decoded = meter.samples * 1000 // RATE
    if (
        kind in _COUNTED
        and declared is not None
        and decoded < declared * _SHORTFALL
        and declared - decoded > _SHORTFALL_MS
    ):
        raise Refusal("truncated")
    return meter, envelope, found


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Rendition and waveform of a sound, decoded twice: once to measure, once to write."""
    kind, limit_ms = arguments["kind"], arguments["max_ms"]
    check_complete(file, size, kind)
    file.seek(0)
    meter, envelope, found = _measure(file, kind, limit_ms)
    gain = gain_for(meter.finish(), meter.peak)
    file.seek(0)
    writer = OpusWriter()
    container, stream = open_sound(file, kind)
    with container:
        for block in mono_blocks(frames(container, stream), rate=RATE, limit_ms=limit_ms):
            writer.add(np.clip(block * np.float32(gain), -1.0, 1.0))
    rendition = writer.finish()
    facts = {
        "duration_ms": writer.duration_ms,
        "metadata": sorted(found.kinds),
        "captured_at": None,
        "steps": [
            [f"decode {kind}", "audio"],
            ["mix to mono, resample to 48 khz", "audio"],
            ["normalise loudness", "loudness"],
            ["encode opus, strip metadata", "audio"],
        ],
    }
    return Result(facts, [rendition, waveform.draw(envelope)])


def warm_up() -> None:
    """Runs both passes on a sound of our own, so that everything late is loaded."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, RATE // 10), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    size = buffer.tell()
    buffer.seek(0)
    decode(buffer, size, {"kind": "wav", "max_ms": 1000})
