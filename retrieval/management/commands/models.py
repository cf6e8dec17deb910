"""``manage.py models``: list, install, verify and remove encoder bundles."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.errors import RetrievalError
from retrieval.selectors.models import model_list
from retrieval.services.models import model_install, model_remove, model_verify


class Command(BaseCommand):
    """See the module."""

    help = "List, install, verify and remove encoder bundles."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb, as ``manage.py models VERB``."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="what is installed")
        install = verbs.add_parser("install", help="verify a bundle and take it in")
        source = install.add_mutually_exclusive_group(required=True)
        source.add_argument("path", nargs="?", type=Path, help="a bundle's folder")
        source.add_argument("--builtin", action="store_true", help="the starter that ships")
        install.add_argument("--unsigned", action="store_true", help="take it without a signature")
        install.add_argument("--reason", default="", help="why it is trusted; recorded")
        verify = verbs.add_parser("verify", help="check installed files against their hashes")
        verify.add_argument("ref", nargs="*", help="name@version; all if left out")
        remove = verbs.add_parser("remove", help="take a version away with its vectors")
        remove.add_argument("ref", help="name@version")

    def handle(self, *_: Any, **options: Any) -> None:
        """Runs the verb; errors are one sentence and exit code 1."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except RetrievalError as error:
            fields = " ".join(" ".join(one) for one in error.fields.values())
            raise CommandError(f"{error.detail} {fields}".strip()) from None

    def _list(self, _: dict[str, Any]) -> None:
        versions = model_list()
        for version in versions:
            modalities = ",".join(version.modalities)
            self.stdout.write(
                f"{version.ref:<30} {version.status:<10} space {version.space_id} "
                f"({version.space.dimension} dimensions) {modalities}"
            )
        if not versions:
            self.stdout.write(
                "No model is installed; begin with: manage.py models install --builtin"
            )

    def _install(self, options: dict[str, Any]) -> None:
        if options["builtin"]:
            version = model_install("builtin")
        else:
            if not options["unsigned"]:
                raise CommandError(
                    "Signatures cannot be checked yet; take it with --unsigned --reason WHY"
                )
            version = model_install(options["path"], unsigned_reason=options["reason"])
        self.stdout.write(f"{version.ref} is installed ({version.status}).")

    def _verify(self, options: dict[str, Any]) -> None:
        refs = options["ref"] or [version.ref for version in model_list()]
        for ref in refs:
            model_verify(ref=ref)
            self.stdout.write(f"{ref}: every file is what was installed.")

    def _remove(self, options: dict[str, Any]) -> None:
        model_remove(ref=options["ref"])
        self.stdout.write(f"{options['ref']} is removed.")
