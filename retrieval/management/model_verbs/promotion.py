"""``models fit``, ``promote``, ``rollback``."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from retrieval.evaluation.datasets import DatasetError, dataset_open
from retrieval.management.model_verbs import Say, Verb
from retrieval.services.model_fit import model_fit
from retrieval.services.promotion import promote, rollback


def _fit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="name@version")
    parser.add_argument("--dataset", type=Path, required=True, help="labelled: directory or tar")
    parser.add_argument(
        "--anew", action="store_true", help="drop the reference vectors of earlier fits"
    )


def _fit(options: Mapping[str, Any], say: Say) -> None:
    if not options["dataset"].exists():
        raise CommandError(f"There is no dataset at {options['dataset']}.")
    try:
        dataset = dataset_open(options["dataset"])
    except DatasetError as error:
        raise CommandError(f"The dataset cannot be used: {error}.") from error
    fitted = model_fit(ref=options["ref"], dataset=dataset, anew=options["anew"])
    for pair in fitted.pairs:
        say(
            f"{pair.asked} to {pair.target}: fitted on {pair.fit.queries} queries; calibration "
            f"error {pair.held_out:.3f} on {pair.held_queries} held out; a match from "
            f"{pair.fit.calibration.threshold:.2f}"
        )
    say(f"{fitted.ref} is calibrated; evaluate it again before it is promoted.")


def _promote_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="name@version")
    parser.add_argument("--collection", type=UUID, help="for this collection alone")
    parser.add_argument("--replaces", metavar="REF", help="an active model of another space")
    parser.add_argument("--force", action="store_true", help="although findings speak against it")
    parser.add_argument("--reason", default="", help="recorded; needed with --force")


def _promote(options: Mapping[str, Any], say: Say) -> None:
    done = promote(
        ref=options["ref"],
        collection=options["collection"],
        replaces=options["replaces"],
        by=None,
        force=options["force"],
        reason=options["reason"],
    )
    where = f" in collection {done.collection_id}" if done.collection_id else ""
    instead = f" instead of {done.replaced_ref}" if done.replaced_ref else ""
    say(f"{options['ref']} is in use{where}{instead}.")
    say(f"To go back: manage.py models rollback {options['ref']}" + _again(options))


def _rollback_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="name@version, as it was promoted")
    parser.add_argument("--collection", type=UUID, help="its promotion for this collection")
    parser.add_argument("--reason", default="", help="recorded")


def _rollback(options: Mapping[str, Any], say: Say) -> None:
    undone = rollback(
        ref=options["ref"],
        collection=options["collection"],
        by=None,
        reason=options["reason"],
    )
    back = (
        f"{undone.replaced_ref} is in use again."
        if undone.replaced_ref
        else "Nothing took its place."
    )
    say(f"{options['ref']} is not in use any more. {back}")


def _again(options: Mapping[str, Any]) -> str:
    return f" --collection {options['collection']}" if options["collection"] else ""


VERBS = [
    Verb(
        name="fit",
        help="calibrate a model on labelled pairs",
        arguments=_fit_arguments,
        run=_fit,
    ),
    Verb(
        name="promote",
        help="put an evaluated version in use",
        arguments=_promote_arguments,
        run=_promote,
    ),
    Verb(
        name="rollback",
        help="undo a promotion at once",
        arguments=_rollback_arguments,
        run=_rollback,
    ),
]
