"""``manage.py search replay ID``: a recorded search run again, or what has changed since."""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retrieval.errors import NotVisible
from retrieval.services.replay import Replay, search_replay


class Command(BaseCommand):
    """Verbs on recorded searches."""

    help = "Work on recorded searches: replay one."

    def add_arguments(self, parser: CommandParser) -> None:
        """One verb so far."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        replay = verbs.add_parser(
            "replay",
            help="run a recorded search again; exit 0: the same ids in the same order, 1: not",
        )
        replay.add_argument("search_id", metavar="ID")
        replay.add_argument("--json", action="store_true", help="the whole comparison as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints the verdict; exit status 1 where it is not the same."""
        try:
            found = search_replay(search_id=UUID(options["search_id"]))
        except ValueError:
            raise CommandError("That is not the id of a search.") from None
        except NotVisible:
            raise CommandError("There is no such search.") from None
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json(), indent=1))
        else:
            self._told(found)
        if not found.same:
            sys.exit(1)

    def _told(self, found: Replay) -> None:
        if found.same:
            count = len(found.hits)
            self.stdout.write(f"The same {count} hit{'' if count == 1 else 's'} in the same order.")
        elif found.ran:
            self.stdout.write("Not the same.")
        else:
            self.stdout.write("It cannot be run again.")
        for change in found.changes:
            self.stdout.write(f"- {change.detail} [{change.code}]")
        if found.added:
            self.stdout.write(f"- {found.added} of the hits were none then.")
        for hit in found.hits:
            if hit.code != "same":
                who = str(hit.asset or "(tombstone)")
                self.stdout.write(f"  {hit.rank:>3}  {who}  {hit.why} [{hit.code}]")
