"""``models transcriber``: a Whisper model by which spoken personal data is found."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrieval.management.model_verbs import Say, Verb
from retrieval.services.transcribers import transcriber_install, transcriber_installed


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "path", type=Path, nargs="?", help="folder of a Whisper model in CTranslate2's form"
    )
    parser.add_argument("--name", default="", help="what it is called here (default: the folder's)")


def _run(options: Mapping[str, Any], say: Say) -> None:
    if options["path"] is not None:
        source = options["path"].resolve()
        made = transcriber_install(source=source, name=options["name"] or source.name.lower())
        say(f"{made.name} ({made.digest}) is installed; restart the redaction server to use it.")
        return
    bundle = transcriber_installed(name=options["name"])
    if bundle is None:
        say("No transcriber is installed: speech is muted whole or refused, as profiles say.")
        return
    size = sum(map(len, bundle.files.values())) / 1_000_000
    say(f"{bundle.name} ({bundle.digest}), {size:.1f} MB: every file is as it was installed.")


VERBS = [
    Verb(
        name="transcriber",
        help="install a Whisper model for spoken personal data, or check the installed one",
        arguments=_arguments,
        run=_run,
    )
]
