"""A Starlette application served on a private unix socket, ended by SIGTERM."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
import uvicorn
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from types import FrameType

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_BACKLOG: Final = 128
_GRACE_SECONDS: Final = 20
_LIVE_SECONDS: Final = 1.0
# A redaction profile travels in a header: 24 kB of its own words, escaped and in base64.
_MOST_HEADER_BYTES: Final = 256 * 1024

log = structlog.get_logger()


class SocketTakenError(RuntimeError):
    """Another server listens on the socket."""


def serve(app: Starlette, path: Path) -> None:
    """Serve ``app`` until SIGTERM or SIGINT; requests in flight get up to 20 s to end.

    The socket is for its owner only (0600) and is removed afterwards. No access log is written.

    Raises:
        SocketTakenError: somebody answers there already.
    """
    with listening(path) as listener:
        # uvicorn stops on these and then raises them once more, for whoever had them before it:
        # nobody.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _noted)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            http="h11",
            h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
            ws="none",
            lifespan="on",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _noted(number: int, frame: FrameType | None) -> None:
    del number, frame


@contextlib.contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A listening socket (0600) at ``path``; what a dead server left there is removed first.

    Raises:
        SocketTakenError: somebody answers there already.
    """
    if path.is_socket() and _answers(path):
        raise SocketTakenError("another server listens on this socket")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The mask holds from the first instant; a chmod afterwards would leave a gap.
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        mine = path.stat().st_ino
        listener.listen(_BACKLOG)
        yield listener
    finally:
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == mine:
                path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_LIVE_SECONDS)
        try:
            probe.connect(str(path))
        except OSError as error:
            return error.errno not in {errno.ECONNREFUSED, errno.ENOENT}
        return True


Handler = Callable[["Request"], Awaitable["Response"]]


def guarded(handler: Handler) -> Handler:
    """``handler`` whose unexpected errors become a bare 500.

    Exception texts can hold content, so the log gets the type and the lines of code, nothing else.
    """

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - the last wall before client and log
            log.error("request-failed", path=request.url.path, **where(error))  # noqa: TRY400
            return JSONResponse({"code": "internal-error"}, status_code=500)

    return answer


def where(error: BaseException) -> dict[str, Any]:
    """Type and code lines of an error, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return {
        "error": type(error).__name__,
        "at": [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames],
    }


def busy(*, retry_after_seconds: int = 1, code: str = "busy") -> Response:
    """503 with ``Retry-After``."""
    return JSONResponse(
        {"code": code}, status_code=503, headers={"retry-after": str(retry_after_seconds)}
    )


def resident_bytes() -> dict[str, int]:
    """This process's resident and proportional memory in bytes, from /proc/self/smaps_rollup."""
    sizes = {"resident": 0, "proportional": 0}
    names = {"Rss:": "resident", "Pss:": "proportional"}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
            words = line.split()
            if words and words[0] in names:
                sizes[names[words[0]]] = int(words[1]) * 1024
    return sizes


class _NamesOnly(logging.Formatter):
    """Level and logger of a library's message; its text and its exception may hold content."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON line."""
        return json.dumps({"level": record.levelname.lower(), "event": record.name})


def configure_logging(component: str) -> None:
    """JSON lines on standard error, with the component's name.

    Of libraries' messages from WARNING up only the logger is told, and of errors that nobody
    catches only type and lines.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=os.fdopen(os.dup(2), "w", buffering=1)),
    )
    structlog.contextvars.bind_contextvars(component=component)
    handler = logging.StreamHandler()
    handler.setFormatter(_NamesOnly())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda _kind, error, _trace: log.critical("uncaught", **where(error))
    threading.excepthook = lambda told: log.critical(
        "uncaught-in-thread", **(where(told.exc_value) if told.exc_value else {})
    )
    sys.unraisablehook = lambda told: log.error(
        "unraisable", **(where(told.exc_value) if told.exc_value else {})
    )


async def body_within(request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
    """The body's pieces.

    Raises:
        BodyTooLargeError: after more than ``limit_bytes``; the rest is read and dropped first, so
            that the client sees the answer.
    """
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= limit_bytes:
            yield piece
    if size > limit_bytes:
        raise BodyTooLargeError(limit_bytes)


class BodyTooLargeError(Exception):
    """The request's body is over its limit."""

    def __init__(self, limit_bytes: int) -> None:
        """``limit_bytes`` is what would have been taken."""
        super().__init__(f"over {limit_bytes} bytes")
        self.limit_bytes = limit_bytes
