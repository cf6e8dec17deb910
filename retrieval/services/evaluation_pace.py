"""The model server as an evaluation asks it: behind all searches, and slower while they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from django.utils import timezone

from retrieval import clients
from retrieval.encoders.base import Vectors
from retrieval.services.reembed_pace import SearchPace


class Pace(Protocol):
    """How many items a request may have, and the pause after it."""

    def items(self, modality: str, /) -> int | None:
        """Items of a request; None for no limit."""
        ...

    def run(self, modality: str, items: int, call: Callable[[], Vectors], /) -> Vectors:
        """What ``call`` gives, and then a pause."""
        ...


class PacedModels:
    """Everything a model client offers; encoding is cut into slices and paced.

    What asks as a search does (``priority="query"``, for the time a query takes) is let through as
    it is, unless ``calm``: then it, too, goes behind the searches.
    """

    def __init__(self, inner: Any, pace: Pace, *, calm: bool = False) -> None:
        self._inner = inner
        self._pace = pace
        self._calm = calm

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def encode_text(self, model: str, texts: Sequence[str], *, priority: str = "query") -> Vectors:
        """As the client's."""
        if priority == "query" and not self._calm:
            direct: Vectors = self._inner.encode_text(model, texts, priority=priority)
            return direct

        def call(some: Sequence[Any]) -> Vectors:
            made: Vectors = self._inner.encode_text(model, some, priority="ingest")
            return made

        return self._sliced("text", texts, call)

    def encode_arrays(
        self,
        model: str,
        modality: str,
        arrays: Sequence[npt.NDArray[Any]],
        *,
        priority: str = "ingest",
    ) -> Vectors:
        """As the client's."""

        def call(some: Sequence[Any]) -> Vectors:
            made: Vectors = self._inner.encode_arrays(model, modality, some, priority="ingest")
            return made

        return self._sliced(modality, arrays, call)

    def _sliced(
        self, modality: str, items: Sequence[Any], call: Callable[[Sequence[Any]], Vectors]
    ) -> Vectors:
        made: list[Vectors] = []
        first = 0
        while first < len(items):
            some = items[first : first + (self._pace.items(modality) or len(items))]
            made.append(self._pace.run(modality, len(some), lambda some=some: call(some)))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            first += len(some)
        return np.concatenate(made)


@contextmanager
def paced(*, calm: bool = False) -> Iterator[Pace]:
    """Within it, every model request of this process makes way for searches. For commands only."""
    pace = SearchPace(started_at=timezone.now())
    with clients.override(models=PacedModels(clients.models(), pace, calm=calm)):
        yield pace
