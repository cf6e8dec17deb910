"""``models convert``: a bundle from a checkpoint or a folder of a usual library."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from retrieval.encoders.bundle import manifest_read
from retrieval.encoders.convert.draft import Request
from retrieval.encoders.convert.run import convert_in_child
from retrieval.encoders.errors import BundleError
from retrieval.management.model_verbs import Say, Verb


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, help="a .safetensors, .pt or .bin file, or a snapshot folder"
    )
    parser.add_argument("--out", type=Path, required=True, help="the bundle's folder, made new")
    parser.add_argument("--name", required=True, help="the bundle's name")
    parser.add_argument(
        "--version", dest="model_version", required=True, help="the bundle's version"
    )
    parser.add_argument("--space", default="", help="the space of its vectors; default: the name")
    parser.add_argument("--licence", default="", help="of the weights; default: as README.md says")
    parser.add_argument("--card", type=Path, help="the makers' model card; default: README.md")
    parser.add_argument(
        "--library",
        choices=["open_clip", "laion_clap", "sentence_transformers"],
        help="what the weights are for; default: as they look",
    )
    parser.add_argument("--architecture", help="open_clip's or laion-clap's name: ViT-B-32")
    parser.add_argument("--tag", help="open_clip's name of the weights, for their preprocessing")
    parser.add_argument("--config", type=Path, help="a JSON configuration of the architecture")
    parser.add_argument(
        "--text",
        "--roberta",
        "--tokenizer",
        dest="text",
        type=Path,
        metavar="FOLDER",
        help="config.json and tokenizer of a text branch that comes from transformers",
    )


def _convert(options: Mapping[str, Any], say: Say) -> None:
    request = Request(
        source=options["source"],
        out=options["out"],
        name=options["name"],
        version=options["model_version"],
        space=options["space"] or options["name"],
        licence=options["licence"].strip(),
        card=options["card"],
        library=options["library"],
        architecture=options["architecture"],
        tag=options["tag"],
        config=options["config"],
        text=options["text"],
    )
    try:
        convert_in_child(request)
        manifest = manifest_read(request.out)
    except BundleError as error:
        raise CommandError(f"Not converted: {error.reason}") from None
    towers = ", ".join(sorted(manifest.towers))
    say(f"{request.out}: {manifest.ref}, {manifest.dimension} dimensions, towers for {towers}.")
    say(f"Next: manage.py models sign {request.out} --key FILE")
    say(f"then: manage.py models install {request.out}")


VERBS = [
    Verb(
        name="convert",
        help="make a bundle of a checkpoint or a snapshot folder",
        arguments=_arguments,
        run=_convert,
    )
]
