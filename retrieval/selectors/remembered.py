"""Counts that cost time, remembered in this process for as long as they are worth it.

What took a second to count is kept for 50 seconds, what took a millisecond hardly at all: counting
takes at most a fiftieth of a core, and a small appliance always shows what is so now. Nothing but
numbers and ids is kept here, and each visitor is shown a part of it, cut out on every request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from django.utils import timezone

T = TypeVar("T")
_WORTH: Final = 50
_LONGEST_SECONDS: Final = 600.0
_MOST_KEYS: Final = 200


@dataclass(frozen=True)
class _Kept:
    value: Any
    at: datetime
    until: float


_kept: dict[Hashable, _Kept] = {}
_locks: dict[Hashable, threading.Lock] = {}
_guard = threading.Lock()


def remembered(key: Hashable, count: Callable[[], T]) -> tuple[T, datetime]:
    """What ``count`` gives, or gave a moment ago, and when it was counted.

    Of several who ask at once one counts and the others wait for it.
    """
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        found = _kept.get(key)
        if found is None or found.until < time.monotonic():
            begun = time.monotonic()
            at = timezone.now()
            value = count()
            took = time.monotonic() - begun
            until = time.monotonic() + min(took * _WORTH, _LONGEST_SECONDS)
            found = _Kept(value, at, until)
            _keep(key, found)
        return cast("T", found.value), found.at


def forget() -> None:
    """Everything is counted anew."""
    _kept.clear()


def _keep(key: Hashable, found: _Kept) -> None:
    with _guard:
        if len(_kept) >= _MOST_KEYS:
            _kept.clear()
        _kept[key] = found
