"""Image and log-mel audio towers built on timm backbones, weights from safetensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders import mel, pixels
from retrieval.encoders.base import Encoder, Vectors, image_checked, unit_rows, wave_checked
from retrieval.encoders.bundle import BundleError, TowerSpec
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.towers import AudioTower, ImageTower


class ImageEncoder:
    """Pictures of any size to vectors; with ``flip`` the mirror image is averaged in."""

    modality = "image"

    def __init__(self, tower: nn.Module, *, dimension: int, size: int, flip: bool) -> None:
        """``size`` is the side in pixels the tower sees."""
        self._tower = tower.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stub
        self.dimension = dimension
        self._size, self._flip = size, flip

    def encode(self, items: Sequence[Any]) -> Vectors:
        """See ``Encoder.encode``."""
        images = [image_checked(item) for item in items]
        if not images:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with torch.inference_mode():
            batch = pixels.squashed(images, size=self._size)
            batch = batch.contiguous(memory_format=torch.channels_last)
            vectors = functional.normalize(self._tower(batch), dim=1)
            if self._flip:
                vectors = vectors + functional.normalize(self._tower(batch.flip(3)), dim=1)
        return unit_rows(vectors.numpy())


class UnitTower(nn.Module):
    """A tower whose answers have length one."""

    def __init__(self, tower: nn.Module) -> None:
        """``tower`` gives (n, d)."""
        super().__init__()
        self.tower = tower

    def forward(self, heard: Tensor) -> Tensor:
        """Embeddings (n, d), L2-normalised."""
        return functional.normalize(self.tower(heard), dim=1)


class AudioEncoder(TorchEncoder):
    """Sounds of any length to vectors; sounds of one length share a batch."""

    def __init__(self, tower: nn.Module, *, dimension: int, spec: mel.MelSpec) -> None:
        """``spec.sample_rate`` is the rate the sounds must have."""
        super().__init__(UnitTower(tower), modality="audio", dimension=dimension)
        self.spec = spec

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """Log-mels (n, frames, bands) of the sounds of each length."""
        waves = [wave_checked(item) for item in items]
        by_length: dict[int, list[int]] = {}
        for row, wave in enumerate(waves):
            by_length.setdefault(len(wave), []).append(row)
        for rows in by_length.values():
            heard = [mel.log_mel(torch.from_numpy(waves[row]), self.spec) for row in rows]
            yield rows, (torch.stack(heard),)


def load(folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
    """The image or audio tower that ``spec`` describes.

    Raises:
        BundleError: the weights do not fit the architecture, or the modality is another one.
    """
    if spec.modality == "image":
        image = ImageTower(
            spec.config["architecture"], width=spec.config["width"], dimension=dimension
        )
        _weights_load(image, folder, spec)
        return ImageEncoder(
            image, dimension=dimension, size=spec.input["size"], flip=spec.input["flip"]
        )
    if spec.modality == "audio":
        audio = AudioTower(
            spec.config["architecture"], width=spec.config["width"], dimension=dimension
        )
        _weights_load(audio, folder, spec)
        return AudioEncoder(audio, dimension=dimension, spec=mel.MelSpec(**spec.input["mel"]))
    raise BundleError("bad-tower", "A timm tower embeds images or sounds.")


def _weights_load(tower: nn.Module, folder: Path, spec: TowerSpec) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(folder / str(spec.weights))
        tower.load_state_dict(
            {
                name: value.float() if value.is_floating_point() else value
                for name, value in state.items()
            }
        )
    except (RuntimeError, SafetensorError, OSError) as error:
        raise BundleError(
            "bad-weights", "A tower's weights do not fit its architecture."
        ) from error
