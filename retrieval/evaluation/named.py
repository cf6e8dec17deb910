"""What the queries and things of a case are called: for whoever looks at single failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.evaluation.cases import label_names, label_words
from retrieval.evaluation.datasets import Dataset


@dataclass(frozen=True)
class Named:
    """Names of one case's n queries and m things, in its order.

    ``asked`` (n,) and ``found`` (m,) are ids: a file, a file's caption (``a.jpg#2``), a label, an
    asset. ``words`` (n,) are what was asked where it was asked in words. ``asked_labels`` (n,) and
    ``found_labels`` (m,) say what something is, where that is known. Empty where there is none.
    """

    asked: Sequence[str]
    found: Sequence[str]
    words: Sequence[str] = ()
    asked_labels: Sequence[str] = ()
    found_labels: Sequence[str] = ()


def caption_named(dataset: Dataset, sentences: Sequence[str]) -> list[Named]:
    """Names for ``cases.caption_cases``; ``sentences`` are its captions as they were asked."""
    counts: dict[str, int] = {}
    captions = []
    for file, _ in dataset.captions:
        counts[file] = counts.get(file, 0) + 1
        captions.append(f"{file}#{counts[file]}")
    files = dataset.files
    return [Named(captions, files, words=list(sentences)), Named(files, captions)]


def label_named(dataset: Dataset) -> list[Named]:
    """Names for ``cases.label_cases``."""
    names, files = label_names(dataset), dataset.files
    said: dict[str, list[str]] = {}
    for file, label in dataset.labels:
        said.setdefault(file, []).append(label)
    of_files = [said[file][0] for file in files]
    return [
        Named(names, files, [label_words(name) for name in names], names, of_files),
        Named(files, names, (), of_files, names),
        Named(files, files, (), of_files, of_files),
    ]
