"""Similarity maps from gradients: integrated gradients through an encoder on torch.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017: the gradient of
the similarity, averaged on the straight way from a baseline (the mean colour, silence, words
without meaning) to the item, times the way. All steps are one forward and one backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.saliency.base import Cells, Numbers, SaliencyImpossible, SaliencyMap
from retrieval.saliency.picture import PictureCells
from retrieval.saliency.sound import SoundCells
from retrieval.saliency.words import WordCells

_HELD: Final = 2  # what the table gave, and what was made of it
STEPS: Final = 16
"""Points on the way; the paper finds 20 to 300 enough for the sum to be exact within 5 %."""


def gradient(cells: Cells, *, query: Numbers, encoder: Any) -> SaliencyMap:
    """The map of an item for a unit ``query`` (d,).

    Raises:
        SaliencyImpossible: the encoder is not one on torch, or its runtime has no gradients.
    """
    if not isinstance(encoder, TorchEncoder):
        raise SaliencyImpossible("no gradients come from an encoder of this kind")
    if any(getattr(part, "packed_bytes", 0) for part in encoder.module.modules()):
        # Through packed weights (int8, compiled) no gradient flows, but beside them, through
        # residual sums, it may: what came out would look right and be wrong.
        raise SaliencyImpossible("this runtime packs weights")
    try:
        if isinstance(cells, PictureCells):
            return _picture(cells, query, encoder)
        if isinstance(cells, SoundCells):
            return _sound(cells, query, encoder)
        if isinstance(cells, WordCells):
            return _words(cells, query, encoder)
    except (RuntimeError, NotImplementedError, TypeError) as error:
        # Quantised, traced or frozen modules say in many ways that they have none.
        raise SaliencyImpossible("no gradients come from this runtime") from error
    raise SaliencyImpossible("there is no such kind of item")


def _picture(cells: PictureCells, query: Numbers, encoder: TorchEncoder) -> SaliencyMap:
    attributed, similarity = _integrated(
        _inputs(encoder, cells.pixels), query, encoder, lambda _: torch.zeros(())
    )
    worth = attributed.sum(0)  # (3, h, w): colours together
    row, column = _seen(encoder, cells)
    values = np.zeros(cells.shape, np.float32)
    np.add.at(values, (row.ravel(), column.ravel()), worth.ravel())
    return SaliencyMap(values=values, method="gradient", similarity=similarity)


def _seen(encoder: TorchEncoder, cells: PictureCells) -> tuple[Any, Any]:
    """For each pixel that the network sees, row and column of the cell it comes from.

    Whatever preprocessing does (squash, crop, mirror), a picture of coordinates tells: its
    brightness rises from 0 to 255 from top to bottom, or from left to right, and normalisation is
    undone by what a black and a white picture become.
    """
    height, width = cells.pixels.shape[:2]
    down = np.broadcast_to(np.linspace(0, 255, height)[:, None, None], (height, width, 3))
    right = np.broadcast_to(np.linspace(0, 255, width)[None, :, None], (height, width, 3))
    black, white, down_seen, right_seen = (
        _inputs(encoder, np.ascontiguousarray(made, dtype=np.uint8))[0, 0].numpy()
        for made in (np.zeros_like(cells.pixels), np.full_like(cells.pixels, 255), down, right)
    )
    span = np.maximum(white - black, 1e-6)
    found = []
    for seen, count in ((down_seen, cells.shape[0]), (right_seen, cells.shape[1])):
        place = np.clip((seen - black) / span, 0.0, 1.0)
        found.append(np.minimum((place * count).astype(np.int64), count - 1))
    return found[0], found[1]


def _sound(cells: SoundCells, query: Numbers, encoder: TorchEncoder) -> SaliencyMap:
    mels = _inputs(encoder, cells.wave)
    attributed, similarity = _integrated(mels, query, encoder, lambda whole: whole.amin())
    worth = attributed if attributed.ndim == 2 else attributed.sum(0)  # noqa: PLR2004 (frames, bands)
    rows, columns = cells.shape
    frames, bands = worth.shape
    # A sound shorter than the tower's window is repeated or padded: only its first time counts.
    clip = getattr(encoder, "clip_samples", len(cells.wave))
    heard = max(1, min(frames, round(frames * len(cells.wave) / max(clip, len(cells.wave)))))
    values = np.zeros(cells.shape, np.float32)
    step = np.minimum(np.arange(heard) * columns // heard, columns - 1)
    band = np.minimum(np.arange(bands) * rows // bands, rows - 1)
    np.add.at(
        values, (band[None, :].repeat(heard, 0), step[:, None].repeat(bands, 1)), worth[:heard]
    )
    return SaliencyMap(values=values, method="gradient", similarity=similarity)


def _words(cells: WordCells, query: Numbers, encoder: TorchEncoder) -> SaliencyMap:
    """Through the layer that turns tokens into vectors: the largest table of the network."""
    inputs = _one_group(encoder, cells.text)
    tables = [part for part in encoder.module.modules() if isinstance(part, nn.Embedding)]
    if not tables:
        raise SaliencyImpossible("the network has no table of tokens")
    table = max(tables, key=lambda one: one.num_embeddings)
    alphas, held = _alphas(encoder), list[Tensor]()

    def scaled(module: nn.Module, given: Any, answer: Tensor) -> Tensor:
        del module, given
        whole = answer.detach()
        held.append(whole[:1])
        held.append((whole * alphas.view(-1, 1, 1).to(whole.dtype)).requires_grad_())
        return held[1]

    hook = table.register_forward_hook(scaled)
    try:
        with torch.enable_grad():
            many = [value.expand(STEPS, *value.shape[1:]) for value in inputs]
            along = _along(encoder, many, query)
            if len(held) != _HELD:
                raise SaliencyImpossible("the network reads its table of tokens by itself")
            (slope,) = torch.autograd.grad(along.sum(), held[1])
    finally:
        hook.remove()
    worth = (slope.float().mean(0) * held[0][0].float()).sum(-1).cpu().numpy()
    values = np.array(
        [worth[first:last].sum() for first, last in _tokens_of(encoder, cells)], np.float32
    )
    return SaliencyMap(values=values, method="gradient", similarity=float(along[-1].detach()))


def _tokens_of(encoder: TorchEncoder, cells: WordCells) -> list[tuple[int, int]]:
    """For each word, from which to which token it goes.

    Tokenizers differ, so they are asked how long the text up to each word becomes: before its first
    word stands what a text of nothing begins with, after its last what it ends with.
    """
    empty = _length(encoder, "")
    begin = max(0, (empty + 1) // 2 if empty > 1 else 0)
    end = empty - begin
    spans, before = [], begin
    for _, until in cells.spans:
        after = max(before, _length(encoder, cells.text[:until]) - end)
        spans.append((before, after))
        before = after
    return spans


def _length(encoder: TorchEncoder, text: str) -> int:
    """Tokens of a text, those of its frame included, padding not."""
    inputs = _one_group(encoder, text)
    if len(inputs) > 1:  # ids with a mask
        return int(inputs[1].sum())
    padding = int(_one_group(encoder, "")[0][0, -1])  # behind nothing there is only padding
    kept = (inputs[0][0] != padding).nonzero()
    return int(kept[-1]) + 1 if len(kept) else 0


def _one_group(encoder: TorchEncoder, item: Any) -> tuple[Tensor, ...]:
    ((_, inputs),) = list(encoder.groups([item]))
    return inputs


def _inputs(encoder: TorchEncoder, item: Any) -> Tensor:
    """What the network sees of one item: float (1, ...), on the CPU."""
    inputs = _one_group(encoder, item)
    if len(inputs) != 1:
        raise SaliencyImpossible("the network takes more than one input")
    return inputs[0].clone()


def _alphas(encoder: TorchEncoder) -> Tensor:
    """Places on the way, the end of it last: 1/n .. 1."""
    return torch.arange(1, STEPS + 1, device=encoder.device) / STEPS


def _along(encoder: TorchEncoder, inputs: list[Tensor], query: Numbers) -> Tensor:
    """Similarities at each place of the way: float (STEPS,)."""
    placed = [value.to(encoder.device) for value in inputs]
    vectors = encoder.module(*placed).float()
    found: Tensor = vectors @ torch.from_numpy(np.array(query, np.float32)).to(vectors.device)
    return found


def _integrated(
    whole: Tensor, query: Numbers, encoder: TorchEncoder, baseline: Callable[[Tensor], Tensor]
) -> tuple[Numbers, float]:
    """Attribution of each number that goes in, and the whole's similarity."""
    start = baseline(whole)
    way = whole - start
    with torch.enable_grad():
        alphas = _alphas(encoder).cpu().view(-1, *[1] * (whole.ndim - 1))
        points = (start + alphas * way).to(encoder.device, encoder.dtype).requires_grad_()
        along = _along(encoder, [points], query)
        (slope,) = torch.autograd.grad(along.sum(), points)
    worth = (slope.mean(0).float().cpu() * way[0]).numpy()
    return worth.astype(np.float32), float(along[-1].detach())
