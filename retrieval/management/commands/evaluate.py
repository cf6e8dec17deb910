"""``manage.py evaluate``: how good a model is on labelled data, and beside the model in use."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from retrieval.encoders.bundle import BUILTIN, BundleError
from retrieval.errors import RetrievalError
from retrieval.evaluation.datasets import Dataset, DatasetError, dataset_open
from retrieval.evaluation.leakage import leakage_in_words
from retrieval.evaluation.questions import Question, questions_read


class Command(BaseCommand):
    """With ``--model`` an installed version, through the running servers; the result is kept.

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
        data.add_argument("--collection", type=UUID, help="the assets of this collection")
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
            help="with --collection: CSV with the columns query and asset (an id); "
            "without it titles are asked",
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--model", metavar="REF", help="an installed version, active or not")
        which.add_argument(
            "--bundle", type=Path, default=BUILTIN, help="a folder; default: the built-in one"
        )
        parser.add_argument(
            "--against", metavar="REF", help="compare with this one, not the one in use"
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

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the result as JSON, and what it means on standard error."""
        if options["collection"] and not options["model"]:
            raise CommandError("--collection needs --model REF.")
        if options["targets"] and (options["collection"] or options["model"]):
            raise CommandError("--targets needs --dataset, and measures a bundle's folder.")
        try:
            if options["leakage"]:
                result = self._leakage(options)
            else:
                result = self._served(options) if options["model"] else self._local(options)
        except DatasetError as error:
            raise CommandError(f"The dataset cannot be used: {error}") from error
        except BundleError as error:
            raise CommandError(f"The model cannot be used: {error.reason}") from error
        except RetrievalError as error:
            raise CommandError(error.detail) from None
        text = json.dumps(result, indent=1)
        self.stdout.write(text)
        if options["json"]:
            options["json"].write_text(text + "\n", encoding="utf-8")

    def _local(self, options: dict[str, Any]) -> dict[str, Any]:
        os.environ["HF_HUB_OFFLINE"] = "1"
        from retrieval.encoders.registry import load_bundle
        from retrieval.evaluation.run import evaluate

        dataset = self._dataset(options)
        bundle = load_bundle(options["bundle"])
        if options["targets"]:
            from retrieval.evaluation.across import WORDS, across, words_read

            return across(
                bundle,
                dataset,
                dataset_open(self._path(options["targets"])),
                words=words_read(options["words"] or WORDS),
                progress=self._progress,
            )
        result = evaluate(bundle, options["bundle"], dataset, progress=self._progress)
        try:
            from retrieval.services.evaluation import local_result_keep

            run = local_result_keep(
                folder=options["bundle"], result=result, own_data=not options["public"]
            )
        except (DatabaseError, ImproperlyConfigured):
            run = None
        return result if run is None else {"evaluation": str(run.pk), **result}

    def _served(self, options: dict[str, Any]) -> dict[str, Any]:
        from retrieval.services.evaluation import collection_evaluate, dataset_evaluate

        if options["collection"]:
            made = collection_evaluate(
                collection_id=options["collection"],
                ref=options["model"],
                questions=self._questions(options["queries"]),
                against=options["against"],
                progress=self._progress,
            )
        else:
            made = dataset_evaluate(
                dataset=self._dataset(options),
                ref=options["model"],
                against=options["against"],
                own_data=not options["public"],
                progress=self._progress,
            )
        result: dict[str, Any] = made.candidate.result
        for line in _in_words(result):
            self.stderr.write(line)
        return {"evaluation": str(made.candidate.pk), **result}

    def _leakage(self, options: dict[str, Any]) -> dict[str, Any]:
        from retrieval.selectors.models import active_models
        from retrieval.services.leakage import leakage_evaluate

        reads = [model.ref for model in active_models() if "text" in model.modalities]
        ref = options["model"] or next(iter(reads), None)
        if ref is None:
            raise CommandError("No model in use reads text; name one with --model.")
        run = leakage_evaluate(ref=ref, profile=options["profile"], progress=self._progress)
        result: dict[str, Any] = run.result
        for found in result["leakage"].values():
            self.stderr.write(leakage_in_words(found))
        return {"evaluation": str(run.pk), **result}

    def _dataset(self, options: dict[str, Any]) -> Dataset:
        try:
            where = dict(pair.split("=", 1) for pair in options["where"])
        except ValueError as error:
            raise CommandError("--where is COLUMN=VALUE") from error
        if options["fold"]:
            where["fold"] = options["fold"]
        return dataset_open(self._path(options["dataset"]), where=where)

    def _path(self, given: str) -> Path:
        path = Path(given)
        if not path.exists():
            named = settings.PATHS.data / "datasets" / given
            path = next((p for p in (named, Path(f"{named}.tar")) if p.exists()), path)
        if not path.exists():
            raise CommandError(f"There is no dataset at {given}.")
        return path

    def _questions(self, path: Path | None) -> list[Question] | None:
        if path is None:
            return None
        try:
            return questions_read(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read as text.") from error

    def _progress(self, done: int, of: int) -> None:
        self.stderr.write(f"\r{done} of {of} embedded", ending="\n" if done == of else "")


def _in_words(result: dict[str, Any]) -> list[str]:
    """The comparison and the findings, a line each."""
    lines = []
    comparison: dict[str, Any] = result.get("comparison", {})
    for name, pair in comparison.get("pairs", {}).items():
        mine, theirs, by = pair["candidate"], pair["present"], pair["difference"]
        lines.append(
            f"{name}: {pair['figure']} {mine['value']:.3f} against {theirs['value']:.3f} of "
            f"{comparison['against']}: {pair['verdict']} ({by['value']:+.3f}, 95 % interval "
            f"{by['low']:+.3f} to {by['high']:+.3f}, {pair['queries']} queries)"
        )
    lines += [
        f"{'Against it' if one['gates'] else 'Note'}: {one['code']} {one['where']}: {one['detail']}"
        for one in result["findings"]
    ]
    return lines or ["Nothing speaks against it."]
