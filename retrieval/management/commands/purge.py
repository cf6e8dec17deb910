"""``manage.py purge``: destroy originals, blind indexes, votes and runs whose period is over."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from retrieval.services.purge import purge


class Command(BaseCommand):
    """Beat does this every hour. Renditions and vectors stay; the ledger says what went."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Really, or not."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *_: Any, **options: Any) -> None:
        """Purge once and say how much."""
        dry_run: bool = options["dry_run"]
        purged = purge(dry_run=dry_run)
        verb = "would be" if dry_run else "were"
        self.stdout.write(
            f"{purged.raw} originals {verb} destroyed, {purged.strays} stray blobs {verb} removed, "
            f"{purged.blind} blind indexes, {purged.feedback} votes on hits and "
            f"{purged.evaluations} evaluations {verb} forgotten."
        )
