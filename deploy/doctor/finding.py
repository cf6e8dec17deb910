"""One thing the doctor looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import structlog

logger = structlog.get_logger("vitrine.doctor")


@dataclass(frozen=True)
class Finding:
    """``what`` is well if ``mend`` is empty; else ``mend`` says what to do."""

    what: str
    detail: str = ""
    mend: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing has to be done."""
        return not self.mend


Look = Callable[[], Iterable[Finding]]


def looked(what: str, look: Look, *, mend: str) -> Iterator[Finding]:
    """The findings of ``look``; one that fails altogether is a finding itself, with ``mend``."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 - the doctor goes on whatever is broken
        logger.info("look_failed", what=what, error=type(error).__name__)
        yield Finding(what, f"could not be looked at ({type(error).__name__})", mend)
