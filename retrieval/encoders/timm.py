"""Log-mel audio towers built on timm backbones, weights from safetensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders import mel
from retrieval.encoders.base import Encoder, wave_checked
from retrieval.encoders.bundle import BundleError, TowerSpec
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.towers import AudioTower


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
    """The audio tower that ``spec`` describes.

    Raises:
        BundleError: the weights do not fit the architecture, or the modality is another one.
    """
    if spec.modality != "audio":
        raise BundleError(
            "bad-tower", "A timm tower embeds sounds; open_clip has those for images."
        )
    tower = AudioTower(spec.config["architecture"], width=spec.config["width"], dimension=dimension)
    _weights_load(tower, folder, spec)
    return AudioEncoder(tower, dimension=dimension, spec=mel.MelSpec(**spec.input["mel"]))


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
