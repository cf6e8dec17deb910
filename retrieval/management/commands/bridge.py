"""``manage.py bridge``: join the spaces of two models, such as CLIP's and CLAP's."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.bridges import METHODS
from retrieval.errors import RetrievalError
from retrieval.evaluation.datasets import DatasetError
from retrieval.services.bridge_data import LabelledData, labelled_data


class Command(BaseCommand):
    """See the module."""

    help = "Learn, list, measure and remove bridges between the spaces of two models."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb, as ``manage.py bridge VERB``."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        learn = verbs.add_parser("learn", help="learn a bridge from texts that both models encode")
        self._ends(learn)
        learn.add_argument(
            "--texts", type=Path, nargs="+", default=[], help="files of your own, a text a line"
        )
        learn.add_argument(
            "--only-texts", action="store_true", help="leave the captions that ship out"
        )
        self._labelled(learn)
        learn.add_argument(
            "--methods",
            nargs="+",
            choices=METHODS,
            help="default: all with --labelled, closed forms without",
        )
        learn.add_argument("--one-way", action="store_true", help="not the other direction too")
        measure = verbs.add_parser("measure", help="measure a bridge on labelled pairs; the gaps")
        self._ends(measure)
        self._labelled(measure)
        verbs.add_parser("list", help="bridges and gaps, with what was measured")
        self._ends(verbs.add_parser("remove", help="take a bridge away"))
        prove = verbs.add_parser(
            "prove", help="train two separate small spaces, join them, print the ablation"
        )
        prove.add_argument("--data", type=Path, required=True, help="folder with the datasets")
        prove.add_argument("--work", type=Path, required=True, help="where results are kept")

    def handle(self, *_: Any, **options: Any) -> None:
        """Runs the verb; errors are one sentence and exit code 1."""
        os.environ["HF_HUB_OFFLINE"] = "1"
        try:
            getattr(self, f"_{options['verb']}")(options)
        except RetrievalError as error:
            raise CommandError(error.detail) from None

    @staticmethod
    def _ends(parser: ArgumentParser) -> None:
        parser.add_argument("source", help="name@version of one model")
        parser.add_argument("target", help="name@version of the other")

    @staticmethod
    def _labelled(parser: ArgumentParser) -> None:
        parser.add_argument(
            "--labelled",
            type=Path,
            nargs=2,
            metavar="DATASET",
            help="a labelled dataset of a modality of each, directory or tar",
        )
        parser.add_argument(
            "--words",
            type=Path,
            help="TOML: words in a caption that answer a label; default: sounds and photos",
        )
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help="only rows with this value, of the tables that have the column",
        )

    def _learn(self, options: dict[str, Any]) -> None:
        from retrieval.bridge_texts import default_captions, own_captions
        from retrieval.services.bridges import bridge_learn

        try:
            captions = own_captions(options["texts"])
        except (OSError, UnicodeDecodeError):
            raise CommandError("The texts cannot be read: files in UTF-8, a text a line.") from None
        if not options["only_texts"]:
            captions += default_captions()
        directions = [(options["source"], options["target"])]
        if not options["one_way"]:
            directions.append((options["target"], options["source"]))
        for source, target in directions:
            self.stdout.write(f"{source} -> {target}: {len(captions)} texts")
            row = bridge_learn(
                source=source,
                target=target,
                captions=captions,
                labelled=self._data(source, target, options).pairs,
                methods=options["methods"],
                said=lambda tried: self.stdout.write(f"  {_line(tried.to_json())}"),
            )
            self.stdout.write(f"kept: {_line(row.figures['chosen'])}")
            self._said_how_sure(row.calibrations)

    def _said_how_sure(self, calibrations: list[dict[str, Any]]) -> None:
        for pair in calibrations:
            name = f"  {pair['query_modality']} -> {pair['target_modality']}:"
            if pair["basis"] == "labelled":
                self.stdout.write(f"{name} calibrated on labelled pairs ({pair['fitted_on']})")
            else:
                self.stdout.write(
                    f"{name} certainty guessed from texts alone; hits are never called a match. "
                    "Give --labelled to calibrate it."
                )
        if not calibrations:
            self.stdout.write(
                "  nothing could be calibrated: hits get probability 0 and are never called a match"
            )

    def _measure(self, options: dict[str, Any]) -> None:
        from retrieval.services.bridges import bridge_get, bridge_measure, gaps_measure

        source, target = options["source"], options["target"]
        row = bridge_get(source=source, target=target)
        data = self._data(source, target, options)
        for name, figures in bridge_measure(row=row, labelled=data.pairs).items():
            found = ", ".join(f"{key} {value}" for key, value in figures.items())
            self.stdout.write(f"{name}: {found}")
        for ref in (source, target):
            for gap in gaps_measure(ref=ref, retrieval=data.gaps.get(ref)):
                self.stdout.write(f"gap of {ref}, {gap.modality} to text: {_gap(gap.figures)}")

    def _list(self, _: dict[str, Any]) -> None:
        from retrieval.models import ModelVersion
        from retrieval.selectors.bridges import bridge_list, gap_list

        rows = bridge_list()
        for row in rows:
            active = ModelVersion.Status.ACTIVE
            used = row.source.status == active and row.target.status == active
            self.stdout.write(
                f"{row.ref:<40} {'in use' if used else 'at rest'}  {_line(row.figures['chosen'])} "
                f"({row.texts} texts)"
            )
            self._said_how_sure(row.calibrations)
        for gap in gap_list():
            self.stdout.write(
                f"gap of {gap.model_version.ref}, {gap.modality} to text: {_gap(gap.figures)}"
            )
        if not rows:
            self.stdout.write("There is no bridge; learn one with: manage.py bridge learn A@v B@v")

    def _remove(self, options: dict[str, Any]) -> None:
        from retrieval.services.bridges import bridge_remove

        bridge_remove(source=options["source"], target=options["target"])
        self.stdout.write(f"The bridge {options['source']} -> {options['target']} is removed.")

    def _prove(self, options: dict[str, Any]) -> None:
        from retrieval.alignment.bridge_proof import bridge_prove
        from retrieval.alignment.teachers import TeacherUnavailableError

        try:
            for line in bridge_prove(options["data"], options["work"]):
                self.stdout.write(line)
                self.stdout.flush()
        except (OSError, TeacherUnavailableError) as error:
            raise CommandError(str(error)) from None

    def _data(self, source: str, target: str, options: dict[str, Any]) -> LabelledData:
        if not options["labelled"]:
            return LabelledData()

        try:
            return labelled_data(
                source=source,
                target=target,
                paths=options["labelled"],
                words=options["words"],
                where=dict(pair.split("=", 1) for pair in options["where"]),
            )
        except DatasetError as error:
            raise CommandError(f"A dataset cannot be used: {error}") from None
        except (OSError, ValueError) as error:
            raise CommandError(f"The labels cannot be used: {error}") from None


def _line(figures: dict[str, Any]) -> str:
    pairs = "".join(f", {name} precision@10 {value}" for name, value in figures["pairs"].items())
    how = "centred" if figures["centred"] else "as they are"
    return f"{figures['method']:<10} {how:<11} texts MRR {figures['texts_mrr']}{pairs}"


def _gap(figures: dict[str, Any]) -> str:
    found = (
        f"centroids {figures['distance']} apart, {figures['distance_centred']} once centred; "
        f"{figures['separable']:.0%} told apart by it"
    )
    if "mrr" in figures:
        found += f"; texts find theirs at MRR {figures['mrr']}, centred {figures['mrr_centred']}"
    return found
