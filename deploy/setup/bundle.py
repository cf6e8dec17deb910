"""``deploy/bundle DIR``: all that a machine without a network needs, with hashes, in one folder."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.paths import ROOT
from deploy.setup.environment import ALONE, PIP_FLAGS, SetupError
from deploy.setup.offline import SUMS, BundleRefusal, about_here, models_in, sums_write
from deploy.setup.preflight import GIB
from deploy.setup.progress import PackageProgress
from retrieval.encoders.bundle import BundleError, verify_bundle

# Measured: 0.7 GB of wheels with torch's CPU build; with its CUDA build they are about 3 GB.
_WHEELS_BYTES = 1 * GIB


def main(argv: list[str]) -> int:
    """Exit status 0 with the bundle complete, 1 with a sentence saying why it is not."""
    options = _parser().parse_args(argv[1:])
    start = Path(os.environ.get("VITRINE_START_DIR", "."))
    target = (start / options.folder).resolve()
    try:
        _check_target(target)
        wheels_collect(ROOT / "deploy" / "requirements.lock", target / "wheels")
        wheels_collect(ROOT / "deploy" / ALONE, target / "wheels")
        for model in options.model:
            _model_copy((start / model).resolve(), target / "models")
        commit = source_copy(target / "source")
        about_here(ROOT / "deploy" / "requirements.lock", commit=commit).write(target)
        digest = sums_write(target)
    except (SetupError, BundleRefusal) as error:
        print(error, file=sys.stderr)
        return 1
    _tell(target, digest)
    return 0


def wheels_collect(lock: Path, target: Path) -> None:
    """A wheel of every package that ``lock`` names, and of what those need, in ``target``.

    Packages that come as source alone are built here, so that the other machine needs no compiler.

    Raises:
        SetupError: pip failed.
    """
    target.mkdir(parents=True, exist_ok=True)
    log = target.parent / "pip.log"
    progress = PackageProgress(
        label="Collecting wheels",
        total=sum(1 for line in lock.read_text().splitlines() if "==" in line),
        site_packages=target,
    )
    command = [sys.executable, "-m", "pip", "wheel", *_wheel_flags(), "--wheel-dir", str(target)]
    if lock.name == ALONE:
        command.append("--no-deps")
    status = progress.follow([*command, "-r", str(lock)], env=dict(os.environ), log=log)
    if status:
        raise SetupError(f"pip could not collect the wheels: see {log}.")
    log.unlink()


def _wheel_flags() -> list[str]:
    """Flags of pip without those that only an installation knows."""
    return [flag for flag in PIP_FLAGS if flag not in {"--no-warn-script-location", "--no-compile"}]


def source_copy(target: Path) -> str:
    """The commit of this clone, packed into ``target``; "" where it is no clone.

    Changes that are not committed are left out, which is said.
    """

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        )

    commit = git("rev-parse", "HEAD").stdout.strip() if shutil.which("git") else ""
    if not commit:
        print("This is no git clone: carry the folder itself along.", file=sys.stderr)
        return ""
    if git("status", "--porcelain").stdout:
        print("Changes that are not committed are left out of source/.", file=sys.stderr)
    target.mkdir(parents=True, exist_ok=True)
    archive = target / f"vitrine-{commit[:12]}.tar.gz"
    done = git("archive", "--format=tar.gz", "--prefix=vitrine/", f"--output={archive}", commit)
    if done.returncode:
        raise SetupError("git could not pack the source; is the disk full?")
    return commit


def _check_target(target: Path) -> None:
    """Refuse a folder with something else in it; an earlier bundle is brought up to date."""
    if target.exists() and any(target.iterdir()) and not (target / SUMS).is_file():
        raise SetupError(f"{target} is not empty and no bundle: name a new folder.")
    target.mkdir(parents=True, exist_ok=True)
    for part in ("wheels", "models", "source"):
        shutil.rmtree(target / part, ignore_errors=True)
    (target / SUMS).unlink(missing_ok=True)
    free = shutil.disk_usage(target).free
    if free < _WHEELS_BYTES:
        raise SetupError(
            f"The wheels need about {_WHEELS_BYTES / GIB:.0f} GB and {free / GIB:.1f} GB are free."
        )


def _model_copy(source: Path, target: Path) -> None:
    """One encoder bundle, verified where it lies and again where it was copied to."""
    try:
        ref = verify_bundle(source).ref
        shutil.copytree(source, target / ref, symlinks=True)
        verify_bundle(target / ref)
    except BundleError as error:
        raise SetupError(f"{source} cannot be carried: {error.reason}") from None
    except OSError as error:
        raise SetupError(f"{source} cannot be copied: {error.strerror}.") from None


def _tell(target: Path, digest: str) -> None:
    wheels = list((target / "wheels").glob("*.whl"))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {len(wheels)} wheels, {len(models_in(target))} models, {size / GIB:.2f} GB")
    print(f"SHA-256 of {SUMS}, to compare on the other side: {digest}")
    print(f"There: unpack source/, then deploy/up --offline {target.name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/bundle",
        description="Collect wheels, models and the source for a machine without a network.",
    )
    parser.add_argument("folder", metavar="DIR", help="a new folder, or an earlier bundle")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="BUNDLE",
        help="an encoder bundle to carry along (see manage.py models convert); repeatable",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
