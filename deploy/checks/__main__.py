"""``python -m deploy.checks test|lint …``, which deploy/test and deploy/lint call."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.checks.services import temporary_appliance
from deploy.embedded.postgres import PostgresError
from deploy.paths import ROOT

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
    process = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # pytest got it too and is finishing
            continue


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
