"""``models install-names``: a name model for redaction, used instead of the one that ships."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from retrieval.management.model_verbs import Say, Verb
from retrieval.redaction.ner import installed
from retrieval.redaction.ner.manifest import NamesBundleError


def _arguments(parser: ArgumentParser) -> None:
    from pathlib import Path

    parser.add_argument("folder", type=Path, help="a spaCy pipeline, or an exported classifier")
    parser.add_argument("--name", required=True, help="small letters, digits, dots and dashes")


def _install(options: Mapping[str, Any], say: Say) -> None:
    try:
        folder = installed.install(
            options["folder"], models=settings.PATHS.models, name=options["name"]
        )
    except NamesBundleError as error:
        raise CommandError(f"Not installed: {error}.") from None
    except OSError as error:
        raise CommandError(f"Not installed: {error.strerror}.") from None
    say(f"{folder}: used from the redaction server's next start.")
    say("What it finds by language is not measured here: languages stay those of our own model.")


VERBS = [
    Verb(
        name="install-names",
        help="install a spaCy pipeline or an ONNX token classifier for redaction",
        arguments=_arguments,
        run=_install,
    )
]
