"""``models rescue``."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from retrieval.management.model_verbs import Say, Verb
from retrieval.services.model_rescue import models_rescue


def _arguments(_: ArgumentParser) -> None:
    return


def _rescue(_: Mapping[str, Any], say: Say) -> None:
    for rescued in models_rescue():
        say(f"{rescued.gone} cannot be used any more: {rescued.why}")
        say(f"So {rescued.now} is in use instead.")
        say("Its vectors are being made: search finds more and more. See models progress.")


VERBS = [
    Verb(
        name="rescue",
        help="the shipped starter in the place of a model in use that cannot be loaded",
        arguments=_arguments,
        run=_rescue,
    )
]
