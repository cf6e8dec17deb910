"""``python -m retrieval.encoders.probe FOLDER``: loads every tower of a bundle and asks it once.

Run as a process of its own, which nothing else shares: what a bundle's weights do to a library
happens there. Prints JSON: ``{"code", "reason"}``, both empty where every tower answers as the
manifest declares.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.encoders.bundle import manifest_read
from retrieval.encoders.errors import BundleError
from retrieval.encoders.manifest import Manifest, TowerSpec

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 1800
_SIDE = 64
_UNIT = 1e-2
# Libraries look for their caches below HOME, and must neither find any nor ask the network.
_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def probe_in_child(folder: Path) -> None:
    """Nothing, if every tower of the bundle can be loaded and answers as declared.

    Raises:
        BundleError: one does not; or the child died, over memory or time for one.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "retrieval.encoders.probe", str(folder)],
            cwd=_ROOT,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries print what they read
            timeout=_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout)
        code, reason = str(answer["code"]), str(answer["reason"])
    except subprocess.TimeoutExpired:
        raise BundleError("too-slow", "Loading the bundle took longer than is permitted.") from None
    except (ValueError, KeyError, TypeError):
        raise BundleError(
            "crashed", "Loading the bundle ended the process that tried it; memory may be short."
        ) from None
    if code:
        raise BundleError(code, reason)


def probe(folder: Path) -> None:
    """As ``probe_in_child``, in this process.

    Raises:
        BundleError: a tower cannot be loaded, or answers otherwise than declared.
    """
    from retrieval.encoders.registry import load_tower

    manifest = manifest_read(folder)
    for modality, spec in manifest.towers.items():
        item = probe_item(spec)
        try:
            vectors = load_tower(folder, spec, manifest.dimension).encode([item])
        except BundleError:
            raise
        except Exception as error:
            raise BundleError(
                "bad-tower", f"The {modality} tower cannot be used: {type(error).__name__}."
            ) from error
        _answer_check(manifest, modality, vectors)


def probe_item(spec: TowerSpec) -> Any:
    """One harmless input of a tower's form: see ``Encoder.encode`` for the forms.

    Raises:
        BundleError: the manifest does not say what the tower takes.
    """
    if spec.modality == "text":
        return "a picture of a bear in the grass"
    if spec.modality == "image":
        return np.full((_SIDE, _SIDE, 3), 128, dtype=np.uint8)
    try:
        if spec.modality == "audio":
            seconds = np.arange(int(spec.input.get("sample_rate", 48_000)), dtype=np.float32)
            return 0.1 * np.sin(seconds / 20, dtype=np.float32)
        return np.zeros(_shape(spec.input), dtype=np.float32)
    except (KeyError, TypeError, ValueError):
        raise BundleError(
            "bad-manifest", f"The manifest does not say what the {spec.modality} tower takes."
        ) from None


def _shape(wanted: Any) -> tuple[int, ...]:
    if wanted["form"] == "map":
        height, width = wanted["size"]
        return int(height), int(width), int(wanted["channels"])
    return int(wanted["samples"]), int(wanted["channels"])


def _answer_check(manifest: Manifest, modality: str, vectors: Any) -> None:
    if vectors.shape != (1, manifest.dimension):
        raise BundleError(
            "bad-dimension",
            f"The {modality} tower gives {vectors.shape[-1]} dimensions; "
            f"the manifest says {manifest.dimension}.",
        )
    if not abs(float(np.linalg.norm(vectors[0])) - 1.0) < _UNIT:  # NaN is not near either
        raise BundleError("bad-tower", f"The {modality} tower's answer has no direction.")


def main(arguments: list[str]) -> int:
    """Probes the bundle in the folder named; the answer goes to standard output."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Libraries ask for a folder for temporary files when they are imported, and Python finds one
    # by writing to it: it has to be found before nothing can be written any more.
    tempfile.gettempdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    answer = os.dup(1)  # a pipe, to which the limit above does not apply
    os.dup2(2, 1)
    code = reason = ""
    try:
        probe(Path(arguments[0]))
    except BundleError as error:
        code, reason = error.code, error.reason
    os.write(answer, json.dumps({"code": code, "reason": reason}).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
