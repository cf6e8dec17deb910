"""A second connection for half of a search, so that two cores shorten it.

Measured: starting one of Postgres' own parallel workers costs some milliseconds each time, because
a new process has to touch all pages anew; a connection that stays has them. There is one
helper a process; while it is busy, a search does all by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from django.db import DatabaseError, close_old_connections, connection, connections

from retrieval import scope

logger = structlog.get_logger("vitrine.vectors")

T = TypeVar("T")

_free = threading.Semaphore(1)
_helper = ThreadPoolExecutor(1, thread_name_prefix="vitrine-beside")


def possible() -> bool:
    """Whether another connection would see what this one sees.

    Inside a scope that is itself the outermost transaction nothing has been written that only this
    connection knows of: searches write after they have read.
    """
    return len(connection.atomic_blocks) == 1 and not connection.needs_rollback


def start(work: Callable[[], T]) -> Callable[[], T | None] | None:
    """``work`` in the same scope on the helper's connection: what waits for its answer.

    None where the helper is busy. The answer is None where its connection failed.
    """
    if not _free.acquire(blocking=False):
        return None
    again = scope.on_same_behalf()

    def run() -> T | None:
        try:
            close_old_connections()
            with again():
                return work()
        except DatabaseError as error:
            logger.warning("beside_failed", error=type(error).__name__)
            return None
        finally:
            _free.release()

    return _helper.submit(run).result


def close() -> None:
    """The helper's connection is closed; the next work opens one again."""
    _helper.submit(connections.close_all).result()
