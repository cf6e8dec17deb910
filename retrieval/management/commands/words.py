"""``manage.py words``: write the words of assets that were searchable before words were kept."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from retrieval.services.indexing import words_backfill


class Command(BaseCommand):
    """Beat does this as well, 200 assets every 30 seconds; by hand it goes on to the end."""

    help = __doc__

    def handle(self, *_: Any, **__: Any) -> None:
        """Batch by batch until none is left; says how many there were."""
        written = 0
        while done := words_backfill(look_again=True):
            written += done
        self.stdout.write(f"{written} assets got their words.")
