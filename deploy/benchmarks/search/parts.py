"""The parts of ``deploy/bench search``, in the order in which one run prints them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search import crowd, isolation, replay, service, vectors


@dataclass(frozen=True, kw_only=True)
class Options:
    """``keep``: a folder in which the vectors' database stays from one run to the next."""

    quick: bool = False
    keep: Path | None = None


_PARTS: Final[dict[str, Callable[[Options], list[Figure]]]] = {
    "vectors": lambda given: vectors.run(vectors.Options(quick=given.quick, keep=given.keep)),
    "service": lambda given: service.run(quick=given.quick) + crowd.run(quick=given.quick),
    "isolation": lambda given: isolation.run(quick=given.quick),
    "replay": lambda given: replay.run(quick=given.quick),
}
PARTS: Final = tuple(_PARTS)


def run(parts: Sequence[str], options: Options) -> list[Figure]:
    """The figures of these parts, or of all.

    Raises:
        subprocess.CalledProcessError, RuntimeError: a server did not start, or a part failed.
    """
    return [
        figure for name in PARTS if name in (parts or PARTS) for figure in _PARTS[name](options)
    ]
