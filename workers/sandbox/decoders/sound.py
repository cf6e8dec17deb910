"""Reading sounds: any supported container as blocks of mono samples, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

from workers.sandbox.reasons import Refusal

Samples = NDArray[np.float32]
"""Mono samples, shape (n,), nominally in [-1, 1]."""

FORMATS: Final = {
    "wav": "wav",
    "flac": "flac",
    "ogg": "ogg",
    "mp3": "mp3",
    "aac": "aac",
    "mp4": "mov",
}
"""ffmpeg's demuxer for each sniffed kind. Forced: its own guessing would try playlists."""

_MINUTE_MS: Final = 60_000
_SECOND_MS: Final = 1000
_MAX_BAD_PACKETS: Final = 3
_MAX_BAD_SHARE: Final = 0.02
"""MP3s often begin or end with a packet that cannot be decoded; more than that is damage."""
_MAX_BLOCK: Final = 1 << 20
_GATHERED: Final = 24_000
"""Samples gathered before they are resampled: a call for each frame of 20 ms takes four times as
long."""
_PLAIN_TAGS: Final = frozenset(
    ("encoder", "major_brand", "minor_version", "compatible_brands", "language", "handler_name",
     "vendor_id", "duration")
)  # fmt: skip
_PLACES: Final = ("location", "gps", "xyz", "geo")


@dataclass(slots=True)
class Found:
    """Kinds of metadata in the container."""

    kinds: set[str] = field(default_factory=set)


def open_sound(file: BinaryIO, kind: str) -> tuple[InputContainer, AudioStream]:
    """The opened container and its first audio stream.

    Raises:
        Refusal: damaged, unknown-type (no sound in it), video.
    """
    options = {"protocol_whitelist": "", "enable_drefs": "0", "use_absolute_path": "0"}
    try:
        container = av.open(
            file, "r", format=FORMATS[kind], options=options, metadata_errors="replace"
        )
    except (av.FFmpegError, ValueError):
        raise Refusal("truncated" if kind == "mp4" else "damaged") from None
    for video in container.streams.video:
        if not video.disposition & Disposition.attached_pic:
            raise Refusal("video")
    if not container.streams.audio:
        raise Refusal("unknown-type")
    stream = container.streams.audio[0]
    stream.codec_context.thread_count = 1
    return container, stream


def inventory(container: InputContainer) -> Found:
    """The metadata in the container and its streams."""
    found = Found()
    keys = {
        key.lower()
        for tags in (container.metadata, *(stream.metadata for stream in container.streams))
        for key in tags
    }
    if keys - _PLAIN_TAGS:
        found.kinds.add("tags")
    if any(place in key for key in keys for place in _PLACES):
        found.kinds.add("gps")
    if container.streams.video:
        found.kinds.add("cover-art")
    if len(container.streams) - len(container.streams.video) > 1:
        found.kinds.add("further-streams")
    if container.chapters():
        found.kinds.add("chapters")
    return found


def declared_ms(container: InputContainer, stream: AudioStream) -> int | None:
    """The length the container claims, in milliseconds."""
    if stream.duration and stream.time_base:
        return int(stream.duration * stream.time_base * _SECOND_MS)
    if container.duration:
        return container.duration * _SECOND_MS // av.time_base
    return None


def too_long(limit_ms: int) -> Refusal:
    """The refusal of a sound longer than `limit_ms`."""
    return Refusal("too-long", limit=limit_ms // _MINUTE_MS)


class _Mixer:
    """Frames of any layout, format and rate to mono float at one rate, streaming."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler: av.AudioResampler | None = None
        self._gathered = av.AudioFifo()
        self._source: tuple[str, str, int] | None = None

    def add(self, frame: AudioFrame) -> Iterator[Samples]:
        source = (frame.format.name, str(frame.layout), frame.sample_rate)
        if source != self._source:
            # A chained stream may change its shape midway.
            yield from self.flush()
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=self._rate)
            self._gathered = av.AudioFifo()
            self._source = source
        # Time stamps with gaps would make the resampler invent or drop samples.
        frame.pts = None
        self._gathered.write(frame)
        if self._gathered.samples >= _GATHERED:
            yield from self._resampled(self._gathered.read())

    def flush(self) -> Iterator[Samples]:
        if self._gathered.samples:
            yield from self._resampled(self._gathered.read())
        yield from self._resampled(None)
        self._resampler = None

    def _resampled(self, frame: AudioFrame | None) -> Iterator[Samples]:
        if self._resampler is None:
            return
        if frame is not None:
            frame.pts = None
        for out in self._resampler.resample(frame):
            yield _samples(out)


def _samples(frame: AudioFrame) -> Samples:
    """The samples of a mono frame; what is no number, or absurdly loud, is made finite."""
    array = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
    return np.clip(np.nan_to_num(array, nan=0.0), -16.0, 16.0)


def frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """The decoded frames.

    Raises:
        Refusal: damaged, where more than a few packets cannot be decoded.
    """
    packets = bad = 0
    try:
        for packet in container.demux(stream):
            packets += 1
            try:
                yield from packet.decode()
            except av.FFmpegError:
                bad += 1
                if bad > max(_MAX_BAD_PACKETS, _MAX_BAD_SHARE * packets):
                    raise Refusal("damaged") from None
    except av.FFmpegError:
        raise Refusal("truncated") from None
    if packets and bad >= packets - 1:
        raise Refusal("damaged")


def mono_blocks(sound: Iterable[AudioFrame], *, rate: int, limit_ms: int) -> Iterator[Samples]:
    """The frames of `sound` as blocks of mono samples at `rate` per second.

    Raises:
        Refusal: too-long, as soon as more than `limit_ms` have come; damaged; truncated.
    """
    limit = limit_ms * rate // _SECOND_MS + rate
    total = 0
    mixer = _Mixer(rate)
    for frame in sound:
        if frame.samples > _MAX_BLOCK:
            raise Refusal("damaged")
        for block in mixer.add(frame):
            total += len(block)
            if total > limit:
                raise too_long(limit_ms)
            yield block
    yield from mixer.flush()
