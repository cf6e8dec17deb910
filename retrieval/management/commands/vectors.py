"""``manage.py vectors …``: where vectors lie, and the indexes of large collections."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from retrieval import scope
from retrieval.errors import RetrievalError
from retrieval.models import Collection
from retrieval.selectors.vectors import builds_running, faults, shards_list
from retrieval.services.vectors.calibration import vectors_calibrate
from retrieval.services.vectors.shards import shard_begin, shard_end, shard_rebuild
from retrieval.services.vectors.upkeep import upkeep_alone, upkeep_run
from retrieval.vector_models import CollectionShard
from retrieval.vectors import tuning

_MEGA = 1_000_000


class Command(BaseCommand):
    """The appliance does all this by itself; a person may want it sooner, or otherwise."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb, most with a collection."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        status = verbs.add_parser("status", help="shards, indexes, builds, thresholds")
        status.add_argument("--json", action="store_true")
        dedicate = verbs.add_parser("dedicate", help="give a collection a shard of its own")
        dedicate.add_argument("collection", help="name or id")
        dedicate.add_argument("--index", choices=CollectionShard.Index.values, default="hnsw")
        share = verbs.add_parser("share", help="put a collection's rows back among the others")
        share.add_argument("collection", help="name or id")
        rebuild = verbs.add_parser("rebuild", help="build a collection's indexes anew")
        rebuild.add_argument("collection", help="name or id")
        verbs.add_parser("upkeep", help="do what is due now")
        calibrate = verbs.add_parser("calibrate", help="measure this machine, a few seconds")
        calibrate.add_argument("--if-missing", action="store_true")

    def handle(self, *_: Any, **options: Any) -> None:
        """Do it and say it.

        Raises:
            CommandError: no such collection, or the owner's login is not known here.
        """
        try:
            getattr(self, f"_{options['verb']}")(options)
        except RetrievalError as error:
            raise CommandError(error.detail) from None

    def _status(self, options: dict[str, Any]) -> None:
        shards, builds, known = shards_list(), builds_running(), tuning.current()
        if options["json"]:
            content = {
                "shards": [asdict(one) for one in shards],
                "builds": [asdict(one) for one in builds],
                "thresholds": asdict(known),
                "faults": faults(),
            }
            self.stdout.write(json.dumps(content, default=str))
            return
        for one in shards:
            self.stdout.write(
                f"{one.shard}  {one.collection_id}  {one.state:<8} {one.index:<6} "
                f"{one.rows:>10,} rows  {one.index_bytes / _MEGA:>8.1f} MB"
            )
        for build in builds:
            of = f" of about {build.total:,} rows" if build.total else " rows"
            self.stdout.write(f"building {build.index}: {build.phase}, {build.done:,}{of}")
        measured = "measured here" if known.at else "defaults; `manage.py vectors calibrate`"
        self.stdout.write(
            f"A collection gets an index from {known.own_rows:,} rows; filters that let "
            f"{known.listed_assets:,} assets through or fewer are exact; {known.ef_search} "
            f"candidates kept ({measured})."
        )
        for fault in faults():
            self.stdout.write(self.style.ERROR(fault))

    def _dedicate(self, options: dict[str, Any]) -> None:
        collection = _collection(options["collection"])
        with upkeep_alone() as conn:
            if conn is None:
                raise CommandError("Another upkeep is at work; try again when it has ended.")
            shard_begin(conn, collection_id=collection, index=options["index"], asked=True)
        self._upkeep(options)

    def _share(self, options: dict[str, Any]) -> None:
        shard_end(collection_id=_collection(options["collection"]))
        self._upkeep(options)

    def _rebuild(self, options: dict[str, Any]) -> None:
        with upkeep_alone() as conn:
            if conn is None:
                raise CommandError("Another upkeep is at work; try again when it has ended.")
            shard_rebuild(
                conn, collection_id=_collection(options["collection"]), say=self.stdout.write
            )

    def _upkeep(self, _: dict[str, Any]) -> None:
        if not upkeep_run(say=self.stdout.write):
            self.stdout.write("Nothing was due, or another upkeep is at work.")

    def _calibrate(self, options: dict[str, Any]) -> None:
        known = vectors_calibrate(again=not options["if_missing"])
        self.stdout.write(
            f"{known.exact_us} µs a row compared; a collection gets an index from "
            f"{known.own_rows:,} rows"
        )


def _collection(given: str) -> UUID:
    with scope.system():
        named = list(Collection.objects.filter(name=given).values_list("id", flat=True)[:2])
        if len(named) == 1:
            return named[0]
    if named:
        raise CommandError("Several collections have this name; give the id.")
    try:
        return UUID(given)
    except ValueError:
        raise CommandError("There is no such collection.") from None
