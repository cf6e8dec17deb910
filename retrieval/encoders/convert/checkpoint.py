"""Checkpoints of any kind as safetensors files, without this process unpickling anything."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final

from retrieval.encoders.errors import BundleError
from retrieval.encoders.safetensors_form import safetensors_check

_ROOT: Final = Path(__file__).resolve().parents[3]
# By name: what decodes behind walls lives in the room above this one.
_READER: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from workers.unpickle import main; main()"
)
_SECONDS: Final = 600
_BYTES_A_SECOND: Final = 5_000_000
_CHUNK: Final = 1 << 20
_SPARE_BYTES: Final = 64 << 20
_MOST_REASON_BYTES: Final = 4096
_REASONS: Final = {
    "code": (
        "The checkpoint is more than weights: reading it would run {detail}, which it names. "
        "Save its state_dict alone, or take its safetensors edition."
    ),
    "torchscript": (
        "The checkpoint is a TorchScript program, not weights; take its safetensors edition."
    ),
    "foreign": (
        "The checkpoint is a pickle that is more than PyTorch's weights. "
        "Save its state_dict alone, or take its safetensors edition."
    ),
    "no-weights": "The checkpoint holds no weights by name.",
    "odd-tensor": "The checkpoint holds tensors that are quantised, sparse or of a rare kind.",
    "unreadable": "The checkpoint is cut short, damaged, or no PyTorch checkpoint.",
    "memory": "The checkpoint asks for more memory than its size explains.",
}


def as_safetensors(checkpoint: Path, into: Path) -> Path:
    """A safetensors file with the checkpoint's tensors: itself if it is one, else ``into``.

    Raises:
        BundleError: it cannot be read without running code, or holds no weights.
    """
    if not checkpoint.is_file():
        raise BundleError("no-checkpoint", f"There is no file {checkpoint.name}.")
    if checkpoint.suffix == ".safetensors":
        safetensors_check(checkpoint)
        return checkpoint
    with checkpoint.open("rb") as data:
        _read_apart(data, into, most_bytes=2 * checkpoint.stat().st_size + _SPARE_BYTES)
    safetensors_check(into)
    return into


def _read_apart(data: IO[bytes], into: Path, *, most_bytes: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", _READER, str(_ROOT)],
        env={"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        cwd="/",
        stdin=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it would quote what it reads
        start_new_session=True,
    )
    limit = threading.Timer(_SECONDS + most_bytes / _BYTES_A_SECOND, child.kill)
    limit.start()
    try:
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        with child.stdout as answer:
            _take(answer, into, most_bytes=most_bytes)
    finally:
        limit.cancel()
        child.kill()
        child.wait()


def _take(answer: IO[bytes], into: Path, *, most_bytes: int) -> None:
    kind = answer.read(1)
    if kind == b"E":
        raise _refusal(answer.read(_MOST_REASON_BYTES))
    if kind != b"T":
        raise BundleError(
            "crashed", "Reading the checkpoint ended the process that did it: it was not read."
        )
    taken = 0
    with into.open("xb") as file:
        while chunk := answer.read(_CHUNK):
            taken += len(chunk)
            if taken > most_bytes:
                raise BundleError("memory", _REASONS["memory"])
            file.write(chunk)


def _refusal(said: bytes) -> BundleError:
    try:
        code, detail = json.loads(said)
        return BundleError(f"checkpoint-{code}", _REASONS[code].format(detail=detail))
    except (ValueError, KeyError, TypeError):
        return BundleError("checkpoint-unreadable", _REASONS["unreadable"])
