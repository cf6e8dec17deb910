"""What a request to encode asks for, and how much may be asked at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from retrieval import framing
from retrieval.transport import DEADLINE_HEADER
from workers import uds
from workers.model_server.scheduler import LANES, Lane, QueueFullError
from workers.model_server.types import ModelRefusal

if TYPE_CHECKING:
    from starlette.requests import Request

MEGABYTE: Final = 1024 * 1024
MAX_BODY_BYTES: Final = 256 * MEGABYTE
MAX_ITEMS: Final = 512
MAX_TEXT_CHARS: Final = 32_000
# Requests under way, and bytes of their bodies; one alone may be as large as MAX_BODY_BYTES.
MAX_REQUESTS: Final = 256
MAX_HELD_BYTES: Final = 384 * MEGABYTE
# A query's text or picture is never turned away because ingestion fills the memory.
_SMALL_BYTES: Final = 4 * MEGABYTE
DEFAULT_DEADLINE_SECONDS: Final = 30.0
_LEAST_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Work:
    """A checked request: what to encode, with what, how urgently."""

    model: str
    modality: str
    lane: Lane
    items: list[Any]
    size_bytes: int


class Admission:
    """Counts what is under way, so that bodies are refused before they are read."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self.requests = 0
        self.held_bytes = 0

    @contextmanager
    def admitted(self, request: Request) -> Iterator[None]:
        """Room for the request until it is answered.

        Raises:
            QueueFullError: there is none now.
        """
        size = _announced_bytes(request)
        full = self.held_bytes and self.held_bytes + size > MAX_HELD_BYTES
        if self.requests >= MAX_REQUESTS or (full and size > _SMALL_BYTES):
            raise QueueFullError
        self.requests += 1
        self.held_bytes += size
        try:
            yield
        finally:
            self.requests -= 1
            self.held_bytes -= size


def _announced_bytes(request: Request) -> int:
    try:
        return min(int(request.headers["content-length"]), MAX_BODY_BYTES)
    except (KeyError, ValueError):
        return MAX_BODY_BYTES


async def body_of(request: Request) -> bytes:
    """The whole body.

    Raises:
        ModelRefusal: it is too large.
    """
    pieces = bytearray()
    try:
        async for piece in uds.body_within(request, MAX_BODY_BYTES):
            pieces += piece
    except uds.BodyTooLargeError as error:
        raise ModelRefusal(
            "too-large", "The request is too large; send fewer at a time.", 413
        ) from error
    return bytes(pieces)


def work_of(body: bytes) -> Work:
    """What a body asks for.

    Raises:
        ModelRefusal: it is not in the expected form, or asks for too much.
    """
    try:
        data, arrays = framing.unpack_arrays(body)
        lane: Lane = data["priority"]
        modality, model = str(data["modality"]), str(data["model"])
        # A tower reads some 256 word pieces; what lies far behind them would only cost time.
        texts = [str(text)[:MAX_TEXT_CHARS] for text in data["texts"]] if modality == "text" else []
    except (framing.FramingError, KeyError, TypeError) as error:
        raise ModelRefusal(
            "bad-request", "The request is not in the expected form.", 400
        ) from error
    if lane not in LANES:
        raise ModelRefusal("bad-request", "The priority is neither query nor ingest.", 400)
    items: list[Any] = [*texts] if modality == "text" else [*arrays]
    if len(items) > MAX_ITEMS:
        reason = f"At most {MAX_ITEMS} items a request, got {len(items)}."
        raise ModelRefusal("too-many-items", reason, 413)
    return Work(model, modality, lane, items, len(body))


def deadline_seconds(request: Request) -> float:
    """How long the caller waits for the answer."""
    try:
        return max(_LEAST_SECONDS, int(request.headers[DEADLINE_HEADER]) / 1000)
    except (KeyError, ValueError):
        return DEFAULT_DEADLINE_SECONDS
