"""``manage.py models VERB``: everything about encoder bundles; see ``model_verbs``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.errors import RetrievalError
from retrieval.management.model_verbs import verbs


class Command(BaseCommand):
    """See the module."""

    help = "Convert, sign, install, verify, list, promote and remove encoder bundles."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb, as ``manage.py models VERB``."""
        choice = parser.add_subparsers(dest="verb", required=True)
        for verb in verbs().values():
            verb.arguments(choice.add_parser(verb.name, help=verb.help))

    def handle(self, *_: Any, **options: Any) -> None:
        """Runs the verb; errors are one sentence and exit code 1."""
        try:
            verbs()[options["verb"]].run(options, self.stdout.write)
        except RetrievalError as error:
            fields = " ".join(" ".join(one) for one in error.fields.values())
            raise CommandError(f"{error.detail} {fields}".strip()) from None
