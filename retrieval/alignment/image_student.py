"""The image student: a timm backbone that imitates the teacher's maps at three strides."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from retrieval.alignment.teachers import Quantised
from retrieval.encoders.towers import ImageTower

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


class HintHeads(nn.Module):
    """1x1 convolutions from the student's maps to the teacher's; used in training alone."""

    def __init__(self, tower: ImageTower, scales: dict[str, TargetScale]) -> None:
        super().__init__()
        channels = tower.backbone.feature_info.channels()
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
