"""``deploy/lock``: resolve requirements.in and requirements-dev.in afresh and write the lock files.

Both are resolved together, so that tests run with what the appliance runs with, then parted: what
``requirements.in`` needs goes to requirements.lock, the rest to requirements-dev.lock.

Left out are the packages that torch's CUDA build asks for (nvidia-*, cuda-*, triton) and local
version labels (+cpu): a machine whose index offers torch's CPU build and one that gets the ordinary
build install from the same lock, and torch itself pins those packages exactly.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# pip carries these: nothing else is installed when the first lock is made.
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

from deploy.paths import ROOT

_BUILD_DEPENDENT = ("nvidia-", "cuda-", "triton", "pytorch-triton")
_OTHER_PYTHONS = (
    {"python_version": "3.11", "python_full_version": "3.11.0"},
    {"python_version": "3.12", "python_full_version": "3.12.0"},
    {"python_version": "3.12", "python_full_version": "3.12.99"},
)
_HEADER = """\
# {what} Made by deploy/lock from {sources}; do not edit.
# For Python 3.11 and 3.12. torch's CUDA libraries are not named: torch itself pins them if needed.
"""


def main() -> int:
    """Exit status of pip, or 0 with both files written."""
    folder = ROOT / "deploy"
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        print("Resolving (a minute or two)", file=sys.stderr, flush=True)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"),
                *("--quiet", "--disable-pip-version-check", "--report", str(report)),
                *("-r", str(folder / "requirements.in")),
                *("-r", str(folder / "requirements-dev.in")),
            ],
            check=False,
        )
        if done.returncode:
            return done.returncode
        packages = _packages(json.loads(report.read_text(encoding="utf-8")))
    missing = needed_elsewhere(packages)
    if missing:
        print(f"Name these in requirements.in too: {', '.join(missing)}", file=sys.stderr)
        return 1
    runtime = closure(_named(folder / "requirements.in"), packages)
    _write(
        folder / "requirements.lock",
        {name: packages[name] for name in runtime},
        what="What the appliance runs with.",
        sources="requirements.in",
    )
    _write(
        folder / "requirements-dev.lock",
        {name: packages[name] for name in packages.keys() - runtime},
        what="What tests and lint need besides requirements.lock.",
        sources="requirements-dev.in",
    )
    return 0


def _packages(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Metadata of everything resolved, by normalised name, without build-dependent packages."""
    found: dict[str, dict[str, Any]] = {}
    for item in report["install"]:
        name = canonicalize_name(item["metadata"]["name"])
        if not name.startswith(_BUILD_DEPENDENT):
            found[str(name)] = item["metadata"]
    return found


def _named(file: Path) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def closure(roots: list[Requirement], packages: dict[str, dict[str, Any]]) -> set[str]:
    """Names of all that ``roots`` need, extras followed, out of ``packages``."""
    seen: set[tuple[str, str]] = set()
    waiting = [
        (canonicalize_name(root.name), extra) for root in roots for extra in ("", *root.extras)
    ]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen or name not in packages:
            continue
        seen.add((name, extra))
        for text in packages[name].get("requires_dist") or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                needed = canonicalize_name(need.name)
                waiting += [(needed, inner) for inner in ("", *need.extras)]
    return {name for name, _ in seen}


def needed_elsewhere(packages: dict[str, dict[str, Any]]) -> list[str]:
    """What other supported Pythons need besides ``packages``, resolved for this one.

    Packages ask for backports by marker, such as ``python_full_version < "3.11.3"``.
    """
    missing = set()
    for name, metadata in packages.items():
        for text in metadata.get("requires_dist") or []:
            need = Requirement(text)
            needed = canonicalize_name(need.name)
            if needed in packages or needed.startswith(_BUILD_DEPENDENT) or need.marker is None:
                continue
            if any(need.marker.evaluate({**python, "extra": ""}) for python in _OTHER_PYTHONS):
                missing.add(f"{needed} (for {name})")
    return sorted(missing)


def _write(file: Path, packages: dict[str, dict[str, Any]], *, what: str, sources: str) -> None:
    lines = [
        f"{name}=={metadata['version'].partition('+')[0]}"
        for name, metadata in sorted(packages.items())
    ]
    header = _HEADER.format(what=what, sources=sources)
    file.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{file.relative_to(ROOT)}: {len(lines)} packages", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
