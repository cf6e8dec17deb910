"""Memory given back after each picture, instead of kept for the next large one."""

from __future__ import annotations

import ctypes
from typing import Final

# mallopt(3): no more than two heaps for all threads, and blocks of 16 MB or more taken from the
# system and given back to it. Unset, glibc raises that limit by itself to 32 MB and gives every
# thread a heap, and two pages at a time leave 700 MB behind instead of 420.
_ARENA_MAX: Final = (-8, 2)
_MMAP_THRESHOLD: Final = (-3, 16 * 1024 * 1024)
_TRIM_THRESHOLD: Final = (-1, 16 * 1024 * 1024)


def keep_small() -> bool:
    """Tell glibc so; False where the C library is another one, which then does as it does."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all(mallopt(*setting) == 1 for setting in (_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD))
