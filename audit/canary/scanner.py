"""Tokens in a stream of bytes, and in what is packed inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from audit.canary.compressed import HEADER_BYTES, Unpacking, streams
from audit.canary.encoded import decoded
from audit.canary.needles import Needles

MOST_DEEP = 4  # a zip inside base64 inside gzip is three
MOST_UNPACKED_BYTES = 1 << 30  # out of one stream; what is left of a longer one is told
PIECE_BYTES = 4 << 20
_PROBE_BYTES = 4096
_TOGETHER_BYTES = 1 << 20
_OVERLAP_BYTES = 16384  # longer than any row of a database page
_AT_ONCE = 64  # streams that are unpacked side by side; more than that begin by chance alone


@dataclass(frozen=True)
class Found:
    """A token (its index) and the way to it, e.g. ``("gzip", "base64", "plain")``."""

    token: int
    way: tuple[str, ...]


@dataclass
class Tally:
    """What one look came to."""

    found: set[Found] = field(default_factory=set)
    bytes_read: int = 0
    cut_short: int = 0  # streams too long, or too many at once, to be unpacked to their end


Inner = Callable[[bytes], Iterable[tuple[str, bytes]]]


class StreamScanner:
    """Searches what it is fed, in order; ``tally`` is complete after the last piece.

    ``inner`` names more that a window may hold, as (form, content), where the caller knows the
    format; it is asked for the outermost bytes alone.
    """

    def __init__(
        self,
        needles: Needles,
        tally: Tally,
        *,
        way: tuple[str, ...] = (),
        inner: Inner | None = None,
    ) -> None:
        self._needles, self._tally, self._way, self._inner = needles, tally, way, inner
        self._tail = b""
        self._keep = max(needles.longest, HEADER_BYTES, _OVERLAP_BYTES)
        self._unpacking: list[tuple[Unpacking, StreamScanner]] = []
        self._unpacked = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes. What straddles two pieces is found up to the longest pattern's length."""
        if not self._way:
            self._tally.bytes_read += len(piece)
        window = self._tail + piece
        for match in self._needles.find(window):
            self._tally.found.add(Found(match.token, (*self._way, match.form)))
        if len(self._way) < MOST_DEEP:
            self._go_on(piece)
            self._look_inside(window)
        self._tail = window[-self._keep :]

    def finish(self) -> None:
        """After the last piece: streams that began in the last few bytes are looked into."""
        if self._tail and len(self._way) < MOST_DEEP:
            self._begin_streams(self._tail, until=len(self._tail))
        for _, inside in self._unpacking:
            inside.finish()
        self._unpacking.clear()

    def _look_inside(self, window: bytes) -> None:
        # Streams that begin in the last bytes are left to the next window, whose tail those are.
        self._begin_streams(window, until=max(0, len(window) - self._keep))
        for form, content in together(decoded(window)):
            self._inside(form, content)
        if self._inner is not None:
            for form, content in together(self._inner(window)):
                self._inside(form, content)

    def _inside(self, form: str, content: bytes) -> None:
        scanner = StreamScanner(self._needles, self._tally, way=(*self._way, form))
        scanner.feed(content)
        scanner.finish()

    def _begin_streams(self, window: bytes, *, until: int) -> None:
        for start, unpacking in streams(window, until=until):
            inside = StreamScanner(self._needles, self._tally, way=(*self._way, unpacking.form))
            # Most beginnings are chance and break off at once: those are spared a long copy.
            self._unpack(unpacking, inside, window[start : start + _PROBE_BYTES])
            if not unpacking.done:
                self._unpack(unpacking, inside, window[start + _PROBE_BYTES :])
            if not unpacking.done:
                self._unpacking.append((unpacking, inside))
                if len(self._unpacking) > _AT_ONCE:
                    self._tally.cut_short += 1
                    self._unpacking.pop(0)

    def _go_on(self, piece: bytes) -> None:
        for unpacking, inside in self._unpacking:
            self._unpack(unpacking, inside, piece)
        self._unpacking = [one for one in self._unpacking if not one[0].done]

    def _unpack(self, unpacking: Unpacking, inside: StreamScanner, data: bytes) -> None:
        for content in unpacking.feed(data):
            self._unpacked += len(content)
            if self._unpacked > MOST_UNPACKED_BYTES:
                unpacking.done = True
                self._tally.cut_short += 1
                return
            inside.feed(content)
        if unpacking.done:
            inside.finish()


def scan(
    needles: Needles,
    tally: Tally,
    pieces: Iterable[bytes],
    *,
    way: tuple[str, ...] = (),
    inner: Inner | None = None,
) -> None:
    """Searches ``pieces``, which follow each other, into ``tally``; ``way`` led there."""
    scanner = StreamScanner(needles, tally, way=way, inner=inner)
    for piece in pieces:
        scanner.feed(piece)
    scanner.finish()


def together(parts: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """The same content in fewer, larger parts: thousands of short values cost a search each."""
    held: dict[str, bytearray] = {}
    for form, content in parts:
        joined = held.setdefault(form, bytearray())
        joined += content
        joined += b"\n"
        if len(joined) >= _TOGETHER_BYTES:
            yield form, bytes(held.pop(form))
    for form, joined in held.items():
        yield form, bytes(joined)


def gathered(pieces: Iterable[bytes | memoryview], *, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """The same bytes in pieces of exactly ``size``, the last one excepted."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
