"""``manage.py scrub``: rids the database's files of what deleted rows left in them, now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from retrieval import scope
from retrieval.erasure_stores import stores
from retrieval.models import Collection
from retrieval.selectors.scrubbing import HARMLESS, leaves
from retrieval.services.scrubbing import Scrubbed, scrub


class Command(BaseCommand):
    """Erasures do this by themselves; large tables they leave to a quiet hour and ``--all``."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One choice."""
        parser.add_argument(
            "--all",
            action="store_true",
            help="write tables of any size anew: whoever reads one waits meanwhile, some 10 "
            "seconds for each 500 MB",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Scrubs every table that a store of assets or subjects answers for, and says how."""
        patterns = {table for store in stores() for table in store.tables} - HARMLESS
        with scope.system():
            collections = Collection.objects.values_list("id", flat=True)
            tables = leaves(patterns, collections=collections)
        self._tell(scrub(tables, whatever_size=options["all"]))

    def _tell(self, done: Scrubbed) -> None:
        for one in done.tables:
            self.stdout.write(f"{one.how:<9} {one.table}, readers waited {one.locked_ms} ms")
        for note in done.not_reached:
            self.stdout.write(self.style.WARNING(f"not reached: {note.what}: {note.why}"))
        log = f"; the log: {done.log}" if done.log else ""
        self.stdout.write(f"{len(done.tables)} tables in {done.seconds:.1f} s{log}.")
