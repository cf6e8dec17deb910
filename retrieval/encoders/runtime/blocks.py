"""open_clip's transformer blocks, computing only the rows of the last block that are read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.runtime.linears import PlainLinear


class LeanAttention(nn.Module):
    """Self-attention of an ``nn.MultiheadAttention``: one product for queries, keys and values."""

    def __init__(self, attention: Any) -> None:
        """Shares the weights of ``attention``; see ``leanable_attention``."""
        super().__init__()
        self.heads = int(attention.num_heads)
        self.inward: Any = PlainLinear(attention.in_proj_weight, attention.in_proj_bias)
        self.outward: Any = PlainLinear(attention.out_proj.weight, attention.out_proj.bias)

    def forward(self, x: Tensor, mask: Tensor | None, rows: Tensor | None) -> Tensor:
        """(n, length, width), or (n, 1, width) for one place ``rows`` (n,) of each item.

        ``mask`` is added to scores: (length, length).
        """
        count, length, width = x.shape
        parts = self.inward(x).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if rows is not None:
            items = torch.arange(count, device=x.device)
            query = query[items, :, rows][:, :, None]
            mask = None if mask is None else mask[rows][:, None, None]
        answer = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        joined: Tensor = self.outward(answer.transpose(1, 2).reshape(count, -1, width))
        return joined


class LeanBlock(nn.Module):
    """A ``ResidualAttentionBlock``."""

    def __init__(self, block: Any) -> None:
        """Shares the weights of ``block``; see ``leanable_block``."""
        super().__init__()
        self.first, self.second = block.ln_1, block.ln_2
        self.first_scale, self.second_scale = block.ls_1, block.ls_2
        self.attention = LeanAttention(block.attn)
        self.wide: Any = PlainLinear(block.mlp.c_fc.weight, block.mlp.c_fc.bias)
        self.bend = block.mlp.gelu
        self.narrow: Any = PlainLinear(block.mlp.c_proj.weight, block.mlp.c_proj.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
        """As ``LeanAttention.forward``."""
        heard = self.first_scale(self.attention(self.first(x), mask, rows))
        if rows is not None:
            x = x[torch.arange(len(x), device=x.device), rows][:, None]
        x = x + heard
        added = self.narrow(self.wide.activated(self.second(x), self.bend))
        answer: Tensor = x + self.second_scale(added)
        return answer


def leanable_blocks(transformer: Any) -> bool:
    """Whether every block of an open_clip ``Transformer`` is of the plain kind."""
    from open_clip.transformer import ResidualAttentionBlock, Transformer

    return (
        type(transformer) is Transformer
        and bool(transformer.batch_first)
        and all(
            type(block) is ResidualAttentionBlock and leanable_attention(block.attn)
            for block in transformer.resblocks
        )
    )


def leanable_attention(attention: Any) -> bool:
    """Whether ``attention`` is an ``nn.MultiheadAttention`` without any of its options."""
    return (
        type(attention) is nn.MultiheadAttention
        and bool(attention._qkv_same_embed_dim)  # noqa: SLF001 torch offers no other way to ask
        and attention.bias_k is None
        and not attention.add_zero_attn
    )


class LeanVision(nn.Module):
    """open_clip's ``VisionTransformer``: patches by one matrix product, the class token read."""

    def __init__(self, visual: Any) -> None:
        """Shares the weights of ``visual``; see ``leanable_vision``."""
        super().__init__()
        kernel = visual.conv1.weight
        self.patch: tuple[int, int] = tuple(kernel.shape[2:])
        self.patches: Any = PlainLinear(kernel.reshape(len(kernel), -1), None)
        self.class_embedding = visual.class_embedding
        self.positional_embedding = visual.positional_embedding
        self.before, self.after = visual.ln_pre, visual.ln_post
        self.blocks = nn.ModuleList(LeanBlock(block) for block in visual.transformer.resblocks)
        self.proj = visual.proj

    def forward(self, pixels: Tensor) -> Tensor:
        """Features (n, d) of pixels (n, 3, h, w), not normalised."""
        count, channels, height, width = pixels.shape
        tall, wide = self.patch
        cut = pixels.reshape(count, channels, height // tall, tall, width // wide, wide)
        x = self.patches(cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))
        first = self.class_embedding.expand(count, 1, -1)
        x = self.before(torch.cat([first, x], dim=1) + self.positional_embedding)
        for block in self.blocks[:-1]:
            x = block(x)
        place = torch.zeros(count, dtype=torch.long, device=x.device)
        x = self.after(self.blocks[-1](x, None, place)[:, 0])
        answer: Tensor = x if self.proj is None else x @ self.proj
        return answer


def leanable_vision(visual: Any) -> bool:
    """Whether ``visual`` is a plain ViT whose answer is its class token."""
    from open_clip.transformer import VisionTransformer

    return (
        type(visual) is VisionTransformer
        and visual.attn_pool is None
        and visual.pool_type == "tok"
        and not visual.output_tokens
        and visual.conv1.padding == (0, 0)
        and leanable_blocks(visual.transformer)
    )


class LeanText(nn.Module):
    """open_clip's causal text tower: nothing behind the batch's longest text is computed."""

    mask: Tensor

    def __init__(self, tower: Any) -> None:
        """``tower`` is ``open_clip_towers.TextTower``; see ``leanable_text``."""
        super().__init__()
        text = tower.text
        self.tokens = text.token_embedding
        self.positions = text.positional_embedding
        self.blocks = nn.ModuleList(LeanBlock(block) for block in text.transformer.resblocks)
        self.after = text.ln_final
        self.projection = text.text_projection
        self.end_id = int(text.eos_id) if text.pool_type == "eos" else None
        self.register_buffer("mask", text.attn_mask, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings (n, d), L2-normalised, of token ids (n, length)."""
        ends = ids if self.end_id is None else (ids == self.end_id).int()
        rows = ends.argmax(dim=-1)
        ids = ids[:, : int(rows.max()) + 1]
        length = ids.shape[1]
        x = self.tokens(ids) + self.positions[:length]
        mask = self.mask[:length, :length]
        for block in self.blocks[:-1]:
            x = block(x, mask)
        x = self.after(self.blocks[-1](x, mask, rows)[:, 0])
        if isinstance(self.projection, nn.Linear):
            x = self.projection(x)
        elif self.projection is not None:
            x = x @ self.projection
        return functional.normalize(x, dim=-1)


def leanable_text(tower: Any) -> bool:
    """Whether ``tower`` is a causal open_clip text tower read at the end of its text."""
    return (
        bool(tower.plain)
        and bool(tower.cuttable)
        and leanable_blocks(tower.text.transformer)
        and not tower.text.output_tokens
    )
