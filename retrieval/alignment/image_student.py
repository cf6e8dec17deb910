"""The image student: open_clip's tower over a timm network, imitating the teacher's maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.alignment.teachers import Quantised
from retrieval.encoders.torchvision_compat import declare_missing_operators

STAGES = (2, 3, 4)  # of the network: those whose maps have strides 8, 16 and 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as timm's default
HINTS = ("h8", "h16", "h32")


@dataclass(frozen=True)
class TargetScale:
    """What makes a quantised teacher map zero-mean and unit-variance in every channel."""

    quantised: Quantised
    mean: Tensor
    std: Tensor

    def normalise(self, raw: Tensor) -> Tensor:
        """Normalised float map, channels last as given."""
        real = (raw.float() - self.quantised.zero_point) * self.quantised.scale
        return (real - self.mean) / self.std


class ImageStudent(nn.Module):
    """What open_clip builds from a ``vision_cfg``, taken apart where the teacher looks in.

    Takes float RGB in 0..1 (n, 3, h, w); gives (n, dimension), not normalised. ``visual`` alone is
    what ships; it expects pixels normalised by MEAN and STD, as open_clip's preprocessing does.
    """

    visual: Any  # timm gives no types
    mean: Tensor
    std: Tensor

    def __init__(self, vision_cfg: dict[str, Any], *, dimension: int) -> None:
        """Random weights."""
        super().__init__()
        declare_missing_operators()
        from open_clip.model import _build_vision_tower

        self.visual = _build_vision_tower(dimension, vision_cfg)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    @property
    def head(self) -> nn.Linear:
        """The last layer, from the pooled features to the space."""
        layer: nn.Linear = self.visual.trunk.get_classifier()
        return layer

    def channels(self) -> list[int]:
        """Channels of the maps that ``features`` gives."""
        with torch.no_grad():
            return [m.shape[1] for m in self.eval().features(torch.zeros(1, 3, 64, 64))]

    def features(self, pixels: Tensor) -> list[Tensor]:
        """Maps at strides 8, 16 and 32."""
        maps: list[Tensor] = self.visual.trunk.forward_intermediates(
            (pixels - self.mean) / self.std, indices=STAGES, intermediates_only=True
        )
        return maps

    def pooled(self, last: Tensor) -> Tensor:
        """What the last layer sees, from the map at stride 32: (n, width)."""
        pooled: Tensor = self.visual.trunk.forward_head(last, pre_logits=True)
        return pooled

    def forward(self, pixels: Tensor) -> Tensor:
        """Embeddings (n, dimension), not normalised."""
        vectors: Tensor = self.visual((pixels - self.mean) / self.std)
        return vectors


class HintHeads(nn.Module):
    """1x1 convolutions from the student's maps to the teacher's; used in training alone."""

    def __init__(self, tower: ImageStudent, scales: dict[str, TargetScale]) -> None:
        super().__init__()
        channels = tower.channels()
        self.maps = nn.ModuleDict(
            {
                name: nn.Conv2d(channel, len(scales[name].mean), 1)
                for name, channel in zip(HINTS, channels, strict=True)
            }
        )

    def losses(self, maps: list[Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean squared error to each normalised teacher map (n, c, h, w), at the student's size."""
        found = {}
        for name, own in zip(HINTS, maps, strict=True):
            wanted = functional.adaptive_avg_pool2d(targets[name], (own.shape[2], own.shape[3]))
            found[name] = functional.mse_loss(self.maps[name](own), wanted)
        return found
