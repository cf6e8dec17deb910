"""``models reembed`` and ``models progress``."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError

from retrieval import scope
from retrieval.management.model_verbs import Say, Verb
from retrieval.models import ReembedJob
from retrieval.selectors.reembed import ReembedStatus, reembed_list
from retrieval.services.reembed import (
    reembed_cancel,
    reembed_pause,
    reembed_resume,
    reembed_start,
    reembed_status,
)
from retrieval.services.reembed_run import reembed_run

_CHANGES = {"pause": reembed_pause, "resume": reembed_resume, "cancel": reembed_cancel}
_TELL_EVERY_SECONDS = 2.0


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="name@version")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--pause", action="store_true", help="stop after the batch in hand")
    how.add_argument("--resume", action="store_true", help="go on where it stopped or failed")
    how.add_argument("--cancel", action="store_true", help="give it up")
    parser.add_argument("--wait", action="store_true", help="return when it has ended")
    parser.add_argument(
        "--here", action="store_true", help="work in this process, without a worker"
    )
    parser.add_argument("--rate", type=float, help="segments a second at most")


def _reembed(options: Mapping[str, Any], say: Say) -> None:
    ref = options["ref"]
    change = next((name for name in _CHANGES if options[name]), None)
    if change is not None:
        _CHANGES[change](ref=ref, by=None)
    else:
        reembed_start(ref=ref, by=None, rate_limit=options["rate"])
    if change in {"pause", "cancel"}:
        say(_line(_job_status(ref)))
    elif options["wait"] or options["here"]:
        _follow(ref, say, here=options["here"])
    else:
        say(_line(_job_status(ref)))
        say("The workers go on with it; see manage.py models progress")


def _follow(ref: str, say: Say, *, here: bool) -> None:
    """Tells how far it is until it rests; ``here``: works itself in between."""
    tries = 0
    while (status := _job_status(ref)).state == ReembedJob.State.RUNNING:
        say(_line(status))
        if not here:
            time.sleep(_TELL_EVERY_SECONDS)
            continue
        again = reembed_run(job_id=_job_id(ref), seconds=_TELL_EVERY_SECONDS, tries=tries)
        tries = tries + 1 if again is not None and again.seconds else 0
        # None while it runs: a worker is at it, too.
        time.sleep(again.seconds if again is not None else _TELL_EVERY_SECONDS / 4)
    say(_line(status))
    if status.state == ReembedJob.State.DONE:
        say(f"{ref} is complete; next: manage.py models promote {ref}")
    elif status.state == ReembedJob.State.FAILED:
        raise CommandError(f"{ref} is not complete ({status.reason}).")


def _job_id(ref: str) -> Any:
    name, _, version = ref.partition("@")
    return ReembedJob.objects.values_list("id", flat=True).get(
        model_version__name=name, model_version__version=version
    )


def _job_status(ref: str) -> ReembedStatus:
    found = next((status for status in reembed_list() if status.ref == ref), None)
    if found is None:
        raise CommandError(f"The re-embedding of {ref} was taken away with the model.")
    return found


def _line(status: ReembedStatus) -> str:
    """One line for a person."""
    share = 100 * status.done / status.total if status.total else 100.0
    parts = [f"{status.ref:<30} {status.state:<10} {status.done}/{status.total} ({share:.0f} %)"]
    if status.state == ReembedJob.State.RUNNING:
        parts.append(f"{status.phase}, {status.rate:.1f}/s, duty {100 * status.duty:.0f} %")
        if status.eta_seconds is not None and status.phase == "embedding":
            parts.append(f"{_duration(status.eta_seconds)} left")
    if status.reason:
        parts.append(status.reason)
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _progress_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ref", nargs="?", help="name@version: counted exactly; all if left out")


def _progress(options: Mapping[str, Any], say: Say) -> None:
    if options["ref"]:
        status = reembed_status(ref=options["ref"])
        if status is None:
            raise CommandError("No re-embedding of such a model was begun.")
        say(_line(status))
        for problem in status.problems:
            say(f"  left out: asset {problem['asset']} ({problem['code']})")
        say("  every segment has its vector" if status.complete else "  vectors are missing")
        return
    with scope.system():
        jobs = reembed_list()
    for status in jobs:
        say(_line(status))
    if not jobs:
        say("No re-embedding was begun; begin with: manage.py models reembed NAME@VERSION")


VERBS = [
    Verb(
        name="reembed",
        help="fill a version's vectors beside live search",
        arguments=_arguments,
        run=_reembed,
    ),
    Verb(
        name="progress",
        help="how far re-embeddings are",
        arguments=_progress_arguments,
        run=_progress,
    ),
]
