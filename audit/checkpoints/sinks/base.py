"""What every sink can do, and how one says that it could not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

TIMEOUT_SECONDS = 10.0


class SinkError(Exception):
    """The sink did not take it, for now: it is tried again. The message is a kind of failure."""


class Sink(Protocol):
    """A place outside the database that keeps checkpoints."""

    def send(self, document: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        """Puts a signed checkpoint there; ``keys`` are public keys by name (PEM).

        The same checkpoint may come twice.

        Raises:
            SinkError: it is not known to have arrived.
        """

    def probe(self) -> None:
        """Whether it could be sent to, without sending.

        Raises:
            SinkError: not now.
        """


def line_of(document: Mapping[str, Any]) -> str:
    """The document in one line, as every sink keeps it."""
    import rfc8785

    form: bytes = rfc8785.dumps(dict(document))
    return form.decode()
