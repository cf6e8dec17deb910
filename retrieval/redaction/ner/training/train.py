"""Train the name model: ``python -m retrieval.redaction.ner.training.train --packs DIR --out DIR``.

One process, one core; stops when the time is up or nothing improves. Figures of the held-out
templates and rows are printed as it goes.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from retrieval.redaction import no_torch
from retrieval.redaction.ner import bundle, numerics
from retrieval.redaction.ner.manifest import NamesManifest
from retrieval.redaction.ner.training import measure
from retrieval.redaction.ner.training.corpus import Corpus, Sources
from retrieval.redaction.ner.training.vectors import word_vectors

with no_torch.blocked():
    from thinc.api import Adam, set_dropout_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from spacy.language import Language
    from spacy.tokens import Doc

    from retrieval.redaction.ner.training.sentences import Labelled

VERSION: Final = "1"
NETWORK: Final = {"width": 96, "depth": 4, "rows": [8000, 3000, 4000, 1500]}
_SEED: Final = 20
_BATCH_WORDS: Final = 3_000
_RATE: Final = 0.001
_DROPOUT: Final = 0.15
_SMOOTHING: Final = 0.02
_EVERY: Final = 250
_IGNORED: Final = -1


def manifest() -> NamesManifest:
    """What the pipeline is called; recall by language is measured afterwards."""
    return NamesManifest(name="names", version=VERSION, network=NETWORK, files={}, languages={})


def targets(doc: Doc, item: Labelled, labels: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The label index of each word; words that a span touches take its label."""
    wanted = np.zeros(len(doc), dtype=np.int64)
    starts = doc.to_array("IDX") if len(doc) else np.zeros(0)
    for start, end, label in item.spans:
        low = max(int(np.searchsorted(starts, start, side="right")) - 1, 0)
        high = int(np.searchsorted(starts, end, side="left"))
        wanted[low:high] = _IGNORED if label == "?" else labels.index(label)
    return wanted


def batches(
    nlp: Language, stream: Iterator[Labelled], labels: tuple[str, ...]
) -> Iterator[tuple[list[Doc], npt.NDArray[np.int64]]]:
    """Documents of about ``_BATCH_WORDS`` words together, and the labels of all their words."""
    docs: list[Doc] = []
    wanted: list[npt.NDArray[np.int64]] = []
    for item in stream:
        doc = nlp.make_doc(item.text)
        docs.append(doc)
        wanted.append(targets(doc, item, labels))
        if sum(map(len, docs)) >= _BATCH_WORDS:
            yield docs, np.concatenate(wanted)
            docs, wanted = [], []


def step(model: Any, docs: list[Doc], wanted: npt.NDArray[np.int64]) -> float:
    """One forward and backward pass; the mean loss."""
    scores, backprop = model.begin_update(docs)
    probabilities = np.vstack(scores)  # the layer normalises them in training
    known = wanted != _IGNORED
    goal = np.full(probabilities.shape, _SMOOTHING / probabilities.shape[1], dtype=np.float32)
    goal[np.arange(len(wanted)), np.maximum(wanted, 0)] += 1 - _SMOOTHING
    gradient = (probabilities - goal) * known[:, None] / max(1, known.sum())
    ends = np.cumsum([len(doc) for doc in docs])[:-1]
    backprop(np.split(gradient.astype(np.float32), ends))
    chosen = probabilities[np.arange(len(wanted)), np.maximum(wanted, 0)]
    return float(-(np.log(chosen + 1e-9) * known).sum() / max(1, known.sum()))


def train(
    folder: Path, out: Path, *, minutes: float, captions: Path | None, resume: Path | None
) -> None:
    """Train, print figures, keep the best in ``out``."""
    words, vectors = word_vectors()
    nlp = bundle.blank(NETWORK, words, vectors)
    component = bundle.component(nlp)
    model = component.model
    stream = Corpus(Sources.of(folder, captions), seed=_SEED).stream()
    model.initialize([nlp.make_doc(item.text) for item in islice(stream, 20)])
    if resume:
        bundle.fill(model, resume)
    numerics.use_blas(model)
    held = measure.Held.of(folder)
    optimizer = Adam(_RATE, use_averages=True, grad_clip=1.0, L2=0.0)
    begun = time.monotonic()
    loss, seen = 0.0, 0
    for number, (docs, wanted) in enumerate(batches(nlp, stream, component.labels), 1):
        share = (time.monotonic() - begun) / (minutes * 60)
        optimizer.learn_rate = _RATE * min(1.0, number / 100) * max(0.03, 1 - share)
        set_dropout_rate(model, _DROPOUT)
        loss += step(model, docs, wanted)
        seen += len(wanted)
        model.finish_update(optimizer)
        last = share >= 1
        if number % _EVERY == 0 or last:
            set_dropout_rate(model, 0.0)
            with model.use_params(optimizer.averages):
                figures = measure.figures(nlp, held)
                print(
                    f"{number:6d} {seen / (time.monotonic() - begun):7.0f} w/s "
                    f"loss {loss / _EVERY:.4f} {measure.line(figures)}",
                    flush=True,
                )
                # The last one counts: choosing the best would be choosing by what is held out.
                bundle.save(nlp, out, manifest(), words)
            loss = 0.0
        if last:
            return


def main() -> None:
    """Read arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--captions", type=Path)
    parser.add_argument("--resume", type=Path, help="go on from these weights")
    parser.add_argument("--minutes", type=float, default=20.0)
    arguments = parser.parse_args()
    np.random.seed(_SEED)  # noqa: NPY002 - thinc draws from the global generator
    train(
        arguments.packs,
        arguments.out,
        minutes=arguments.minutes,
        captions=arguments.captions,
        resume=arguments.resume,
    )


if __name__ == "__main__":
    main()
