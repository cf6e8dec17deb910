"""What a measured choice depends on: the processor, how much of it, and the libraries."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = frozenset(
    {
        *("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "avx_ne_convert"),
        *("avx512_bf16", "amx_bf16", "amx_int8"),
    }
)
_LIBRARIES = ("torch", "open_clip_torch", "laion-clap", "transformers", "timm")


def fingerprint() -> dict[str, str]:
    """The machine and its libraries; equal on two machines where the same choice is right.

    Reads /proc and package metadata; imports none of the libraries.
    """
    model, flags = _processor()
    words = {
        "processor": model,
        "instructions": " ".join(sorted(_FLAGS & flags)),
        "cores": str(len(os.sched_getaffinity(0))),
        "gpu": _gpu(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "runtime": _source(),
    }
    return {**words, **{name: _version(name) for name in _LIBRARIES}}


def instructions() -> frozenset[str]:
    """The processor's instruction sets that matter here, as /proc/cpuinfo calls them."""
    return _FLAGS & _processor()[1]


def _processor() -> tuple[str, frozenset[str]]:
    model, flags = platform.machine(), frozenset[str]()
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return model, flags
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            model = value.strip()
        elif name.strip() == "flags":
            flags = frozenset(value.split())
            break
    return model, flags


def _gpu() -> str:
    """Names of NVIDIA cards, without asking CUDA."""
    files = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = [line for file in files for line in file.read_text(errors="replace").splitlines()]
    return ", ".join(line.partition(":")[2].strip() for line in lines if line.startswith("Model:"))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _source() -> str:
    """A hash of this package: what an engine does may change with it."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
