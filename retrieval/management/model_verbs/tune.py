"""``models tune``: what is fastest for a bundle on this machine."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from retrieval.encoders.runtime.choice import Record, Trial, record_path, record_read
from retrieval.errors import Invalid
from retrieval.management.model_verbs import Say, Verb
from retrieval.selectors.models import model_list
from retrieval.services.model_tune import model_is_tuned, model_tune

_SECONDS = 60.0
_BUILTIN_SECONDS = 15.0  # the starter's towers are small; a first start should be short
_SAMPLES = Path(__file__).resolve().parents[3] / "deploy" / "demo" / "items"


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", nargs="*", help="name@version; all if left out")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="to measure for")
    parser.add_argument("--slow", action="store_true", help="also compile; takes minutes")
    parser.add_argument("--show", action="store_true", help="print what was measured; do nothing")
    parser.add_argument("--if-needed", action="store_true", help="only what this machine has not")


def _run(options: Mapping[str, Any], say: Say) -> None:
    for ref in options["ref"] or [version.ref for version in model_list()]:
        if options["show"]:
            record = record_read(record_path(settings.PATHS.models, ref))
        elif options["if_needed"] and model_is_tuned(ref=ref):
            continue
        else:
            record = model_tune(
                ref=ref, seconds=options["seconds"], slow=options["slow"], samples=_samples()
            )
        if record is None:
            say(f"{ref} was never tuned here: its towers compute as they are loaded.")
        else:
            record_say(ref, record, say)


def installed_tune(ref: str, say: Say, *, builtin: bool = False) -> None:
    """What an installation ends with: tunes a version that this machine has no record of.

    An appliance whose model was not tuned answers as rightly, only slower.
    """
    if model_is_tuned(ref=ref):
        return
    seconds = _BUILTIN_SECONDS if builtin else _SECONDS
    try:
        record = model_tune(ref=ref, seconds=seconds, samples=_samples())
    except Invalid as error:
        say(error.detail)
        return
    chosen = ", ".join(f"{modality} {choice.name}" for modality, choice in record.choices.items())
    say(f"Fastest here, found in {record.seconds:.0f} s: {chosen}.")


def record_say(ref: str, record: Record, say: Say) -> None:
    """Prints what was measured, and what won."""
    stale = "" if model_is_tuned(ref=ref) else "; of another machine, not used"
    say(f"{ref}: measured in {record.seconds:.0f} s{stale}")
    for modality, choice in record.choices.items():
        say(f"  {modality}: {choice.name}")
        for trial in record.trials.get(modality, ()):
            say(f"    {trial.choice.name:<20} {_found(trial)}")


def _samples() -> Path | None:
    return _SAMPLES if _SAMPLES.is_dir() else None


def _found(trial: Trial) -> str:
    if trial.refused:
        return trial.refused
    return (
        f"one {trial.one_ms:8.1f} ms ({trial.one_times:4.1f} x), of a batch "
        f"{trial.each_ms:8.1f} ms ({trial.each_times:4.1f} x), "
        f"{trial.weight_bytes / 1e6:7.1f} MB, cosine {trial.cosine:.5f}"
    )


VERBS = [
    Verb(
        name="tune",
        help="measure what is fastest on this machine, and use it",
        arguments=_arguments,
        run=_run,
    )
]
