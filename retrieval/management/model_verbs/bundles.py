"""``models list``, ``install``, ``verify``, ``remove``."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from retrieval.management.model_verbs import Say, Verb
from retrieval.selectors.models import model_list
from retrieval.services.models import model_install, model_remove, model_verify


def _no_arguments(_: ArgumentParser) -> None:
    return


def _list(_: Mapping[str, Any], say: Say) -> None:
    versions = model_list()
    for version in versions:
        modalities = ",".join(version.modalities)
        say(
            f"{version.ref:<30} {version.status:<10} space {version.space_id} "
            f"({version.space.dimension} dimensions) {modalities}"
        )
    if not versions:
        say("No model is installed; begin with: manage.py models install --builtin")


def _install_arguments(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("path", nargs="?", type=Path, help="a bundle's folder")
    source.add_argument("--builtin", action="store_true", help="the starter that ships")
    parser.add_argument("--unsigned", action="store_true", help="take it without a signature")
    parser.add_argument("--reason", default="", help="why it is trusted; recorded")


def _install(options: Mapping[str, Any], say: Say) -> None:
    if options["builtin"]:
        version = model_install("builtin")
    else:
        if not options["unsigned"]:
            raise CommandError(
                "Signatures cannot be checked yet; take it with --unsigned --reason WHY"
            )
        version = model_install(options["path"], unsigned_reason=options["reason"])
    say(f"{version.ref} is installed ({version.status}).")


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", nargs="*", help="name@version; all if left out")


def _verify(options: Mapping[str, Any], say: Say) -> None:
    for ref in options["ref"] or [version.ref for version in model_list()]:
        model_verify(ref=ref)
        say(f"{ref}: every file is what was installed.")


def _remove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="name@version")


def _remove(options: Mapping[str, Any], say: Say) -> None:
    model_remove(ref=options["ref"])
    say(f"{options['ref']} is removed.")


VERBS = [
    Verb(name="list", help="what is installed", arguments=_no_arguments, run=_list),
    Verb(
        name="install",
        help="verify a bundle and take it in",
        arguments=_install_arguments,
        run=_install,
    ),
    Verb(
        name="verify",
        help="check installed files against their hashes",
        arguments=_verify_arguments,
        run=_verify,
    ),
    Verb(
        name="remove",
        help="take a version away with its vectors",
        arguments=_remove_arguments,
        run=_remove,
    ),
]
