"""``manage.py evaluate``: how good a model, or search itself, is on labelled data."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from retrieval.encoders.bundle import BUILTIN, BundleError
from retrieval.errors import RetrievalError
from retrieval.evaluation.datasets import DatasetError
from retrieval.management import evaluating


class Command(BaseCommand):
    """With ``--model`` an installed version, through the running servers; the result is kept.

    With ``--live`` the search as it is, on a collection's labelled queries: what users get.

    Without it a bundle's folder, in this process, which needs neither servers nor a database; where
    there is one that knows the bundle, the result is kept all the same.
    """

    help = "Measure a model on labelled data: recall, mAP, calibration, abstention, latency."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """See ``--help``."""
        data = parser.add_mutually_exclusive_group(required=True)
        data.add_argument(
            "--dataset",
            help="directory or tar; or a name in the folder datasets of the data directory",
        )
        data.add_argument(
            "--collection",
            type=UUID,
            help="the assets of this collection, by its labelled queries; where it has none, by "
            "titles",
        )
        data.add_argument(
            "--leakage",
            action="store_true",
            help="whether vectors tell whom a text names or whose face a picture shows, before and "
            "after redaction; of the model in use, or of --model",
        )
        parser.add_argument(
            "--profile", default="standard", help="with --leakage: redact by this profile"
        )
        parser.add_argument(
            "--queries",
            type=Path,
            help="with --collection: CSV with the columns query and asset (an id), instead of its "
            "labelled queries",
        )
        parser.add_argument(
            "--titles", action="store_true", help="with --collection: ask for titles all the same"
        )
        parser.add_argument(
            "--live",
            action="store_true",
            help="with --collection: through the search itself, fused list, confidence and "
            "abstention; leaves no search records",
        )
        parser.add_argument(
            "--as", metavar="USERNAME", help="with --live: whose rights the searches have"
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--model",
            metavar="REF",
            help="an installed version, active or not; with --collection: else the one in use",
        )
        which.add_argument(
            "--bundle", type=Path, default=BUILTIN, help="a folder; default: the built-in one"
        )
        parser.add_argument(
            "--against", metavar="REF", help="compare with this one, not the one in use"
        )
        parser.add_argument(
            "--home",
            metavar="DATASET",
            help="how much it falls on --dataset against this one, which is like what it was "
            "fitted on",
        )
        parser.add_argument(
            "--public",
            action="store_true",
            help="a public benchmark: it says nothing about this organisation's data",
        )
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help="only rows of the table with this value, e.g. fold=4",
        )
        parser.add_argument("--fold", help="short for --where fold=FOLD")
        parser.add_argument(
            "--targets",
            metavar="DATASET",
            help="look for the things of this captioned dataset by those of --dataset, which has "
            "labels: photos by sounds",
        )
        parser.add_argument(
            "--words",
            type=Path,
            metavar="TOML",
            help="with --targets: the words that name each label; default: ESC-50's in photos",
        )
        parser.add_argument("--json", type=Path, help="write the result here too")
        parser.add_argument(
            "--check",
            action="store_true",
            help="exit 1 where a task that the collection declared before is not met or not "
            "measured",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the result as JSON, and what it means on standard error."""
        self._asked(options)
        try:
            result, lines = self._way(options)(options, self._progress)
        except DatasetError as error:
            raise CommandError(f"The dataset cannot be used: {error}") from error
        except BundleError as error:
            raise CommandError(f"The model cannot be used: {error.reason}") from error
        except RetrievalError as error:
            raise CommandError(error.detail) from None
        for line in lines:
            self.stderr.write(line)
        text = json.dumps(result, indent=1)
        self.stdout.write(text)
        if options["json"]:
            options["json"].write_text(text + "\n", encoding="utf-8")
        if options["check"]:
            self._check(result.get("tasks", []))

    def _asked(self, options: dict[str, Any]) -> None:
        if (options["live"] or options["check"]) and not options["collection"]:
            raise CommandError("--live and --check need --collection.")
        if options["targets"] and (options["collection"] or options["model"]):
            raise CommandError("--targets needs --dataset, and measures a bundle's folder.")
        if options["home"] and not options["dataset"]:
            raise CommandError("--home needs --dataset.")

    def _way(self, options: dict[str, Any]) -> Any:
        if options["leakage"]:
            return evaluating.leakage
        if options["live"]:
            return evaluating.live
        if options["targets"]:
            return evaluating.between
        through_servers = options["model"] or options["collection"]
        return evaluating.served if through_servers else evaluating.local

    def _check(self, tasks: list[dict[str, Any]]) -> None:
        if not tasks:
            raise CommandError("The collection has declared no task.")
        failed = [task for task in tasks if task["verdict"] != "met"]
        if failed:
            raise CommandError(f"{len(failed)} of {len(tasks)} declared tasks are not met.")

    def _progress(self, done: int, of: int) -> None:
        self.stderr.write(f"\r{done} of {of}", ending="\n" if done == of else "")
