"""``python -m deploy.setup COMMAND …``: checks, environment, then the command inside it."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.paths import ROOT, Paths
from deploy.setup.environment import Environment, SetupError
from deploy.setup.preflight import GIB, look, refusals

# Measured: the whole environment and pip's scratch copies, CPU build of torch and CUDA build.
ENVIRONMENT_BYTES = 6 * GIB
MODULES = {
    "up": "deploy.supervisor",
    "down": "deploy.supervisor",
    "test": "deploy.checks",
    "lint": "deploy.checks",
    "bench": "deploy.benchmarks",
    "lock": "deploy.setup.lock",
}


def main(argv: list[str]) -> int:
    """Exit status 1 with a sentence for each refusal; does not return when all is well."""
    command, arguments = argv[0], argv[1:]
    options, _ = _parser().parse_known_args(arguments)
    start = Path(os.environ.get("VITRINE_START_DIR", "."))
    data = Path(options.data or os.environ.get("VITRINE_DATA") or ROOT / "var")
    data = (start / data).resolve()
    environment = Environment(ROOT, with_dev=command in {"test", "lint", "lock"})
    if any(flag in arguments for flag in ("-h", "--help")) and not environment.complete():
        print("The command explains itself once the environment is made: start deploy/up.")
        return 0
    if command == "down" and not environment.complete():
        print("Vitrine is not running: nothing is installed here.")
        return 0
    found = refusals(
        look(root=ROOT, data=data),
        environment_bytes=0 if environment.complete() else _still_needed(environment),
        first_start=command == "up" and not Paths(data).postgres.exists(),
    )
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    offline = (start / options.offline).resolve() if options.offline else None
    if offline and not (offline / "wheels").is_dir():
        print(f"{offline} is no bundle: it has no folder `wheels`.", file=sys.stderr)
        return 1
    try:
        with _alone(ROOT):
            environment.ensure(offline=offline)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the next start goes on from here.", file=sys.stderr)
        return 130
    sys.stdout.flush()
    os.environ["PYTHONNOUSERSITE"] = "1"
    python = str(environment.python)
    os.execv(python, [python, "-m", MODULES[command], command, *arguments])


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
