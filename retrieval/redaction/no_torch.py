"""Keeps torch out of processes that import spaCy: spaCy would load it where it is installed."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# thinc, spaCy's numerical library, tries each of these and does without (thinc/compat.py).
_BLOCKED = ("torch", "cupy", "tensorflow", "mxnet", "transformers")


def block_for_good() -> None:
    """Any later import of torch in this process fails; call it before spaCy is imported.

    Raises:
        RuntimeError: torch has been imported already, so the promise cannot be kept.
    """
    if sys.modules.get("torch") is not None:
        raise RuntimeError("torch was imported before it could be blocked")
    for name in _BLOCKED:
        sys.modules[name] = None  # type: ignore[assignment] # documented way to forbid an import


@contextmanager
def blocked() -> Iterator[None]:
    """Imports of torch fail within; what was imported before is put back afterwards."""
    before = {name: sys.modules[name] for name in _BLOCKED if name in sys.modules}
    for name in _BLOCKED:
        sys.modules[name] = None  # type: ignore[assignment] # documented way to forbid an import
    try:
        yield
    finally:
        for name in _BLOCKED:
            sys.modules.pop(name, None)
        sys.modules.update(before)
