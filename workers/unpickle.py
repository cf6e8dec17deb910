"""Reads a PyTorch checkpoint where it can do no harm, and gives its tensors as safetensors.

A process of its own: the checkpoint is standard input, the answer goes to standard output. Only
``torch.load(weights_only=True)`` is used. That has been got round before (CVE-2025-32434,
CVE-2026-24747), so it happens behind the decoders' walls: no files, no sockets, no programs, no
privileges, bounded memory and time. Whoever started it treats the answer as hostile too.

The answer is ``T`` and a safetensors file, or ``E`` and a code with one word of detail.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import torch

from workers.sandbox import walls

_SECONDS: Final = 120
_BYTES_A_SECOND: Final = 10_000_000
_SPARE_BYTES: Final = 1 << 30
_COPIES: Final = 3  # storages as they are read, one tensor made contiguous, and room
_MOST_BYTES_MORE: Final = 64 << 20  # than twice the checkpoint
_CHUNK: Final = 1 << 20
_UNKNOWN_GLOBAL: Final = re.compile(r"GLOBAL ([A-Za-z0-9_.]{1,80})")
_DTYPES: Final = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
# Where training scripts put the weights beside optimisers and counters.
_PLACES: Final = ("state_dict", "model_state_dict", "model")


class _Refusal(Exception):
    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def main() -> NoReturn:
    """Reads standard input behind walls and answers; never returns."""
    answer = os.dup(1)
    os.dup2(2, 1)
    size = os.fstat(0).st_size
    jail = _empty_directory()
    torch.set_num_threads(1)
    _warm_up()
    checkpoint = os.fdopen(0, "rb")
    walls.leave_network()
    budget = walls.Budget(
        memory_bytes=_COPIES * size + _SPARE_BYTES, cpu_seconds=_SECONDS + size // _BYTES_A_SECOND
    )
    walls.enclose(budget, empty_directory=jail)
    try:
        _send(answer, _weights(_loaded(checkpoint)), most_bytes=2 * size + _MOST_BYTES_MORE)
    except _Refusal as refusal:
        _write(answer, b"E" + json.dumps([refusal.code, refusal.detail]).encode())
    except (MemoryError, torch.OutOfMemoryError):
        _write(answer, b'E["memory", ""]')
    os._exit(0)


def _empty_directory() -> int | None:
    """An open directory that no longer exists, to be jailed in when root; None otherwise."""
    if os.getuid() != 0:
        return None
    path = Path(tempfile.mkdtemp(prefix="vitrine-jail-"))
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    path.rmdir()
    return descriptor


def _loaded(checkpoint: io.BufferedReader) -> Any:
    """What the checkpoint holds."""
    try:
        return _read(checkpoint)
    except _Refusal as refusal:
        # Trainers keep figures as NumPy scalars beside the weights (laion-clap's do).
        if refusal.code != "code" or not refusal.detail.startswith("numpy."):
            raise
    checkpoint.seek(0)
    with torch.serialization.safe_globals(_numpy_scalars()):
        return _read(checkpoint)


def _read(checkpoint: io.BufferedReader) -> Any:
    from pickle import UnpicklingError

    try:
        return torch.load(checkpoint, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        found = _UNKNOWN_GLOBAL.search(str(error))
        if found is None:
            raise _Refusal("foreign") from None
        raise _Refusal("code", found.group(1)) from None
    except RuntimeError as error:
        raise _Refusal("torchscript" if "TorchScript" in str(error) else "unreadable") from None
    except (ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError):
        raise _Refusal("unreadable") from None


def _numpy_scalars() -> list[Any]:
    scalar = np.core.multiarray.scalar  # type: ignore[attr-defined]  # private, and so pickled
    kinds = ("Float64", "Float32", "Float16", "Int64", "Int32", "Bool")
    return [
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),  # as NumPy 2 names it
        np.dtype,
        *(getattr(np.dtypes, f"{kind}DType") for kind in kinds),
    ]


def _weights(loaded: Any) -> dict[str, torch.Tensor]:
    """Tensors by name; what is no tensor is left out."""
    for place in _PLACES:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(place), Mapping):
            loaded = loaded[place]
            break
    if not isinstance(loaded, Mapping):
        raise _Refusal("no-weights")
    tensors = {
        name: value.detach()
        for name, value in loaded.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
    if not tensors:
        raise _Refusal("no-weights")
    for value in tensors.values():
        if value.layout != torch.strided or value.dtype not in _DTYPES or value.is_quantized:
            raise _Refusal("odd-tensor")
    return tensors


def _send(answer: int, tensors: Mapping[str, torch.Tensor], *, most_bytes: int) -> None:
    header: dict[str, Any] = {}
    offset = 0
    for name, value in tensors.items():
        size = value.numel() * value.element_size()
        header[name] = {
            "dtype": _DTYPES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    if offset > most_bytes:  # tensors that repeat one number cost nothing until they are written
        raise _Refusal("memory")
    head = json.dumps(header).encode()
    _write(answer, b"T" + struct.pack("<Q", len(head)) + head)
    for value in tensors.values():
        flat = value.contiguous().reshape(-1).view(torch.uint8).numpy()
        _write(answer, flat.data)


def _write(answer: int, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(answer, left[:_CHUNK]) :]


def _warm_up() -> None:
    """Has torch import whatever reading imports: behind the walls no file can be opened."""
    from collections import OrderedDict

    small = {
        "state_dict": OrderedDict(
            (str(dtype), torch.zeros((1, 2), dtype=dtype)) for dtype in _DTYPES
        ),
        "parameter": torch.nn.Parameter(torch.zeros(1)),
        "scalar": 1.0,
    }
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(small, buffer, _use_new_zipfile_serialization=zipped)
        buffer.seek(0)
        _weights(torch.load(buffer, map_location="cpu", weights_only=True))
    with torch.serialization.safe_globals(_numpy_scalars()):
        buffer = io.BytesIO()
        torch.save({"score": np.float64(1.0)}, buffer)
        buffer.seek(0)
        torch.load(buffer, map_location="cpu", weights_only=True)
    for _ in small["state_dict"].values():  # type: ignore[attr-defined]  # it is one
        _.contiguous().reshape(-1).view(torch.uint8).numpy()


if __name__ == "__main__":
    main()
