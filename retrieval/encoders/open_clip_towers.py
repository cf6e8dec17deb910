"""Both halves of an open_clip model as modules of their own, with normalised answers.

The networks are open_clip's, built by its own functions; what stands here is only what
``CLIP.encode_image`` and ``encode_text`` (open_clip 3.3, model.py and coca_model.py) do around
them, so that one half can be loaded without the other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class ImageTower(nn.Module):
    """Pictures as open_clip's preprocessing leaves them, float (n, 3, h, w), to (n, d)."""

    def __init__(self, visual: nn.Module, *, mirror: bool = False) -> None:
        """With ``mirror`` the answer is the mean direction of a picture and its mirror image."""
        super().__init__()
        self.visual = visual
        self.mirror = mirror

    def forward(self, pixels: Tensor) -> Tensor:
        """Embeddings (n, d), L2-normalised."""
        vectors = self._unit(pixels)
        if self.mirror:
            return functional.normalize(vectors + self._unit(pixels.flip(3)), dim=-1)
        return vectors

    def _unit(self, pixels: Tensor) -> Tensor:
        features = self.visual(pixels)
        if isinstance(features, tuple):  # CoCa: pooled features and tokens
            features = features[0]
        return functional.normalize(features, dim=-1)


class TextTower(nn.Module):
    """Token ids, int64 (n, length), to (n, d).

    Where ``cuttable``, ids may be cut behind the batch's longest text: what lies behind the last
    token cannot change the answer (a causal mask, or padding that is masked). Elsewhere they must
    have the full context length.
    """

    text: Any  # TextTransformer or HFTextEncoder; open_clip gives no types

    def __init__(self, text: Any) -> None:
        """``text`` is open_clip's TextTransformer or HFTextEncoder."""
        super().__init__()
        self.text = text
        self.hugging_face = hasattr(text, "pooler")
        # The path of CLIP.encode_text; CoCa appends a class token, whose place is fixed.
        self.plain = not (self.hugging_face or text.cls_emb is not None or text.use_pad_mask)
        causal = self.plain and self.text.attn_mask is not None
        self.cuttable = self.hugging_face or (causal and self.text.pool_type in {"argmax", "eos"})
        self.pad_id = int(text.config.pad_token_id if self.hugging_face else self.text.pad_id)

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings (n, d), L2-normalised."""
        features = self._plain(ids) if self.plain else self.text(ids)
        if isinstance(features, tuple):  # CoCa: pooled features and tokens
            features = features[0]
        return functional.normalize(features, dim=-1)

    def _plain(self, ids: Tensor) -> Tensor:
        from open_clip.transformer import text_global_pool

        text, length = self.text, ids.shape[1]
        dtype = text.transformer.get_cast_dtype()
        x = text.token_embedding(ids).to(dtype) + text.positional_embedding[:length].to(dtype)
        mask = text.attn_mask
        x = text.transformer(x, attn_mask=None if mask is None else mask[:length, :length])
        x = text_global_pool(text.ln_final(x), ids, text.pool_type, eos_token_id=text.eos_id)
        projection = text.text_projection
        if isinstance(projection, nn.Linear):
            x = projection(x)
        elif projection is not None:
            x = x @ projection
        return torch.as_tensor(x)
