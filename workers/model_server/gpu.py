"""How large a batch the GPU's memory allows, measured with a probe.

Nothing here imports torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, Protocol

_PROBE_ITEMS: Final = 4
# The rest is for what other towers need meanwhile and for longer inputs than the probe.
_SHARE_OF_FREE: Final = 0.5
# A GPU is not busy with the few items that keep a CPU's cores busy.
_TIMES_THE_USUAL: Final = 16


class DeviceMemory(Protocol):
    """What is asked of a GPU, in bytes."""

    def free(self) -> int:
        """Not in use by anybody."""

    def peak_of(self, work: Callable[[], object]) -> int:
        """The most that ``work`` had allocated over what was allocated before."""


class Cuda:
    """The current CUDA device."""

    def free(self) -> int:
        """See ``DeviceMemory``; torch's own reserve counts as free."""
        cuda = sys.modules["torch"].cuda
        kept = cuda.memory_reserved() - cuda.memory_allocated()
        return int(cuda.mem_get_info()[0] + kept)

    def peak_of(self, work: Callable[[], object]) -> int:
        """See ``DeviceMemory``."""
        cuda = sys.modules["torch"].cuda
        cuda.synchronize()
        before = cuda.memory_allocated()
        cuda.reset_peak_memory_stats()
        work()
        cuda.synchronize()
        return int(cuda.max_memory_allocated() - before)


def on_gpu(encoder: Any) -> bool:
    """Whether this tower computes on a CUDA device."""
    return getattr(getattr(encoder, "device", None), "type", "cpu") == "cuda"


def most_items(encoder: Any, usual: int) -> int:
    """The upper bound of a batch before anything is measured: ``usual`` is a CPU's."""
    return usual * _TIMES_THE_USUAL if on_gpu(encoder) else usual


def fitting(
    encode: Callable[[list[Any]], object], probe: Any, *, memory: DeviceMemory, most: int
) -> int:
    """Items like ``probe`` that half the free memory takes, at least 1 and at most ``most``."""
    one = memory.peak_of(lambda: encode([probe]))
    several = memory.peak_of(lambda: encode([probe] * _PROBE_ITEMS))
    each = max(1, (several - one) // (_PROBE_ITEMS - 1))
    fixed = max(0, one - each)
    return max(1, min(most, int((_SHARE_OF_FREE * memory.free() - fixed) // each)))
