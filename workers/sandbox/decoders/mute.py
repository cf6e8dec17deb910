"""Taking stretches out of one of our own sounds: silence, or a tone, where they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import numpy as np

from workers.sandbox.child import Result
from workers.sandbox.decoders import waveform
from workers.sandbox.decoders.opus import RATE, OpusWriter
from workers.sandbox.decoders.sound import Samples, frames, inventory, mono_blocks, open_sound
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

_FADE_MS: Final = 5
"""Long enough not to click. It lies inside the stretch, so that nothing outside it changes."""
_ENVELOPE_BLOCK: Final = RATE // 100
_TONE_HERTZ: Final = 1000.0
_TONE_LEVEL: Final = 0.02
"""-34 dBFS: heard as a mark, and below the -23 LUFS that sounds are brought to."""


class _Muter:
    """Puts silence or a tone into stretches of a sound that streams by."""

    def __init__(self, intervals_ms: Sequence[Sequence[int]], *, tone: bool) -> None:
        self._spans = _merged(
            (start * RATE // 1000, -(-end * RATE // 1000)) for start, end in intervals_ms
        )
        self._tone = tone
        self._at = 0

    def mute(self, block: Samples) -> Samples:
        """The next block, muted."""
        first, self._at = self._at, self._at + len(block)
        out = block.copy()
        # Stretches that have ended are dropped, so that each block looks at the next few only.
        while self._spans and self._spans[0][1] <= first:
            self._spans.pop(0)
        for start, end in self._spans:
            if start >= self._at:
                break
            low, high = max(start, first), min(end, self._at)
            places = np.arange(low, high)
            kept = _kept(places, start, end)
            out[low - first : high - first] *= kept
            if self._tone:
                wave = np.sin(2 * np.pi * _TONE_HERTZ / RATE * places) * _TONE_LEVEL
                out[low - first : high - first] += ((1 - kept) * wave).astype(np.float32)
        return out


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _kept(places: np.ndarray[Any, Any], start: int, end: int) -> Samples:
    """The share of the sound that stays at each sample of a stretch: 1 at its ends, 0 within."""
    fade = max(1, min(_FADE_MS * RATE // 1000, (end - start) // 4))
    inside = np.minimum(places - start, end - 1 - places) / fade
    kept: Samples = (0.5 + 0.5 * np.cos(np.pi * np.clip(inside, 0.0, 1.0))).astype(np.float32)
    return kept


def _blocks(file: BinaryIO, limit_ms: int) -> Iterator[Samples]:
    container, stream = open_sound(file, "ogg")
    with container:
        yield from mono_blocks(frames(container, stream), rate=RATE, limit_ms=limit_ms)


def inspect(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Length of a sound of our own, and kinds of metadata in it; nothing is written."""
    del size
    container, stream = open_sound(file, "ogg")
    with container:
        samples = sum(
            len(block)
            for block in mono_blocks(
                frames(container, stream), rate=RATE, limit_ms=arguments["max_ms"]
            )
        )
        found = inventory(container)
    if not samples:
        raise Refusal("zero-duration")
    facts = {"duration_ms": max(1, round(samples * 1000 / RATE)), "metadata": sorted(found.kinds)}
    return Result(facts)


def mute(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Rendition and waveform of the muted sound; constant memory."""
    del size
    muter = _Muter(arguments["intervals_ms"], tone=arguments["tone"])
    writer, envelope = OpusWriter(), waveform.Envelope(_ENVELOPE_BLOCK)
    for block in _blocks(file, arguments["max_ms"]):
        muted = muter.mute(block)
        envelope.add(muted)
        writer.add(muted)
    rendition = writer.finish()
    if not writer.samples:
        raise Refusal("zero-duration")
    return Result({"duration_ms": writer.duration_ms}, [rendition, waveform.draw(envelope)])
