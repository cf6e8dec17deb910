"""Text towers in the format of the sentence-transformers library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.encoders.base import Encoder, Vectors, text_checked, unit_rows
from retrieval.encoders.bundle import BundleError, TowerSpec, package_verify
from retrieval.encoders.torchvision_compat import declare_missing_operators

_BATCH = 32


class TextEncoder:
    """Texts to vectors; what lies behind the model's length is not read."""

    modality = "text"

    def __init__(self, folder: Path, *, dimension: int) -> None:
        """Reads a sentence-transformers folder; never asks the network."""
        declare_missing_operators()
        import torch
        from sentence_transformers import SentenceTransformer

        self._torch = torch
        self._model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
        self.dimension = dimension

    def encode(self, items: Sequence[Any]) -> Vectors:
        """See ``Encoder.encode``."""
        texts = [text_checked(item) for item in items]
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with self._torch.inference_mode():
            vectors = self._model.encode(
                texts, batch_size=_BATCH, convert_to_numpy=True, show_progress_bar=False
            )
        if vectors.shape[1] != self.dimension:
            raise BundleError("bad-dimension", "The text tower's dimension is not the manifest's.")
        return unit_rows(vectors)


def load(folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
    """The text tower of a bundle, or of the installed package it names.

    Raises:
        BundleError: the package is missing or changed, or the tower is not for text.
    """
    if spec.modality != "text":
        raise BundleError("bad-tower", "A sentence-transformers tower embeds texts.")
    root = package_verify(spec) if spec.package is not None else folder
    return TextEncoder(root / str(spec.config["folder"]), dimension=dimension)
