"""``manage.py dataset …``: which assets models may be trained on, version by version."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from retrieval import scope
from retrieval.errors import RetrievalError
from retrieval.models import Collection
from retrieval.selectors.datasets import gone_items, models_trained_on, versions_list
from retrieval.services.dataset_files import version_named
from retrieval.services.datasets import MODALITIES, dataset_build, datasets_recheck


class Command(BaseCommand):
    """A version holds ids alone; ``align`` and ``evaluate`` take it as ``NAME@NUMBER``."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        build = verbs.add_parser("build", help="a new version of what may be trained on now")
        build.add_argument("collection", help="name or id")
        build.add_argument("name", help="the dataset's name")
        build.add_argument("--modality", choices=MODALITIES, default="image")
        verbs.add_parser("list", help="every version")
        show = verbs.add_parser("show", help="what may not be used any more, and models trained")
        show.add_argument("version", help="NAME@NUMBER")
        verbs.add_parser("check", help="mark what may not be used any more")

    def handle(self, *_: Any, **options: Any) -> None:
        """Do it and say it."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except RetrievalError as error:
            raise CommandError(error.detail) from None

    def _build(self, options: dict[str, Any]) -> None:
        version = dataset_build(
            collection_id=_collection(options["collection"]),
            name=options["name"],
            modality=options["modality"],
        )
        left_out = "".join(f", {n} left out: {why}" for why, n in version.left_out.items())
        self.stdout.write(f"{version.ref}: {version.size} of {version.modality}{left_out}")

    def _list(self, _: dict[str, Any]) -> None:
        for version in versions_list():
            gone = int(getattr(version, "gone", 0))
            stale = f", {gone} may not be used any more" if gone else ""
            self.stdout.write(
                f"{version.ref}  {version.built_at:%Y-%m-%d %H:%M}  {version.size} of "
                f"{version.modality} from {version.dataset.collection_id}{stale}"
            )

    def _show(self, options: dict[str, Any]) -> None:
        version = version_named(options["version"])
        self.stdout.write(f"{version.ref}: {version.size} of {version.modality}")
        for asset_id, reason in gone_items(version.id):
            self.stdout.write(f"  not any more: {asset_id}  {reason}")
        for ref in models_trained_on([version.id]):
            self.stdout.write(f"  trained on it: {ref}")

    def _check(self, _: dict[str, Any]) -> None:
        self.stdout.write(f"{datasets_recheck()} items marked")


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
