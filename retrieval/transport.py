"""Synchronous HTTP over a unix socket, for the thin clients of the model and redaction servers."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

META_HEADER: Final = "x-vitrine-meta"
DEADLINE_HEADER: Final = "x-vitrine-deadline-ms"
_CONNECT_SECONDS: Final = 2.0
_CONNECT_ATTEMPTS: Final = 3
_BUSY: Final = frozenset({429, 502, 503, 504})


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


class UnixTransport:
    """One keep-alive HTTP client a process; safe between threads and across a fork.

    All requests here are free of side effects in the server, so those with a body in memory are
    sent once more where the
    connection broke before an answer came (a server that restarts).
    """

    def __init__(self, socket: Path, *, timeout_seconds: float) -> None:
        """Nothing is connected before the first request."""
        self._socket = socket
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._pid = 0

    def get(self, path: str, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """The JSON object that the server answers."""
        body = json.loads(self._send("GET", path, None, None, timeout_seconds, replay=True))
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
    ) -> bytes:
        """The body of the answer.

        Raises:
            TransportUnavailableError: nobody there, busy, too slow, or gone in the middle.
            TransportRefusedError: the server's 4xx with its JSON.
        """
        replay = isinstance(body, bytes)
        return self._send("POST", path, body, meta, timeout_seconds, replay=replay)

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
                self._client = httpx.Client(
                    transport=httpx.HTTPTransport(uds=str(self._socket)),
                    base_url="http://vitrine",
                    trust_env=False,
                )
                self._pid = os.getpid()
            return self._client

    def _look(self) -> None:
        """Raise as a refused connection where there is no socket.

        httpcore leaves the file descriptor of an attempt that failed to the garbage collector.
        """
        if not self._socket.exists():
            raise httpx.ConnectError("no socket")

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None,
        meta: dict[str, Any] | None,
        timeout_seconds: float | None,
        *,
        replay: bool,
    ) -> bytes:
        seconds = timeout_seconds or self._timeout_seconds
        headers = {DEADLINE_HEADER: str(int(seconds * 1000))}
        if meta is not None:
            headers[META_HEADER] = encode_meta(meta)
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        for attempt in range(_CONNECT_ATTEMPTS):
            last = not replay or attempt == _CONNECT_ATTEMPTS - 1
            try:
                self._look()
                response = self._http().request(
                    method, path, content=body, headers=headers, timeout=timeout
                )
            except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError) as error:
                if last:
                    raise TransportUnavailableError("not-reachable") from error
                time.sleep(0.05 * 4**attempt)
                continue
            except httpx.TimeoutException as error:
                raise TransportUnavailableError("timed-out") from error
            except httpx.TransportError as error:
                raise TransportUnavailableError("connection-failed") from error
            return _checked(response)
        raise TransportUnavailableError("not-reachable")


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
