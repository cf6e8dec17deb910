"""``python -m deploy.setup COMMAND …``: checks, environment, then the command inside it."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from deploy.paths import ROOT, Paths
from deploy.setup.environment import Environment, SetupError
from deploy.setup.offline import BundleRefusal, check
from deploy.setup.preflight import GIB, look, refusals
from deploy.supervisor.errors import StartError
from deploy.supervisor.options import check_port, parse_down, parse_up

# Measured with torch 2.13.0: the environment is 2.3 GB with its CPU build (3 GB once bytecode is
# written) and 6.1 GB with its CUDA build, and pip keeps 0.9 or 3 GB of wheels while it installs.
ENVIRONMENT_BYTES = 6 * GIB
CUDA_ENVIRONMENT_BYTES = 10 * GIB
MODULES = {
    "up": "deploy.supervisor",
    "down": "deploy.supervisor",
    "test": "deploy.checks",
    "lint": "deploy.checks",
    "bench": "deploy.benchmarks",
    "lock": "deploy.setup.lock",
    "bundle": "deploy.setup.bundle",
}


def main(argv: list[str]) -> int:
    """Exit status 1 with a sentence for each refusal; does not return when all is well."""
    command, arguments = argv[0], argv[1:]
    environment = Environment(ROOT, with_dev=command in {"test", "lint", "lock"})
    try:
        _check_arguments(command, arguments, first_time=not environment.complete())
        if command == "down" and not environment.complete():
            print("Vitrine is not running: nothing is installed here.")
            return 0
        _prepare(command, arguments, environment)
    except (SetupError, StartError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the next start goes on from here.", file=sys.stderr)
        return 130
    return _hand_over(str(environment.python), ["-m", MODULES[command], command, *arguments])


def _check_arguments(command: str, arguments: list[str], *, first_time: bool) -> None:
    """Refuse wrong arguments, or print help and exit, before minutes are spent on libraries."""
    if command == "up":
        options = parse_up(arguments)
        if first_time:
            check_port(options)
    elif command == "down":
        parse_down(arguments)


def _prepare(command: str, arguments: list[str], environment: Environment) -> None:
    """Check the machine, then make the environment.

    Raises:
        SetupError: with one sentence for each thing that falls short.
    """
    options, _ = _parser().parse_known_args(arguments)
    start = Path(os.environ.get("VITRINE_START_DIR", "."))
    data = (start / (options.data or os.environ.get("VITRINE_DATA") or ROOT / "var")).resolve()
    machine = look(root=ROOT, data=data)
    found = refusals(
        machine,
        environment_bytes=0 if environment.complete() else _still_needed(environment),
        first_start=command == "up" and not Paths(data).postgres.exists(),
    )
    if found:
        raise SetupError("\n".join(found))
    if not environment.started() and machine.environment_disk_free < CUDA_ENVIRONMENT_BYTES:
        print(
            "Less than 10 GB of disk are free: enough for torch's CPU build only, so name an index "
            "that has it with PIP_EXTRA_INDEX_URL if yours has not.",
            file=sys.stderr,
        )
    offline = (start / options.offline).resolve() if options.offline else None
    if offline and not environment.complete():
        print(f"Checking every file of {offline}", file=sys.stderr, flush=True)
        try:
            check(offline, lock=environment.locks[0])
        except BundleRefusal as refusal:
            raise SetupError(str(refusal)) from None
    with _alone(ROOT):
        environment.ensure(offline=offline)


def _hand_over(python: str, arguments: list[str]) -> NoReturn:
    """Become ``python`` with ``arguments``."""
    sys.stdout.flush()
    os.environ["PYTHONNOUSERSITE"] = "1"
    os.execv(python, [python, *arguments])  # noqa: S606 - an argument list, no shell wanted


def _parser() -> argparse.ArgumentParser:
    """Only what set-up itself must know; the command reads its arguments again, in full."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data")
    parser.add_argument("--offline")
    return parser


def _still_needed(environment: Environment) -> int:
    """Bytes the libraries still need; a started environment was checked before it was begun."""
    return ENVIRONMENT_BYTES // 3 if environment.started() else ENVIRONMENT_BYTES


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Only one set-up at a time works on this clone; a second one waits, saying so."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another set-up of this clone to end", file=sys.stderr, flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
