"""Text towers in the format of the sentence-transformers library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.base import Encoder, text_checked
from retrieval.encoders.bundle import BundleError, TowerSpec, package_verify
from retrieval.encoders.runtime.trees import without_tensors
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.torchvision_compat import declare_missing_operators

_BATCH = 32
# What tokenizers of transformers give; the last one not for every network.
_NAMES: Final = ("input_ids", "attention_mask", "token_type_ids")


class SentenceTower(nn.Module):
    """A SentenceTransformer's modules; padding may be cut off."""

    def __init__(self, model: Any) -> None:
        """``model`` is a SentenceTransformer."""
        super().__init__()
        self.parts = nn.ModuleList(model.children())  # its card would hold every twin's weights

    def forward(self, *inputs: Tensor) -> Tensor:
        """Embeddings (n, d), L2-normalised, of ids, mask and, where there are any, types."""
        features: Any = {**dict(zip(_NAMES, inputs, strict=False)), "modality": "text"}
        for part in self.parts:
            features = part(features)
        answer: Tensor = features["sentence_embedding"]
        return functional.normalize(answer, dim=-1)


class TextEncoder(TorchEncoder):
    """Texts to vectors; what lies behind the model's length is not read."""

    def __init__(self, folder: Path, *, dimension: int) -> None:
        """Reads a sentence-transformers folder; never asks the network.

        Raises:
            BundleError: its vectors have another dimension.
        """
        declare_missing_operators()
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
        super().__init__(SentenceTower(model), modality="text", dimension=dimension)
        if model.get_embedding_dimension() not in {None, dimension}:
            raise BundleError("bad-dimension", "The text tower's dimension is not the manifest's.")
        # Without weights: whoever replaces the module should be rid of them.
        self._preprocess: Any = without_tensors(model[0]).preprocess
        self._prompt = model.prompts.get(model.default_prompt_name or "")

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """Texts of a like length together: ids, mask and types, int64 (n, longest of them)."""
        texts = [text_checked(item) for item in items]
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            read = self._preprocess([texts[row] for row in rows], prompt=self._prompt)
            yield rows, tuple(torch.as_tensor(read[name]) for name in _NAMES if name in read)


def load(folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
    """The text tower of a bundle, or of the installed package it names.

    Raises:
        BundleError: the package is missing or changed, or the tower is not for text.
    """
    if spec.modality != "text":
        raise BundleError("bad-tower", "A sentence-transformers tower embeds texts.")
    root = package_verify(spec) if spec.package is not None else folder
    return TextEncoder(root / str(spec.config["folder"]), dimension=dimension)
