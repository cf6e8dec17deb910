"""Size, speed and recall of the starter's towers, pruned and quantised in several ways.

``python -m retrieval.evaluation.compression BUNDLE DATASET``: a dataset of photographs with
captions (see ``datasets``). One tower changes at a time, the other stays as it is. Recall at 10 is
text to image. Times are medians of batches, in milliseconds an item, preprocessing aside.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from retrieval.encoders.base import Vectors, unit_rows
from retrieval.encoders.bundle import manifest_read
from retrieval.encoders.registry import load_tower
from retrieval.encoders.runtime.candidates.half import half
from retrieval.encoders.runtime.candidates.int8 import int8
from retrieval.encoders.runtime.lean import lean
from retrieval.encoders.runtime.trees import cast, exchanged, weight_bytes
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.evaluation.datasets import Dataset, dataset_open, items_read

_BATCH = {"image": 8, "text": 32}
_RANKS = (1, 5, 10)
_SHARES = (0.3, 0.5, 0.7)
_INDEX_BYTES = 2  # of a kept weight's place in a row, as compressed sparse rows have it
_EIGHT_BITS = 127.0

_pruning: Any = prune  # torch does not type it
Make = Callable[[nn.Module], nn.Module]
Batches = list[tuple[list[int], tuple[Tensor, ...]]]


@dataclass(frozen=True)
class Way:
    """How a tower is made smaller. ``bytes_of`` gives the size its weights take when stored."""

    name: str
    make: Make
    bytes_of: Callable[[nn.Module], int] = weight_bytes


@dataclass(frozen=True)
class Line:
    """One line of the table; ``cosine`` is the mean to the tower as loaded."""

    tower: str
    way: str
    megabytes: float
    each_ms: float
    cosine: float
    recall: dict[int, float]

    def text(self) -> str:
        """For people, and for a README's table."""
        ranks = " | ".join(f"{self.recall[rank]:.3f}" for rank in _RANKS)
        return (
            f"| {self.tower} | {self.way} | {self.megabytes:.1f} | {self.each_ms:.1f} "
            f"| {self.cosine:.4f} | {ranks} |"
        )


def ways() -> list[Way]:
    """All of them, the tower as loaded first."""
    found = [
        Way("as loaded, float32", lambda module: module),
        Way("float32, dead work left out", lean),
        Way("linear layers float16", half),
        Way("all weights rounded to float16", _rounded_half, lambda m: weight_bytes(m) // 2),
        Way("linear layers int8, dynamic", int8),
        Way("all weights rounded to int8", _rounded_int8, lambda m: weight_bytes(m) // 4),
    ]
    found += [
        Way(f"magnitude pruning {share:.0%}, single weights", _sparse(share), _sparse_bytes)
        for share in _SHARES
    ]
    found.append(Way("magnitude pruning 30%, whole outputs", _structured(0.3), _kept_bytes))
    return found


def table(bundle: Path, dataset: Dataset, *, limit: int | None = None) -> Iterator[Line]:
    """A line for each way and tower, as soon as it is measured.

    Raises:
        BundleError: the bundle cannot be loaded. DatasetError: the dataset has no captions.
    """
    manifest = manifest_read(bundle)
    towers = {}
    for modality in ("text", "image"):
        tower = load_tower(bundle, manifest.towers[modality], manifest.dimension)
        if not isinstance(tower, TorchEncoder):
            raise TypeError(f"the {modality} tower is no torch module")
        towers[modality] = tower
    files = dataset.files[:limit]
    place = {file: row for row, file in enumerate(files)}
    captions = [(place[file], said) for file, said in dataset.captions if file in place]
    images = list(items_read(dataset, files, settings=manifest.towers["image"].input))
    batches = {
        "text": _batches(towers["text"], [said for _, said in captions]),
        "image": _batches(towers["image"], images),
    }
    plain = {name: _encoded(tower.module, batches[name])[0] for name, tower in towers.items()}
    right = np.array([row for row, _ in captions])
    for name, tower in towers.items():
        for way in ways():
            with torch.inference_mode():
                module = way.make(tower.module)
            vectors, each_ms = _encoded(module, batches[name])
            now = {**plain, name: vectors}
            yield Line(
                tower=name,
                way=way.name,
                megabytes=way.bytes_of(module) / 1e6,
                each_ms=each_ms,
                cosine=float((vectors * plain[name]).sum(1).mean()),
                recall=_recall(now["text"], now["image"], right),
            )


def _batches(tower: TorchEncoder, items: Sequence[Any]) -> Batches:
    """Inputs of all items, items of a like length together where texts differ in it."""
    size = _BATCH[tower.modality]
    order = list(range(len(items)))
    if tower.modality == "text":
        order.sort(key=lambda row: len(items[row]))
    found = []
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        for inner, inputs in tower.groups([items[row] for row in rows]):
            found.append(([rows[row] for row in inner], inputs))
    return found


def _encoded(module: nn.Module, batches: Batches) -> tuple[Vectors, float]:
    """Vectors in the items' order, and the median milliseconds an item."""
    rows: dict[int, Any] = {}
    times = []
    with torch.inference_mode():
        module(*batches[0][1])
        for places, inputs in batches:
            began = time.perf_counter()
            answer = module(*inputs)
            times.append(1000 * (time.perf_counter() - began) / len(places))
            rows.update(zip(places, answer.float().numpy(), strict=True))
    return unit_rows(np.stack([rows[row] for row in sorted(rows)])), median(times)


def _recall(texts: Vectors, images: Vectors, right: Any) -> dict[int, float]:
    scores = texts @ images.T
    own = scores[np.arange(len(texts)), right]
    before = (scores > own[:, None]).sum(1)
    return {rank: float((before < rank).mean()) for rank in _RANKS}


def _own_copy(module: nn.Module) -> nn.Module:
    """A twin whose weights are its own."""
    twin = exchanged(module, lambda _: None)
    for part in twin.modules():
        for name, value in part._parameters.items():  # noqa: SLF001 a twin's own table
            if value is not None:
                part._parameters[name] = nn.Parameter(value.detach().clone(), requires_grad=False)  # noqa: SLF001
    return twin


def _layers(module: nn.Module) -> list[nn.Module]:
    kinds = (nn.Linear, nn.Conv2d, nn.Conv1d, nn.Embedding)
    return [part for part in module.modules() if isinstance(part, kinds)]


def _rounded_half(module: nn.Module) -> nn.Module:
    return cast(
        cast(module, torch.float16, torch.device("cpu")), torch.float32, torch.device("cpu")
    )


def _rounded_int8(module: nn.Module) -> nn.Module:
    """Every weight as one of 255 steps of its output's largest; computed in float32."""
    twin = _own_copy(module)
    for part in _layers(twin):
        weight: Any = part.weight
        steps = weight.abs().flatten(1).amax(1).clamp(min=1e-12) / _EIGHT_BITS
        steps = steps.view(-1, *(1,) * (weight.dim() - 1))
        weight.copy_((weight / steps).round() * steps)
    return twin


def _sparse(share: float) -> Make:
    def make(module: nn.Module) -> nn.Module:
        twin = _own_copy(module)
        layers = [(part, "weight") for part in _layers(twin) if not isinstance(part, nn.Embedding)]
        _pruning.global_unstructured(layers, prune.L1Unstructured, amount=share)
        for part, name in layers:
            _pruning.remove(part, name)
        return twin

    return make


def _structured(share: float) -> Make:
    """Whole outputs of every layer but depthwise ones and the last are set to zero."""

    def make(module: nn.Module) -> nn.Module:
        twin = _own_copy(module)
        layers = [part for part in _layers(twin) if getattr(part, "groups", 1) == 1]
        for part in [layer for layer in layers if not isinstance(layer, nn.Embedding)][:-1]:
            _pruning.ln_structured(part, "weight", amount=share, n=2, dim=0)
            _pruning.remove(part, "weight")
        return twin

    return make


def _sparse_bytes(module: nn.Module) -> int:
    """Kept weights with their places, or all of them where that is less."""
    total = weight_bytes(module)
    for part in _layers(module):
        weight: Any = part.weight
        kept = int((weight != 0).sum())
        total -= max(0, 4 * weight.numel() - (4 + _INDEX_BYTES) * kept)
    return total


def _kept_bytes(module: nn.Module) -> int:
    """All but the outputs that are zero."""
    total = weight_bytes(module)
    for part in _layers(module):
        weight: Any = part.weight
        gone = int((weight.flatten(1) == 0).all(1).sum())
        total -= 4 * gone * weight[0].numel()
    return total


def main(arguments: list[str] | None = None) -> int:
    """Prints the table, a line as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--limit", type=int, help="photographs to take; all if left out")
    options = parser.parse_args(arguments)
    out = sys.stdout
    out.write(
        "| tower | how | MB | ms | cosine | R@1 | R@5 | R@10 |\n|---|---|---|---|---|---|---|---|\n"
    )
    for line in table(options.bundle, dataset_open(options.dataset), limit=options.limit):
        out.write(f"{line.text()}\n")
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
