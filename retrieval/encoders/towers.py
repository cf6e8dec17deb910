"""The starter's own audio network: a timm backbone with a pooled head."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.torchvision_compat import declare_missing_operators


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
