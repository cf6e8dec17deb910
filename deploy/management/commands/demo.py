"""``manage.py demo load``: what a newcomer looks at first."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from deploy.demo.load import ITEMS, demo_items, people_and_collections, where_they_stand
from retrieval.services.bulk import FileNotes, import_folder

_LOOK_SECONDS = 1.0


class Command(BaseCommand):
    """Sets up the demo's people and collections, uploads its items and waits until all rest."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Only one thing can be done so far."""
        parser.add_argument("what", choices=["load"])

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Load it; what is there already is left alone."""
        collections = people_and_collections()
        items = demo_items()
        with tqdm(total=len(items), desc="demo: taken in ", unit="file", disable=None) as bar:
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
                    on_file=bar.update,
                )
        self._wait([collection.pk for collection in collections.values()])

    def _wait(self, collections: list[Any]) -> None:
        standing = where_they_stand(collections)
        with tqdm(total=standing.total, desc="demo: searchable", unit="item", disable=None) as bar:
            bar.update(standing.resting)
            while standing.resting < standing.total:
                time.sleep(_LOOK_SECONDS)
                standing = where_they_stand(collections)
                bar.update(standing.resting - bar.n)
        self.stdout.write(f"{standing.searchable} of {standing.total} demo items can be searched.")
