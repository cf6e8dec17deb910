"""``python -m deploy.checks test|lint …``, which deploy/test and deploy/lint call."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.checks.services import OUTSIDE, temporary_appliance
from deploy.embedded.postgres import PostgresError
from deploy.paths import ROOT

# Each may start both servers, 1.3 GB in all, and a database.
_MOST_PROCESSES = 4
_LINTERS = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "."]),
    ("mypy", ["mypy"]),
    ("import-linter", ["lint-imports"]),
    ("migrations", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]),
)


def main(argv: list[str]) -> int:
    """Pytest's exit status, or 1 when a linter has found something."""
    os.chdir(ROOT)
    try:
        with temporary_appliance() as variables:
            env = {**os.environ, **variables, "HF_HUB_OFFLINE": "1"}
            if argv[0] == "test":
                return _test(argv[1:], env)
            # Without a migration there is no application role yet that could log in.
            return _lint({**env, "VITRINE_DB_ROLE": "owner"})
    except PostgresError as error:
        print(error, file=sys.stderr)
        return 1


def _test(arguments: list[str], env: Mapping[str, str]) -> int:
    """Run pytest, whose own summary is the last thing printed."""
    if "VITRINE_CHROMIUM" not in env:
        print("No Chromium on this machine: browser tests will be skipped.", flush=True)
    argv = [sys.executable, "-m", "pytest", *_several(arguments), *arguments]
    process = subprocess.Popen(argv, env={**env, "PYTEST_PLUGINS": "deploy.checks.own_services"})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # pytest got it too and is finishing
            continue


def _several(arguments: list[str]) -> list[str]:
    """The options for several processes, a file to each at a time; none where it was chosen.

    Servers from outside are not shared: their one database would be made twice. A few tests named
    by hand are quicker in one process, which has no second database to make.
    """
    outside = any(os.environ.get(name) for name in OUTSIDE)
    chosen = any(one.startswith(("-n", "--dist", "--pdb", "-p")) for one in arguments)
    named = any("::" in one or one.endswith(".py") for one in arguments)
    if outside or chosen or named:
        return []
    processes = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
    several = ["-n", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return several if processes > 1 else []


def _lint(env: Mapping[str, str]) -> int:
    bad = []
    programs = Path(sys.executable).parent
    for name, argv in _LINTERS:
        began = time.monotonic()
        program = argv[0] if argv[0] == sys.executable else str(programs / argv[0])
        done = subprocess.run([program, *argv[1:]], env=env, check=False)
        verdict = "passed" if done.returncode == 0 else "FAILED"
        print(f"{name}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
        if done.returncode:
            bad.append(name)
    print(f"lint: {', '.join(bad)} failed" if bad else "lint: all passed", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
