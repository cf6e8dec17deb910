"""Checkpoints as lines of a system log (RFC 5424), on this machine or on another."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from audit.checkpoints.sinks.base import TIMEOUT_SECONDS, SinkError, line_of
from audit.sink_addresses import SinkAddress

# RFC 5424, section 6.2.1: facility 13 (log audit) times 8, and severity 5 (notice).
_PRIORITY = 13 * 8 + 5


class SyslogSink:
    """A local socket, TCP (framed by octet counting, RFC 6587) or UDP.

    Syslog acknowledges nothing: over TCP and the local socket it is known that somebody listened,
    over UDP not even that.
    """

    def __init__(self, address: SinkAddress) -> None:
        self._address = address

    def send(self, document: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        """As ``Sink.send``. Public keys are not sent: their names are in the signatures."""
        line = (
            f"<{_PRIORITY}>1 {document['signed_at']} {socket.gethostname() or '-'} vitrine "
            f"{os.getpid()} checkpoint - {line_of(document)}"
        ).encode()
        framed = f"{len(line)} ".encode() + line if self._address.scheme == "syslog+tcp" else line
        try:
            with closing(self._connected()) as connection:
                connection.sendall(framed)
        except OSError as error:
            raise SinkError(type(error).__name__) from None

    def probe(self) -> None:
        """As ``Sink.probe``."""
        try:
            self._connected().close()
        except OSError as error:
            raise SinkError(type(error).__name__) from None

    def _connected(self) -> socket.socket:
        where = self._address
        if where.scheme == "syslog+tcp":
            return socket.create_connection((where.host, where.port), TIMEOUT_SECONDS)
        if where.scheme == "syslog+udp":
            family, kind, _, _, target = socket.getaddrinfo(
                where.host, where.port, type=socket.SOCK_DGRAM
            )[0]
            return _connect(socket.socket(family, kind), target)
        try:
            return _connect(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), where.path)
        except OSError:  # some daemons listen for streams
            return _connect(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), where.path)


def _connect(made: socket.socket, target: Any) -> socket.socket:
    made.settimeout(TIMEOUT_SECONDS)
    try:
        made.connect(target)
    except OSError:
        made.close()
        raise
    return made
