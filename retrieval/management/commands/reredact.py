"""``manage.py reredact COLLECTION``: bring what a collection holds under its present profile."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from retrieval import scope
from retrieval.errors import RetrievalError
from retrieval.models import Collection
from retrieval.selectors.reredaction import ReredactionPlan
from retrieval.services.reredaction import reredact_cancel, reredact_plan, reredact_start

_LOOK_SECONDS = 1.0


class Command(BaseCommand):
    """The workers do it; what is stricter now is withheld until it is through."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which collection, and how."""
        parser.add_argument("collection", help="name or id of the collection")
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
        parser.add_argument(
            "--withhold-rest",
            action="store_true",
            help="withhold what shows too much and has no original any more",
        )
        parser.add_argument("--wait", action="store_true", help="return when it has ended")
        parser.add_argument("--cancel", action="store_true", help="stop after the assets in hand")

    def handle(self, *_: Any, **options: Any) -> None:
        """Say what would happen, begin, wait or stop.

        Raises:
            CommandError: no such collection, or there is nothing to do.
        """
        collection_id = _collection(options["collection"])
        try:
            if options["cancel"]:
                reredact_cancel(by=None, collection_id=collection_id)
                return
            self._say(reredact_plan(user=None, collection_id=collection_id))
            if options["dry_run"]:
                return
            reredact_start(
                by=None, collection_id=collection_id, withhold_rest=options["withhold_rest"]
            )
        except RetrievalError as error:
            raise CommandError(error.detail) from None
        if not options["wait"]:
            self.stdout.write("The workers go on with it; --dry-run tells how far they are.")
            return
        while (plan := reredact_plan(user=None, collection_id=collection_id)).running:
            time.sleep(_LOOK_SECONDS)
        self._say(plan)

    def _say(self, plan: ReredactionPlan) -> None:
        self.stdout.write(f"Profile {plan.profile.ref}.")
        for one in plan.behind:
            how = "hidden until through" if one.stricter else "searchable until its turn"
            self.stdout.write(
                f"{one.profile_version}: {one.with_original} to be redacted anew ({how}), "
                f"{one.without_original} cannot be (original destroyed)."
            )
        if plan.returning:
            self.stdout.write(f"{plan.returning} withheld ones come back.")
        for asset_id in plan.lost:
            self.stdout.write(f"  cannot be redacted anew: {asset_id}")
        if plan.running:
            self.stdout.write(f"Under way: {plan.running.begun} of {plan.running.total} begun.")


def _collection(named: str) -> UUID:
    with scope.system():
        rows = Collection.objects.filter(name=named).values_list("id", flat=True)[:2]
        found = list(rows)
        if not found:
            try:
                found = list(Collection.objects.filter(pk=UUID(named)).values_list("id", flat=True))
            except ValueError:
                found = []
    if len(found) != 1:
        raise CommandError(f"{len(found)} collections are called so; name one by its id.")
    return found[0]
