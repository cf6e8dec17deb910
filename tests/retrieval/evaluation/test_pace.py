"""An evaluation's requests go behind searches, in slices, with a pause after each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retrieval.services.evaluation_pace import PacedModels


class Pace:
    """Two items a request; what it was asked to run."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []

    def items(self, modality: str, /) -> int | None:
        return 2

    def run(self, modality: str, items: int, call: Callable[[], np.ndarray], /) -> np.ndarray:
        self.ran.append((modality, items))
        return call()


class Models:
    """One number a text; who asked how."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str]] = []

    def encode_text(self, model, texts, *, priority="query"):
        self.heard.append((len(texts), priority))
        return np.array([[float(len(text))] for text in texts], np.float32)

    def encode_arrays(self, model, modality, arrays, *, priority="ingest"):
        self.heard.append((len(arrays), priority))
        return np.array([[float(array.sum())] for array in arrays], np.float32)

    def health(self):
        return {"status": "ok"}


def test_work_is_cut_and_paced_and_comes_back_in_order() -> None:
    models, pace = Models(), Pace()
    found = PacedModels(models, pace).encode_text("m", ["a", "bb", "ccc"], priority="ingest")
    assert found.ravel().tolist() == [1.0, 2.0, 3.0]
    assert models.heard == [(2, "ingest"), (1, "ingest")]
    assert pace.ran == [("text", 2), ("text", 1)]
    arrays = [np.full(2, value) for value in (1, 2, 3)]
    made = PacedModels(models, pace).encode_arrays("m", "image", arrays)
    assert made.ravel().tolist() == [2.0, 4.0, 6.0]
    assert pace.ran[2:] == [("image", 2), ("image", 1)]


def test_a_timed_query_is_let_through_unless_it_is_to_wait() -> None:
    models, pace = Models(), Pace()
    PacedModels(models, pace).encode_text("m", ["a"])
    assert (models.heard, pace.ran) == ([(1, "query")], [])
    PacedModels(models, pace, calm=True).encode_text("m", ["a"])
    assert models.heard[1:] == [(1, "ingest")]
    assert PacedModels(models, pace).health() == {"status": "ok"}
