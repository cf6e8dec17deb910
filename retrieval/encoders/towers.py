"""The starter's own networks: timm backbones with a pooled head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.torchvision_compat import declare_missing_operators


class ImageTower(nn.Module):
    """Backbone, 1x1 convolution to ``width``, mean over the picture, linear head.

    Takes float RGB in 0..1 (n, 3, h, w); gives (n, dimension), not normalised.
    """

    backbone: Any  # timm gives no types
    mean: Tensor
    std: Tensor

    def __init__(
        self, architecture: str, *, width: int, dimension: int, drop_path: float = 0.0
    ) -> None:
        """Random weights."""
        super().__init__()
        declare_missing_operators()
        import timm

        self.backbone = timm.create_model(
            architecture, features_only=True, out_indices=(2, 3, 4), drop_path_rate=drop_path
        )
        channels = self.backbone.feature_info.channels()[-1]
        self.expand = nn.Conv2d(channels, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, dimension)
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as timm's default
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def pooled(self, maps: Tensor) -> Tensor:
        """Mean over the picture of the expanded last map: (n, width)."""
        return functional.relu6(self.norm(self.expand(maps))).mean((2, 3))

    def features(self, pixels: Tensor) -> list[Tensor]:
        """Backbone maps at strides 8, 16 and 32."""
        maps: list[Tensor] = self.backbone((pixels - self.mean) / self.std)
        return maps

    def forward(self, pixels: Tensor) -> Tensor:
        """Embeddings (n, dimension), not normalised."""
        vectors: Tensor = self.head(self.pooled(self.features(pixels)[-1]))
        return vectors


class AudioTower(nn.Module):
    """Backbone over log-mel spectrograms, half mean and half maximum over time, linear head.

    Takes (n, frames, bands) of any length; gives (n, dimension), not normalised.
    """

    backbone: Any  # timm gives no types

    def __init__(
        self, architecture: str, *, width: int, dimension: int, drop_path: float = 0.0
    ) -> None:
        """Random weights."""
        super().__init__()
        declare_missing_operators()
        import timm

        self.backbone = timm.create_model(
            architecture, in_chans=1, features_only=True, out_indices=(4,), drop_path_rate=drop_path
        )
        channels = self.backbone.feature_info.channels()[-1]
        self.expand = nn.Conv1d(channels, width, 1, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, dimension)

    def moments(self, mel: Tensor) -> Tensor:
        """Features over time (n, width, moments): one for each 32 frames."""
        maps: Tensor = self.backbone(mel[:, None])[-1]
        return functional.relu6(self.norm(self.expand(maps.mean(3))))

    def pooled(self, moments: Tensor) -> Tensor:
        """Half mean, half maximum over time: (n, width)."""
        return (moments.mean(2) + moments.amax(2)) / 2

    def forward(self, mel: Tensor) -> Tensor:
        """Embeddings (n, dimension), not normalised."""
        vectors: Tensor = self.head(self.pooled(self.moments(mel)))
        return vectors
