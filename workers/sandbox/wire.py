"""The bytes a decoder process sends back: a JSON header and raw buffers, never pickle.

Layout: ``VSB1``, header length as little-endian uint32, the header in UTF-8, then the buffers whose
lengths the header lists. The reader takes every byte as hostile.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

MAGIC: Final = b"VSB1"
_PREFIX: Final = struct.Struct("<4sI")
_MAX_HEADER: Final = 16 * 1024 * 1024
_MAX_BUFFERS: Final = 100_000

Buffer = bytes | bytearray | memoryview


class MalformedAnswer(Exception):
    """The decoder process sent something that is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A header without its buffer list, and the buffers as views into what was received."""

    header: dict[str, Any]
    buffers: tuple[memoryview, ...]


def send(write: Callable[[Buffer], int], header: dict[str, Any], buffers: Sequence[Buffer]) -> None:
    """Writes one answer with `write`, which may take a part at a time like ``os.write``."""
    lengths = [memoryview(buffer).nbytes for buffer in buffers]
    encoded = json.dumps({**header, "buffers": lengths}, allow_nan=False).encode()
    for part in (_PREFIX.pack(MAGIC, len(encoded)), encoded, *buffers):
        view = memoryview(part).cast("B")
        while view:
            view = view[write(view) :]


def parse(received: Buffer) -> Answer:
    """The answer in `received`, whose buffers are not copied.

    Raises:
        MalformedAnswer: it is cut short, has something behind it, or is not of this form.
    """
    view = memoryview(received)
    if len(view) < _PREFIX.size:
        raise MalformedAnswer("shorter than a prefix")
    magic, length = _PREFIX.unpack(view[: _PREFIX.size])
    if magic != MAGIC or length > min(_MAX_HEADER, len(view) - _PREFIX.size):
        raise MalformedAnswer("no prefix, or a header longer than allowed")
    try:
        header = json.loads(bytes(view[_PREFIX.size : _PREFIX.size + length]))
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("the header is not JSON") from error
    if not isinstance(header, dict):
        raise MalformedAnswer("the header is no object")
    lengths = header.pop("buffers", None)
    if not isinstance(lengths, list) or len(lengths) > _MAX_BUFFERS:
        raise MalformedAnswer("no list of buffers")
    at, buffers = _PREFIX.size + length, []
    for size in lengths:
        if type(size) is not int or not 0 <= size <= len(view) - at:
            raise MalformedAnswer("a buffer does not fit")
        buffers.append(view[at : at + size])
        at += size
    if at != len(view):
        raise MalformedAnswer("something behind the last buffer")
    return Answer(header=header, buffers=tuple(buffers))
