"""``manage.py purge``: destroy what is due by the collections' retention policies."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.clock import ClockImplausible, clock_confirm
from retrieval import scope
from retrieval.errors import Conflict
from retrieval.services.purge import Purged, purge
from retrieval.services.retention_plan import due_export

_WAY_OUT = "If the clock is right, say so: manage.py purge --clock-is-right"


class Command(BaseCommand):
    """Beat does this every hour. The ledger, and each run's report, say what went."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Really, or not."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument(
            "--list",
            action="store_true",
            help="with --dry-run: each asset as a line of JSON (id, collection, part, deadline, "
            "held, paused) instead of the sums",
        )
        parser.add_argument(
            "--clock-is-right",
            action="store_true",
            help="the clock jumped and is right as it is; recorded, and then purged by it",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Purge once and say how much."""
        dry_run: bool = options["dry_run"]
        if options["list"] and not dry_run:
            raise CommandError("--list goes with --dry-run.")
        if options["clock_is_right"] and dry_run:
            raise CommandError("--clock-is-right goes without --dry-run.")
        if options["list"]:
            for row in due_export():
                self.stdout.write(json.dumps(row, default=str))
            return
        if options["clock_is_right"]:
            with scope.system():
                clock_confirm(actor=None)
        try:
            purged = purge(dry_run=dry_run)
        except ClockImplausible as error:
            raise CommandError(f"{error.detail} {_WAY_OUT}") from None
        except Conflict as error:
            raise CommandError(error.detail) from None
        self._say(purged, "would be" if dry_run else "were")

    def _say(self, purged: Purged, verb: str) -> None:
        self.stdout.write(
            f"{purged.raw} originals {verb} destroyed, {purged.rendition} whole assets, "
            f"vectors of {purged.vectors}, transcripts of {purged.transcript}, thumbnails of "
            f"{purged.thumbnail}; {purged.strays} stray blobs {verb} removed, "
            f"{purged.blind} blind indexes, {purged.feedback} votes on hits and "
            f"{purged.evaluations} evaluations {verb} forgotten."
        )
        left = {name: n for name, n in asdict(purged).items() if name in _LEFT and n}
        for name, number in left.items():
            self.stdout.write(f"{number} {_LEFT[name]}")


_LEFT = {
    "held": "parts stay because of a legal hold.",
    "paused": "parts stay because retention is paused.",
    "failed": "parts stay because a file could not be removed; the next purge tries again.",
}
