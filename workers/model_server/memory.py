"""Memory of this process and of its GPU: too little of it, and giving it back.

Torch is looked at only where it was imported already.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Mapping
from typing import Any


def ran_out(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, of the machine or of its GPU.

    torch.OutOfMemoryError is CUDA's; on the CPU torch raises a RuntimeError whose text begins with
    the allocator's name, and cuBLAS says ALLOC_FAILED where it gets no workspace.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = str(error) if isinstance(error, RuntimeError) else ""
    return any(sign in words for sign in _SIGNS)


_SIGNS = ("can't allocate memory", "CUDA out of memory", "ALLOC_FAILED")


def device_cache_emptied() -> None:
    """Blocks that torch keeps for reuse go back to the GPU."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_initialized():
        cuda.empty_cache()


def given_back() -> None:
    """What is free goes back to the system: cycles are collected and the allocator is trimmed.

    glibc keeps freed blocks below its mmap threshold in its arenas (malloc_trim(3)); another
    allocator has no such call, and keeps what it keeps.
    """
    gc.collect()
    device_cache_emptied()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def weight_bytes(towers: Mapping[str, Any]) -> int:
    """Bytes of the parameters and buffers of ``towers``; what two towers share counts once.

    A tower's modules are its attributes that have parameters. What torch cannot see into, a part
    of a module tells as its ``packed_bytes``; a compiled module may tell nothing.
    """
    storages: dict[int, int] = {}
    packed: dict[int, int] = {}
    for tower in towers.values():
        for module in vars(tower).values():
            for kind in ("parameters", "buffers"):
                for tensor in getattr(module, kind, tuple)():
                    storage = tensor.untyped_storage()
                    storages[storage.data_ptr()] = storage.nbytes()
            for part in getattr(module, "modules", tuple)():
                packed[id(part)] = int(getattr(part, "packed_bytes", 0))
    return sum(storages.values()) + sum(packed.values())
