"""laion-clap's HTSAT without what an embedding does not need.

The same function of the same weights as ``HTSAT_Swin_Transformer`` (clap_module/htsat.py): windows
are cut by one gather instead of roll, view and permute; attention is fused, its bias computed once;
attention maps, frame-wise outputs and the classifier are left out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.runtime.linears import PlainLinear


class LeanWindows(nn.Module):
    """A ``SwinTransformerBlock``: attention inside windows of a (side, side) map, then the MLP."""

    order: Tensor
    back: Tensor
    bias: Tensor

    def __init__(self, block: Any) -> None:
        """Shares the weights of ``block``."""
        super().__init__()
        side, window, attention = block.input_resolution[0], block.window_size, block.attn
        self.places, self.windows = window * window, (side // window) ** 2
        self.heads = int(attention.num_heads)
        self.scale = float(attention.scale)
        order = _order(side, window, block.shift_size)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", torch.argsort(order), persistent=False)
        self.register_buffer("bias", _bias(block), persistent=False)
        self.first, self.second = block.norm1, block.norm2
        self.inward: Any = PlainLinear(attention.qkv.weight, attention.qkv.bias)
        self.outward: Any = PlainLinear(attention.proj.weight, attention.proj.bias)
        self.wide: Any = PlainLinear(block.mlp.fc1.weight, block.mlp.fc1.bias)
        self.bend = block.mlp.act
        self.narrow: Any = PlainLinear(block.mlp.fc2.weight, block.mlp.fc2.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, side * side, width)."""
        count, length, width = x.shape
        cut = self.inward(torch.index_select(self.first(x), 1, self.order))
        parts = cut.view(count * self.windows, self.places, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.bias
        if len(bias) > 1 and count > 1:
            bias = bias.repeat(count, 1, 1, 1)
        heard = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias, scale=self.scale
        )
        joined = self.outward(heard.transpose(1, 2).reshape(count, length, width))
        x = x + torch.index_select(joined, 1, self.back)
        answer: Tensor = x + self.narrow(self.wide.activated(self.second(x), self.bend))
        return answer


class LeanMerging(nn.Module):
    """``PatchMerging``: four neighbours to one, twice as wide."""

    def __init__(self, merging: Any) -> None:
        """Shares the weights of ``merging``."""
        super().__init__()
        self.side = int(merging.input_resolution[0])
        self.norm = merging.norm
        self.reduction: Any = PlainLinear(merging.reduction.weight, merging.reduction.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, side * side / 4, 2 * width)."""
        count, _, width = x.shape
        half = self.side // 2
        pairs = x.view(count, half, 2, half, 2, width).permute(0, 1, 3, 4, 2, 5)
        answer: Tensor = self.reduction(self.norm(pairs.reshape(count, half * half, 4 * width)))
        return answer


class LeanHtsat(nn.Module):
    """An unfused HTSAT branch whose spectrogram layers a frontend has taken."""

    def __init__(self, branch: Any) -> None:
        """Shares the weights of ``branch``; see ``leanable_htsat``."""
        super().__init__()
        self.image_side = int(branch.spec_size)
        self.folds = int(branch.freq_ratio)
        # Plain tensors, so that a cast leaves them: decibels have no room in bf16's eight bits.
        bands = branch.bn0
        gain = bands.weight / torch.sqrt(bands.running_var + bands.eps)
        self.gain = gain.detach().clone()
        self.offset = (bands.bias - bands.running_mean * gain).detach().clone()
        self.patches = branch.patch_embed.proj
        self.patch_norm = branch.patch_embed.norm
        steps: list[nn.Module] = []
        for layer in branch.layers:
            steps += [LeanWindows(block) for block in layer.blocks]
            if layer.downsample is not None:
                steps.append(LeanMerging(layer.downsample))
        self.steps = nn.Sequential(*steps)
        self.after = branch.norm

    def forward(self, inputs: dict[str, Tensor], device: Any = None) -> dict[str, Tensor]:
        """``{"embedding": (n, width)}`` of ``{"waveform": log-mel (n, 1, frames, bands)}``."""
        mels = inputs["waveform"].float() * self.gain + self.offset
        image = self._image(mels).to(self.patches.weight.dtype)
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = self.after(self.steps(self.patch_norm(x)))
        return {"embedding": x.mean(dim=1)}

    def cast_own(self, dtype: torch.dtype, device: torch.device) -> None:
        """Follows a cast: to the device, but in float32."""
        self.gain, self.offset = self.gain.to(device), self.offset.to(device)

    def _image(self, mels: Tensor) -> Tensor:
        """A square: the spectrogram in ``folds`` pieces of time, one below the other."""
        count, channels, frames, bands = mels.shape
        length, height = self.image_side * self.folds, self.image_side // self.folds
        for size, short in (((length, bands), frames < length), ((length, height), bands < height)):
            if short:
                mels = functional.interpolate(mels, size, mode="bicubic", align_corners=True)
        folded = mels.transpose(2, 3).reshape(count, channels, height, self.folds, self.image_side)
        return folded.transpose(2, 3).reshape(count, channels, self.image_side, self.image_side)


def leanable_htsat(branch: Any) -> bool:
    """Whether ``branch`` is an HTSAT as laion-clap's configurations make it, without fusion."""
    if type(branch).__name__ != "HTSAT_Swin_Transformer" or branch.enable_fusion or branch.ape:
        return False
    blocks = [block for layer in branch.layers for block in layer.blocks]
    square = all(block.input_resolution[0] == block.input_resolution[1] for block in blocks)
    layered = all(isinstance(block.norm2, nn.LayerNorm) for block in blocks)
    return square and layered and isinstance(branch.spectrogram_extractor, nn.Identity)


def _order(side: int, window: int, shift: int) -> Tensor:
    """Which place of the map each place of the windowed order comes from: int64 (side * side,)."""
    places = torch.arange(side * side).view(side, side)
    if shift:
        places = torch.roll(places, (-shift, -shift), (0, 1))
    cut = places.view(side // window, window, side // window, window)
    return cut.permute(0, 2, 1, 3).reshape(-1)


def _bias(block: Any) -> Tensor:
    """What is added to scores: (1 or windows, heads, places, places)."""
    attention = block.attn
    places = block.window_size**2
    table = attention.relative_position_bias_table[attention.relative_position_index.view(-1)]
    bias: Tensor = table.view(places, places, -1).permute(2, 0, 1)[None]
    if block.attn_mask is not None:
        bias = bias + block.attn_mask[:, None]
    return bias.detach().contiguous()
