"""What a worker does when it starts: take up what its forerunner left in mid-work."""

from __future__ import annotations

from typing import Any

import structlog
from celery.signals import worker_ready
from django.db import DatabaseError, connections

from retrieval.services.sweep import sweep

logger = structlog.get_logger("vitrine.tasks")


@worker_ready.connect
def recover(**_: Any) -> None:
    """Gives back the claims of processes that ended and queues their assets again at once."""
    try:
        sweep(node_restarted=True)
    except DatabaseError as error:
        # Beat's next sweep does it.
        logger.warning("recovery_failed", error=type(error).__name__)
    finally:
        connections.close_all()
