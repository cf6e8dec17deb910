"""Asks a server whether it is well."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path

import redis

_TIMEOUT_SECONDS = 3.0
_OK = 200


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_SECONDS)
        self.sock.connect(str(self._path))


def unix_healthy(path: Path) -> bool:
    """Whether ``GET /healthz`` on the socket ``path`` answers 200."""
    return _answers(_UnixConnection(path))


def web_healthy(host: str, port: int, *, tls: bool) -> bool:
    """Whether ``GET /healthz`` on the web server answers 200."""
    if tls:
        # Our own server on our own machine, by whatever name its certificate has.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above; it is the library's documented way
        return _answers(
            http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=context)
        )
    return _answers(http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS))


def worker_listening(redis_url: str) -> bool:
    """Whether some client waits for tasks: Celery's Redis transport blocks in BRPOP."""
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=_TIMEOUT_SECONDS) as client:
            return any(entry.get("cmd") == "brpop" for entry in client.client_list())
    except redis.RedisError:
        return False


def _answers(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
