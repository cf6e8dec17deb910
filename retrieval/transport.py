"""Synchronous HTTP over a unix socket, for the thin clients of the model and redaction servers."""

from __future__ import annotations

import base64
import json
import os
import socket as socketlib
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from retrieval.backoff import Tries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

META_HEADER: Final = "x-vitrine-meta"
DEADLINE_HEADER: Final = "x-vitrine-deadline-ms"
_CONNECT_SECONDS: Final = 2.0
# Long enough for a connection that a restart left dead, short enough for a health question.
_USUAL_PATIENCE_SECONDS: Final = 0.5
_LEAST_SECONDS: Final = 0.05
# Threads of one process that may wait for a server that is away; all others hear so at once, so
# that a web server goes on answering what needs no model.
_MOST_WAITING: Final = 4
_BUSY: Final = frozenset({429, 502, 503, 504})
_NOT_REACHABLE: Final = "not-reachable"
_BROKE: Final = "broke-off"
_WORTH_ANOTHER_TRY: Final = frozenset({_NOT_REACHABLE, _BROKE, "busy"})


class TransportUnavailableError(Exception):
    """The server is not there, is busy, or did not answer in time; trying later may help."""

    def __init__(self, code: str, *, retry_after_seconds: float | None = None) -> None:
        """``code`` is a static word for logs."""
        super().__init__(code)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class TransportRefusedError(Exception):
    """The server answered that it will not do this; ``body`` is its JSON answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Keep status and answer; the message names the status only."""
        super().__init__(f"refused with status {status}")
        self.status = status
        self.body = body


def encode_meta(meta: dict[str, Any]) -> str:
    """``meta`` as a header value: names travel in no URL, so that no log line holds them."""
    return base64.urlsafe_b64encode(json.dumps(meta, separators=(",", ":")).encode()).decode()


def decode_meta(value: str) -> dict[str, Any]:
    """The opposite of ``encode_meta``; raises ``ValueError`` for anything else."""
    meta = json.loads(base64.urlsafe_b64decode(value.encode()))
    if not isinstance(meta, dict):
        raise ValueError("meta header is not an object")  # noqa: TRY004 - bad input
    return meta


class _Sockets(httpcore.SyncBackend):
    """Unix sockets that are tried first.

    httpcore leaves the file descriptor of an attempt that failed to the garbage collector.
    """

    def connect_unix_socket(self, path: str, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """A connection; raises ``httpcore.ConnectError`` where nobody listens."""
        with socketlib.socket(socketlib.AF_UNIX, socketlib.SOCK_STREAM) as probe:
            probe.settimeout(_CONNECT_SECONDS)
            try:
                probe.connect(path)
            except OSError as error:
                raise httpcore.ConnectError from error
        return super().connect_unix_socket(path, *args, **kwargs)


class UnixTransport:
    """One keep-alive HTTP client a process; safe between threads and across a fork.

    All requests here are free of side effects in the server, so those with a body in memory are
    sent again where nobody was there, the connection broke before an answer came (a server that
    restarts), or the server was busy: after a pause, for as long as the caller's patience and
    deadline allow.
    """

    def __init__(self, socket: Path, *, timeout_seconds: float) -> None:
        """Nothing is connected before the first request."""
        self._socket = socket
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self._client: httpx.Client | None = None
        self._pid = 0

    def get(self, path: str, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """The JSON object that the server answers."""
        seconds = timeout_seconds or self._timeout_seconds
        request = _Request("GET", path, None, {})
        body = json.loads(self._send(request, seconds, _USUAL_PATIENCE_SECONDS))
        if not isinstance(body, dict):
            raise TransportUnavailableError("bad-answer")
        return body

    def post(
        self,
        path: str,
        body: bytes | Iterable[bytes],
        *,
        meta: dict[str, Any] | None = None,
        timeout_seconds: float | None = None,
        patience_seconds: float = _USUAL_PATIENCE_SECONDS,
    ) -> bytes:
        """The body of the answer; ``timeout_seconds`` is the deadline of all attempts together.

        Raises:
            TransportUnavailableError: nobody there, busy, too slow, or gone in the middle.
            TransportRefusedError: the server's 4xx with its JSON.
        """
        headers = {} if meta is None else {META_HEADER: encode_meta(meta)}
        seconds = timeout_seconds or self._timeout_seconds
        # A stream that was begun cannot be sent again.
        patience = patience_seconds if isinstance(body, bytes) else 0.0
        return self._send(_Request("POST", path, body, headers), seconds, patience)

    def close(self) -> None:
        """Drop this process's connections."""
        with self._lock:
            if self._client is not None and self._pid == os.getpid():
                self._client.close()
            self._client = None

    def _http(self) -> httpx.Client:
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                # A forked child must not share its parent's connections, nor close them.
                transport = httpx.HTTPTransport(uds=str(self._socket))
                # httpx has no argument for the backend. The limits are its own defaults, but that
                # no thread waits for another's connection.
                transport._pool = httpcore.ConnectionPool(  # noqa: SLF001
                    uds=str(self._socket),
                    network_backend=_Sockets(),
                    max_connections=None,
                    max_keepalive_connections=20,
                    keepalive_expiry=5.0,
                )
                self._client = httpx.Client(
                    transport=transport,
                    base_url="http://vitrine",
                    trust_env=False,
                )
                self._pid = os.getpid()
            return self._client

    def _send(self, request: _Request, seconds: float, patience_seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        tries = Tries(deadline, patience_seconds)
        with ExitStack() as slot:
            while True:
                try:
                    return self._once(request, max(_LEAST_SECONDS, deadline - time.monotonic()))
                except TransportUnavailableError as error:
                    self._wait(tries, error, slot)

    def _wait(self, tries: Tries, error: TransportUnavailableError, slot: ExitStack) -> None:
        """Sleep before the next attempt, or raise ``error`` where there should be none.

        Who was being served when the server went keeps its place; of those who come while it is
        away only a few may wait.
        """
        if error.code not in _WORTH_ANOTHER_TRY:
            raise error
        if error.code == _NOT_REACHABLE and tries.attempt == 0:
            if not self._waiting.acquire(blocking=False):
                raise error
            slot.callback(self._waiting.release)
        seconds = tries.pause(
            retry_after_seconds=error.retry_after_seconds, broke=error.code == _BROKE
        )
        if seconds is None:
            raise error
        time.sleep(seconds)

    def _once(self, request: _Request, seconds: float) -> bytes:
        """One attempt. The server hears how long somebody waits for the answer."""
        try:
            response = self._http().request(
                request.method,
                request.path,
                content=request.body,
                headers={**request.headers, DEADLINE_HEADER: str(int(seconds * 1000))},
                timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise TransportUnavailableError(_NOT_REACHABLE) from error
        except (httpx.RemoteProtocolError, httpx.NetworkError) as error:
            raise TransportUnavailableError(_BROKE) from error
        except httpx.TimeoutException as error:
            raise TransportUnavailableError("timed-out") from error
        except httpx.TransportError as error:
            raise TransportUnavailableError("connection-failed") from error
        return _checked(response)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: bytes | Iterable[bytes] | None
    headers: dict[str, str]


def _checked(response: httpx.Response) -> bytes:
    if response.status_code in _BUSY or response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        code = "busy" if response.status_code in _BUSY else "server-error"
        raise TransportUnavailableError(code, retry_after_seconds=_retry_after(response))
    if response.status_code != httpx.codes.OK:
        raise TransportRefusedError(response.status_code, _json_object(response))
    return response.content


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
