"""The web application as a process that answers searches line by line, and says what they took.

Requests pass the whole of it, from the first middleware to the bytes of the answer. Only the two
servers are stand-ins that answer at once: words redact to themselves, and their vector depends on
nothing but the words.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import django
import numpy as np
import numpy.typing as npt
import psycopg


class Spent:
    """What one request has spent so far, in seconds by kind, and its statements."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.seconds = {"encode": 0.0, "vector": 0.0}
        self.statements = 0

    def timed(self, kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call``, with its time counted."""

        def timing(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.seconds[kind] += time.perf_counter() - started

        return timing

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call``, counted as a statement."""

        def counting(*args: Any, **kwargs: Any) -> Any:
            self.statements += 1
            return call(*args, **kwargs)

        return counting


def vector_of(words: str, dimension: int) -> npt.NDArray[np.float32]:
    """The float32 ``(dimension,)`` unit vector of these words."""
    seed = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")
    made = np.random.default_rng(seed).normal(size=dimension)
    unit: npt.NDArray[np.float32] = (made / np.linalg.norm(made)).astype(np.float32)
    return unit


class Servers:
    """Stand-ins for the model server and the redaction server."""

    def encode_text(
        self, model: str, texts: Sequence[str], *, priority: str = "query"
    ) -> npt.NDArray[np.float32]:
        """float32 ``(n, 384)``."""
        del model, priority
        return np.stack([vector_of(text, 384) for text in texts])

    def redact_text(self, text: str, *, profile: Any) -> Any:
        """The same words."""
        del profile
        from retrieval.redaction.base import RedactedText

        return RedactedText(text=text)


def environ_of(token: str, body: bytes) -> dict[str, Any]:
    """A WSGI environment of ``POST /api/v1/search/``."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/search/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": f"Token {token}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def answered(application: Any, token: str, body: bytes, spent: Spent) -> dict[str, Any]:
    """One request's status, answer, milliseconds and statements."""
    environ, codes = environ_of(token, body), list[str]()
    started = time.perf_counter()
    with closing(application(environ, lambda code, *_: codes.append(code))) as parts:
        content = b"".join(parts)
    total = time.perf_counter() - started
    return {
        "status": int(codes[0].split()[0]),
        "total_ms": 1000 * total,
        **{f"{kind}_ms": 1000 * took for kind, took in spent.seconds.items()},
        "statements": spent.statements,
        "answer": json.loads(content),
    }


def main() -> int:
    """Answers every line of standard input with a line, until it ends."""
    django.setup()
    from django.core.wsgi import get_wsgi_application

    from retrieval import clients
    from retrieval.vectors import backend

    logging.getLogger("vitrine").setLevel(logging.WARNING)
    application, servers, engine = get_wsgi_application(), Servers(), type(backend())
    spent = Spent()
    engine.search_many = spent.timed("vector", engine.search_many)  # type: ignore[method-assign]
    psycopg.Cursor.execute = spent.counted(psycopg.Cursor.execute)  # type: ignore[method-assign]
    servers.encode_text = spent.timed("encode", servers.encode_text)  # type: ignore[method-assign]
    servers.redact_text = spent.timed("encode", servers.redact_text)  # type: ignore[method-assign]
    with clients.override(models=servers, redaction=servers):
        for line in sys.stdin:
            told = json.loads(line)
            spent.reset()
            answer = answered(application, told["token"], json.dumps(told["body"]).encode(), spent)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
