"""``python model_process.py SOCKET NOTES``: a model server whose models are slow fakes.

Each batch that begins is noted in the file NOTES, so that a test knows when to kill the process.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from workers import uds
from workers.model_server.app import ModelServer
from workers.model_server.scheduler import Scheduler
from workers.model_server.store import Description, ModelStore, Opened

DIMENSION = 4
TOY = Description(ref="toy@1", space="toy", dimension=DIMENSION, modalities=("text",), input={})


def vector(text: str) -> np.ndarray:
    """What the fake model makes of ``text``: float32 (d,), of length 1."""
    seed = np.random.default_rng(list(text.encode()))
    made = seed.normal(size=DIMENSION).astype(np.float32)
    return made / np.linalg.norm(made)


class Slow:
    def __init__(self, notes: Path) -> None:
        self.notes = notes

    def encode(self, items: list[str]) -> np.ndarray:
        with self.notes.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.05)
        return np.stack([vector(item) for item in items])


class Toys:
    def __init__(self, notes: Path) -> None:
        self.encoder = Slow(notes)

    def found(self):
        return [TOY]

    def open(self, ref):
        return Opened(TOY, {"text": self.encoder})

    def stamp(self, ref):
        return "1"

    def active(self):
        return frozenset()

    def probe(self, description, modality):
        return None


if __name__ == "__main__":
    store = ModelStore(Toys(Path(sys.argv[2])), threads=1)
    uds.serve(ModelServer(store, Scheduler()).app(), Path(sys.argv[1]))
