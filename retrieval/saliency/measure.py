"""Which method agrees better with the deletion test: measured on a labelled dataset.

    python -m retrieval.saliency.measure --dataset DIR [--bundle DIR] [--texts] [--items N]

Each item is asked for with its own caption or label. Area under the similarity while cells go, the
best first (lower is better), beside that of random orders. It reads files with libraries of the
training side, so it is a tool for whoever builds models, not a part of the appliance.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from retrieval.encoders.base import Encoder
from retrieval.encoders.bundle import BUILTIN
from retrieval.encoders.registry import LoadedBundle, load_bundle
from retrieval.evaluation.datasets import Dataset, dataset_open, items_read
from retrieval.saliency.base import METHODS, Cells, Numbers, SaliencyMap
from retrieval.saliency.deletion import deletion_area, order_of
from retrieval.saliency.gradient import gradient
from retrieval.saliency.occlusion import occlusion
from retrieval.saliency.picture import PictureCells
from retrieval.saliency.sound import SoundCells
from retrieval.saliency.words import WordCells

_RANDOM_ORDERS: Final = 5
_OTHERS: Final = 4  # captions of other files in a text, beside one of its own


@dataclass(frozen=True)
class Item:
    """One thing to explain: taken apart, perhaps by another filling for the test, and its query."""

    cells: Cells
    tested: Cells
    query: Numbers


@dataclass
class Tally:
    """Areas and seconds of one method, item by item."""

    areas: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def items_of(
    bundle: LoadedBundle, dataset: Dataset, *, items: int, seed: int, black: bool
) -> Iterator[Item]:
    """Media of the dataset, each with the vector of the first words that are said of it."""
    words = dict(reversed((*dataset.captions, *dataset.labels)))
    files = _some(sorted(words), items, seed)
    settings = bundle.manifest.towers[dataset.modality].input
    text = bundle.towers["text"]
    for file, item in zip(files, items_read(dataset, files, settings=settings), strict=True):
        query = text.encode([words[file]])[0]
        if dataset.modality == "image":
            fill = (0, 0, 0) if black else None
            yield Item(PictureCells(item), PictureCells(item, fill=fill), query)
        else:
            cells = SoundCells(item, rate=int(settings["sample_rate"]))
            yield Item(cells, cells, query)


def texts_of(bundle: LoadedBundle, dataset: Dataset, *, items: int, seed: int) -> Iterator[Item]:
    """Texts of five captions, one of the asked file's and four of others, asked for by another."""
    said: dict[str, list[str]] = {}
    for file, caption in dataset.captions:
        said.setdefault(file, []).append(caption.strip())
    rng = np.random.default_rng(seed)
    files = [file for file in sorted(said) if len(said[file]) > 1]
    for file in _some(files, items, seed):
        others = rng.choice([one for one in files if one != file], _OTHERS, replace=False)
        lines = [said[file][1], *(said[other][0] for other in others)]
        cells = WordCells("\n".join(lines[at] for at in rng.permutation(len(lines))))
        yield Item(cells, cells, bundle.towers["text"].encode([said[file][0]])[0])


def measured(encoder: Encoder, found: Iterator[Item], *, seed: int) -> dict[str, Any]:
    """Means over all items, and how often each method beats chance and the other."""
    rng = np.random.default_rng(seed)
    tallies = {method: Tally() for method in METHODS}
    chance, whole = [], []
    ways: dict[str, Callable[[Item], SaliencyMap]] = {
        "occlusion": lambda item: occlusion(item.cells, query=item.query, encode=encoder.encode),
        "gradient": lambda item: gradient(item.cells, query=item.query, encoder=encoder),
    }
    for item in found:
        for method in METHODS:
            begun = time.perf_counter()
            made = ways[method](item)
            tallies[method].seconds.append(time.perf_counter() - begun)
            tallies[method].areas.append(_area(item, order_of(made.values), encoder))
        whole.append(made.similarity)
        orders = [rng.permutation(made.values.size) for _ in range(_RANDOM_ORDERS)]
        chance.append(float(np.mean([_area(item, order, encoder) for order in orders])))
    areas = {method: np.array(tally.areas) for method, tally in tallies.items()}
    return {
        "items": len(whole),
        "similarity": float(np.mean(whole)),
        "area_random": float(np.mean(chance)),
        **{f"area_{method}": float(found.mean()) for method, found in areas.items()},
        **{
            f"{method}_beats_random": float((found < np.array(chance)).mean())
            for method, found in areas.items()
        },
        "occlusion_beats_gradient": float((areas["occlusion"] < areas["gradient"]).mean()),
        **{f"{m}_seconds": float(np.median(tally.seconds)) for m, tally in tallies.items()},
    }


def _area(item: Item, order: Any, encoder: Encoder) -> float:
    return deletion_area(item.tested, order, query=item.query, encode=encoder.encode)


def _some(files: list[str], items: int, seed: int) -> list[str]:
    order = np.random.default_rng(seed).permutation(len(files))
    return [files[at] for at in order[:items]]


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--where", default="", help="column=value")
    parser.add_argument("--bundle", type=Path, default=BUILTIN)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", action="store_true", help="explain texts made of the captions")
    parser.add_argument("--black", action="store_true", help="test with black, not the mean colour")
    given = parser.parse_args()
    where = dict([given.where.split("=", 1)]) if given.where else {}
    bundle = load_bundle(given.bundle)
    dataset = dataset_open(given.dataset, where=where)
    modality = "text" if given.texts else dataset.modality
    wanted = {"items": given.items, "seed": given.seed}
    found = (
        texts_of(bundle, dataset, **wanted)
        if given.texts
        else items_of(bundle, dataset, **wanted, black=given.black)
    )
    answer = measured(bundle.towers[modality], found, seed=given.seed)
    facts = {"dataset": dataset.name, "model": bundle.manifest.ref, "modality": modality}
    sys.stdout.write(json.dumps(facts | answer, indent=1) + "\n")


if __name__ == "__main__":
    main()
