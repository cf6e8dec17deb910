"""What beat queues, and how often. A message nobody took by the next time is dropped."""

from __future__ import annotations

from typing import Any

from retrieval.queue import HOUSEKEEPING_QUEUE


def _every(seconds: float, task: str) -> dict[str, Any]:
    return {
        "task": f"workers.tasks.{task}",
        "schedule": seconds,
        "options": {"queue": HOUSEKEEPING_QUEUE, "expires": seconds},
    }


BEAT_SCHEDULE = {
    "sweep": _every(30.0, "sweep"),
    "purge": _every(3600.0, "purge"),
    "purge-warnings": _every(3600.0, "purge_warnings"),
    "vectors": _every(120.0, "vectors"),
    "forget-answers": _every(3600.0, "forget_answers"),
    "erasures": _every(60.0, "erasures"),
    "purge-kept-queries": _every(600.0, "purge_kept_queries"),
    "monitor": _every(3600.0, "monitor"),
    "consents": _every(60.0, "consents"),
    "journal": _every(300.0, "journal"),
    "checkpoints": _every(60.0, "checkpoints"),
    "actors": _every(3600.0, "actors"),
    "datasets": _every(3600.0, "datasets"),
}
