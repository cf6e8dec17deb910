"""The figures: how long a receipt takes, how long readers wait, and what is found afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from deploy.benchmarks.erasure.asking import AT_ONCE
from deploy.benchmarks.figures import Figure, percentile
from deploy.embedded.__main__ import running
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths

SUBJECTS = 500
_STOP_SECONDS = 60
_WORKERS = "2"
_MOST_SECONDS = 60.0


def run(*, subjects: int = SUBJECTS) -> list[Figure]:
    """All figures, on a database, a queue and workers of the benchmark's own.

    Raises:
        subprocess.CalledProcessError, RuntimeError: a part did not start or failed.
    """
    with _place() as env:
        people = _told(env, "filling", ["--subjects", str(subjects)])
        _say(f"{len(people)} people are in, every second one will be erased")
        before = _told(env, "sweeping", given={"people": people, "tokens": False})["vectors"]
        erased = [person["subject"] for person in people if person["erased"]]
        with _workers(env):
            asked = _told(env, "asking", given=erased)
        _say(f"states {asked['states']}, not reached: {asked['not_reached'] or 'nothing'}")
        swept = _told(env, "sweeping", given={"people": people, "tokens": True})
    for found in (swept["tokens"], swept["vectors"]):
        for line in found["where"]:
            _say(f"FOUND {line}")
    for line in swept["tokens"]["failures"]:
        _say(f"NOT SEARCHED {line}")
    return [*_receipt_figures(asked, subjects), *_swept_figures(before, swept, subjects)]


def _receipt_figures(asked: dict[str, Any], subjects: int) -> list[Figure]:
    waited, reads = asked["approved_to_receipt"], [1000 * one for one in asked["reads"]]
    held = [name for name, count in asked["stores"].items() if count]
    return [
        Figure("subjects erased", len(waited), "", target=subjects, at_least=True),
        Figure("receipts whose signature holds", asked["signed"], "", subjects, at_least=True),
        Figure("receipts proven in the ledger", asked["proven"], "", subjects, at_least=True),
        Figure("stores that held something", len(held), f"of {len(asked['stores'])}"),
        Figure("left in stores, by receipts", asked["left"], "", target=0),
        Figure("asking for one", asked["ask_seconds"], "s"),
        Figure("approved at once", min(AT_ONCE, subjects), ""),
        Figure("all of them", asked["total_seconds"], "s"),
        Figure(
            "all of them / subjects", asked["total_seconds"] / subjects, "s", divided_by="subjects"
        ),
        Figure("approval to receipt, median", percentile(waited, 0.5), "s"),
        Figure("approval to receipt, longest", max(waited), "s", target=_MOST_SECONDS),
        Figure("erased to receipt, longest", max(asked["erased_to_receipt"]), "s", _MOST_SECONDS),
        Figure("scrubbings for all of them", asked["scrubs"], ""),
        Figure("longest lock of a table", asked["locked_ms"], "ms"),
        Figure("a reader beside it, p99", percentile(reads, 0.99), "ms"),
        Figure("a reader beside it, longest", max(reads), "ms"),
    ]


def _swept_figures(before: dict[str, Any], swept: dict[str, Any], subjects: int) -> list[Figure]:
    tokens, vectors = swept["tokens"], swept["vectors"]
    return [
        Figure("bytes searched for tokens", tokens["bytes"] / 1e6, "MB"),
        Figure("erased tokens looked for", tokens["erased"], ""),
        Figure("erased tokens found", tokens["erased_found"], "", target=0),
        Figure("kept tokens looked for", tokens["kept"], ""),
        Figure(
            "kept tokens found (control)",
            tokens["kept_found"],
            "",
            tokens["kept"] - tokens["sealed"],
            at_least=True,
        ),
        Figure("planted controls missed", tokens["controls_missed"], "", target=0),
        Figure(
            "people's vectors found before", before["erased_found"], "", subjects, at_least=True
        ),
        Figure("erased people's vectors found", vectors["erased_found"], "", target=0),
        Figure(
            "kept people's vectors (control)", vectors["kept_found"], "", subjects, at_least=True
        ),
    ]


@contextmanager
def _place() -> Iterator[dict[str, str]]:
    """The environment of a fresh database with every migration and the starter's table."""
    with ExitStack() as stack:
        above = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-bench-"))
        paths = Paths(Path(above) / "data")
        stack.callback(remove_outside, paths)
        env = {
            **os.environ,
            **stack.enter_context(running(paths)),
            "DJANGO_SETTINGS_MODULE": "deploy.settings",
            "OMP_NUM_THREADS": "1",
        }
        for role, *command in (
            ("owner", "migrate", "--verbosity", "0"),
            ("owner", "setup_roles"),
            ("", "models", "install", "--builtin", "--no-tune"),
        ):
            subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=env | ({"VITRINE_DB_ROLE": role} if role else {}),
                stdout=sys.stderr,
                check=True,
            )
        yield env


@contextmanager
def _workers(env: dict[str, str]) -> Iterator[None]:
    """Celery's workers as the appliance has them, and the process that chains the ledger."""
    celery = [sys.executable, "-m", "celery", "-A", "deploy.celery", "worker", "-Q", "housekeeping"]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    with ExitStack() as stack:
        for command in (
            [*celery, "--concurrency", _WORKERS, "-n", "bench@%h", *quiet],
            [sys.executable, "manage.py", "ledger", "chain"],
        ):
            process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
            stack.callback(_ended, process)
        yield


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _told(
    env: dict[str, str], module: str, arguments: list[str] | None = None, *, given: Any = None
) -> Any:
    """What a module of this package says as JSON on the last line of its standard output."""
    began = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-m", f"deploy.benchmarks.erasure.{module}", *(arguments or [])],
        cwd=ROOT,
        env=env,
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    _say(f"{module}: {time.monotonic() - began:.1f} s")
    return json.loads(answer.stdout.splitlines()[-1])


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
