"""``manage.py demo load``: what a newcomer looks at first."""

from __future__ import annotations

import itertools
import logging
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deploy.demo.governance import governance
from deploy.demo.load import ITEMS, demo_items, people_and_collections, where_they_stand
from deploy.setup.progress import Bar
from retrieval.services.bulk import FileNotes, import_folder

_LOOK_SECONDS = 1.0
_PATIENCE_SECONDS = 600.0


class Command(BaseCommand):
    """Sets up the demo's people and collections, uploads its items and waits until all rest."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Only one thing can be done so far."""
        parser.add_argument("what", choices=["load"])

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Load it; what is there already is left alone."""
        logging.getLogger("vitrine").setLevel(logging.WARNING)  # a bar is shown instead
        collections = people_and_collections()
        items = demo_items()
        bar = Bar("Demo: taking in", len(items), sys.stdout)
        taken = itertools.count(1)
        for key, collection in collections.items():
            mine = [item for item in items if item.collection == key]
            import_folder(
                collection_id=collection.pk,
                folder=ITEMS,
                files=[item.path for item in mine],
                notes={
                    item.path.relative_to(ITEMS).as_posix(): FileNotes(
                        title=item.title, source=item.source
                    )
                    for item in mine
                },
                on_file=lambda *_: bar.show(next(taken)),
            )
        bar.close()
        self._wait([collection.pk for collection in collections.values()])
        governance(collections)

    def _wait(self, collections: list[Any]) -> None:
        """Show how far the workers are. Raises CommandError when nothing moves any more."""
        standing = where_they_stand(collections)
        bar = Bar("Demo: redacting and indexing", standing.total, sys.stdout)
        moved = time.monotonic()
        while standing.resting < standing.total:
            bar.show(standing.resting)
            time.sleep(_LOOK_SECONDS)
            before, standing = standing.resting, where_they_stand(collections)
            if standing.resting != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > _PATIENCE_SECONDS:
                raise CommandError(
                    f"{standing.total - standing.resting} demo items do not move: see worker.log."
                )
        bar.show(standing.resting)
        bar.close()
        self.stdout.write(f"{standing.searchable} of {standing.total} demo items can be searched.")
