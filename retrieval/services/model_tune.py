"""Finding out, in a process of its own, what is fastest for a bundle's towers on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from retrieval.encoders.bundle import bundle_folder
from retrieval.encoders.errors import BundleError
from retrieval.encoders.runtime.choice import Record, record_path, record_read
from retrieval.encoders.runtime.fingerprint import fingerprint
from retrieval.errors import Invalid

_ROOT = Path(__file__).resolve().parents[2]
# Wall time beside measuring: importing torch, verifying and loading; by the bundle's size.
_START_SECONDS = 60.0
_LOADING_SECONDS_A_BYTE = 60.0 / 1024**3
_COMPILING_SECONDS = 1200.0
_CACHE = ".inductor"


def model_tune(
    *, ref: str, seconds: float = 60.0, slow: bool = False, samples: Path | None = None
) -> Record:
    """Measures the towers of an installed bundle and keeps what won; the model server takes it up.

    About ``seconds`` of measuring beside loading, and given up at twice that; ``slow`` also
    compiles, which takes minutes and a C++ compiler. ``samples`` is a folder of media that came
    with the appliance. Every core is busy meanwhile: best done while nobody searches. Starts a
    process; reads and writes no row.

    Raises:
        Invalid: the bundle is not there or cannot be loaded, or measuring did not end.
    """
    models: Path = settings.PATHS.models
    try:
        folder = bundle_folder(ref, models_dir=models)
    except BundleError as error:
        raise Invalid(f"{ref} cannot be tuned: {error.reason}") from None
    cache = models / _CACHE
    command = [sys.executable, "-m", "retrieval.encoders.runtime", str(folder)]
    command += ["--models", str(models), "--seconds", str(seconds), "--cache", str(cache)]
    command += ["--slow"] if slow else []
    command += ["--samples", str(samples)] if samples is not None else []
    if threads := os.environ.get("VITRINE_MODEL_THREADS"):
        command += ["--threads", threads]
    try:
        done = subprocess.run(
            command,
            cwd=_ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # libraries print what they read
            timeout=_limit_seconds(folder, seconds, slow=slow),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Invalid(
            f"Tuning {ref} was given up, the machine is busy; its towers compute as they are "
            f"loaded. Later: manage.py models tune {ref}"
        ) from None
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    record = record_read(record_path(models, ref))
    if done.returncode or record is None:
        raise Invalid(f"Tuning {ref} did not end well; its towers compute as they are loaded.")
    return record


def model_is_tuned(*, ref: str) -> bool:
    """Whether a record of this machine and these libraries is there. Reads two files."""
    record = record_read(record_path(settings.PATHS.models, ref))
    return record is not None and dict(record.machine) == fingerprint()


def _limit_seconds(folder: Path, seconds: float, *, slow: bool) -> float:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    extra = _COMPILING_SECONDS if slow else 0.0
    return 2 * seconds + _START_SECONDS + size * _LOADING_SECONDS_A_BYTE + extra


def _environment() -> dict[str, str]:
    """Nothing of ours but where programs are: compilers are looked for there."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
