"""Checkpoints to an HTTPS endpoint: a transparency log, a witness of a partner, a ticket system."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audit.checkpoints.sinks.base import TIMEOUT_SECONDS, SinkError, line_of
from audit.sink_addresses import SinkAddress

_FINE = range(200, 300)
_CONFLICT = 409  # it has this one already


class EndpointSink:
    """POST of the document, with a bearer token; 2xx or 409 is taken as kept.

    Redirects are not followed: the token goes where the configuration says and nowhere else.
    """

    def __init__(self, address: SinkAddress, token: str | None, ca_file: Path | None) -> None:
        self._address = address
        self._token = token
        self._ca_file = ca_file

    def send(self, document: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        """As ``Sink.send``."""
        headers = {"Content-Type": "application/json", "User-Agent": "vitrine"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        connection = self._connection()
        try:
            connection.request("POST", self._address.path, line_of(document).encode(), headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise SinkError(type(error).__name__) from None
        finally:
            connection.close()
        if status not in _FINE and status != _CONFLICT:
            raise SinkError(f"HTTP {status}")

    def probe(self) -> None:
        """As ``Sink.probe``: a connection, TLS included."""
        connection = self._connection()
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise SinkError(type(error).__name__) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        where = self._address
        if where.scheme == "http":
            return http.client.HTTPConnection(where.host, where.port, timeout=TIMEOUT_SECONDS)
        trust = ssl.create_default_context(cafile=self._ca_file and str(self._ca_file))
        return http.client.HTTPSConnection(
            where.host, where.port, timeout=TIMEOUT_SECONDS, context=trust
        )
