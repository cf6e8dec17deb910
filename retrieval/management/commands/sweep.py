"""``manage.py sweep``: queue again what a dead process or a lost message left behind."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from retrieval.services.sweep import sweep


class Command(BaseCommand):
    """Beat does this every 30 seconds; by hand it is for the impatient."""

    help = __doc__

    def handle(self, *_: Any, **__: Any) -> None:
        """Sweep once and say how much."""
        swept = sweep()
        self.stdout.write(
            f"{swept.released} claims given back, {swept.queued} assets queued again, "
            f"{swept.woken} re-embeddings woken."
        )
