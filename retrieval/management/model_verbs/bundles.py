"""``models list``, ``install``, ``verify``, ``remove``."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from retrieval.encoders.bundle import bundle_folder
from retrieval.encoders.errors import BundleError
from retrieval.management.model_verbs import Say, Verb
from retrieval.management.model_verbs.tune import installed_tune
from retrieval.models import ModelVersion
from retrieval.selectors.models import model_list
from retrieval.services.models import model_install, model_remove, model_verify

_KEY_DIGITS = 16
_LINE = 100


def _no_arguments(_: ArgumentParser) -> None:
    return


def _list(_: Mapping[str, Any], say: Say) -> None:
    versions = model_list()
    for version in versions:
        say(f"{version.ref:<30} {version.status:<10} {_signature(version)}")
        say(
            f"    space {version.space_id} ({version.space.dimension} dimensions), "
            f"{', '.join(version.modalities)}; {_size(version.ref)}; "
            f"licence: {_one_line(version.manifest.get('licence', ''))}"
        )
    if not versions:
        say("No model is installed; begin with: manage.py models install --builtin")


def _signature(version: ModelVersion) -> str:
    if version.signed:
        return f"signed by {version.signer[:_KEY_DIGITS]}"
    return f"not signed: {_one_line(version.unsigned_reason)}"


def _size(ref: str) -> str:
    try:
        folder = bundle_folder(ref, models_dir=settings.PATHS.models)
    except BundleError:
        return "files are gone"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{size / 1_000_000:.1f} MB"


def _one_line(text: str) -> str:
    """The beginning of a text that came with a bundle, fit to be printed on a terminal."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"


def _install_arguments(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("path", nargs="?", type=Path, help="a bundle's folder, or a tar of one")
    source.add_argument("--builtin", action="store_true", help="the starter that ships")
    parser.add_argument(
        "--unsigned", action="store_true", help="take it without a trusted signature"
    )
    parser.add_argument("--reason", default="", help="why it is trusted; recorded")
    parser.add_argument("--no-tune", action="store_true", help="measure nothing: see models tune")


def _install(options: Mapping[str, Any], say: Say) -> None:
    if options["unsigned"] != bool(options["reason"].strip()):
        raise CommandError("--unsigned and --reason WHY belong together; the reason is recorded.")
    if options["builtin"]:
        version = model_install("builtin")
    else:
        version = model_install(options["path"], unsigned_reason=options["reason"])
    say(f"{version.ref} is installed ({version.status}), {_signature(version)}.")
    if not options["no_tune"]:
        installed_tune(version.ref, say, builtin=options["builtin"])
    if version.status == version.Status.INSTALLED:
        say("Next, see retrieval/encoders/README.md:")
        say(f"  manage.py models reembed {version.ref} --wait")
        say(f"  manage.py models fit {version.ref} --dataset DIR")
        say(f"  manage.py evaluate --model {version.ref} --dataset DIR")
        say(f"  manage.py models promote {version.ref}")


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", nargs="*", help="name@version; all if left out")


def _verify(options: Mapping[str, Any], say: Say) -> None:
    for ref in options["ref"] or [version.ref for version in model_list()]:
        signer = model_verify(ref=ref)
        by = f"signed by {signer[:_KEY_DIGITS]}" if signer else "not signed"
        say(f"{ref}: every file is what was installed; {by}.")


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
        help="check installed files against their hashes and signatures",
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
