"""The engine that settings name: Django looks for ``DatabaseWrapper`` in this module."""

from __future__ import annotations

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, without the ``SELECT 1`` that ``CONN_HEALTH_CHECKS`` puts before each request.

    A server that closed the connection has said so, and the socket holds that to read; an idle
    healthy one holds nothing. Whatever else is to be read there is looked at with ``SELECT 1``. A
    peer that vanished without a word is noticed by either way only when a statement times out.
    """

    def is_usable(self) -> bool:
        """Whether the connection can be used for the next request."""
        raw: Any = self.connection
        if raw is None or raw.closed or raw.pgconn.status != ConnStatus.OK:
            return False
        waiting = select.poll()
        waiting.register(raw.pgconn.socket, select.POLLIN)
        return bool(super().is_usable()) if waiting.poll(0) else True
