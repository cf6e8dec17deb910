"""``manage.py evaluate --dataset PATH``: how good a model is on a labelled dataset."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.encoders.bundle import BUILTIN, BundleError
from retrieval.evaluation.datasets import DatasetError, dataset_open


class Command(BaseCommand):
    """Needs no database unless ``--record`` keeps the result."""

    help = "Measure a model bundle on a dataset: recall, mAP, calibration, abstention, latency."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """See ``--help``."""
        parser.add_argument("--dataset", type=Path, required=True, help="directory or tar")
        parser.add_argument(
            "--bundle", type=Path, default=BUILTIN, help="default: the built-in one"
        )
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help="only rows of the table with this value, e.g. fold=4",
        )
        parser.add_argument("--json", type=Path, help="write the result here too")
        parser.add_argument("--record", action="store_true", help="keep the result in the database")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the result as JSON."""
        os.environ["HF_HUB_OFFLINE"] = "1"
        from retrieval.encoders.registry import load_bundle
        from retrieval.evaluation.run import evaluate

        try:
            where = dict(pair.split("=", 1) for pair in options["where"])
        except ValueError as error:
            raise CommandError("--where is COLUMN=VALUE") from error
        if not options["dataset"].exists():
            raise CommandError(f"There is no dataset at {options['dataset']}.")
        try:
            dataset = dataset_open(options["dataset"], where=where)
            bundle = load_bundle(options["bundle"])
            result = evaluate(bundle, options["bundle"], dataset, progress=self._progress)
        except DatasetError as error:
            raise CommandError(f"The dataset cannot be used: {error}") from error
        except BundleError as error:
            raise CommandError(f"The model cannot be used: {error.reason}") from error
        text = json.dumps(result, indent=1)
        self.stdout.write(text)
        if options["json"]:
            options["json"].write_text(text + "\n", encoding="utf-8")
        if options["record"]:
            self._record(result)

    def _progress(self, done: int, of: int) -> None:
        self.stderr.write(f"\r{done} of {of} embedded", ending="\n" if done == of else "")

    def _record(self, result: dict[str, Any]) -> None:
        from retrieval.models import EvaluationRun

        EvaluationRun.objects.create(
            model=result["model"], dataset=result["dataset"], result=result
        )
