"""Text anchors.

Sentence embeddings of captions and labels that pictures and sounds are drawn to.
"""

from __future__ import annotations

import csv
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.alignment.photos import Photo

LABEL_PROMPTS = ("a photo of a {}", "{}", "a close up of a {}", "a picture showing a {}")
# Clothing labels are single words that need their domain to mean anything.
LABEL_HINTS = {"clothing-cc0": "{}, a piece of clothing", "flowers-cc-by": "{} flowers"}


@dataclass(frozen=True)
class Anchors:
    """Embedded texts.

    ``vectors`` float32 (n, d) normalised, ``group`` int (n,): what text i describes.

    Texts of one group describe the same thing and are never negatives of each other.
    ``photo_group`` int (photos,): the group of each photo, -1 where nothing is known of it.
    """

    vectors: NDArray[np.float32]
    group: NDArray[np.int64]
    photo_group: NDArray[np.int64]


def packaged_sentence_model(package: str) -> Path:
    """Folder of a sentence-transformers model that an installed Python package carries."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the Python package {package} is not installed")
    return Path(spec.origin).parent / "model"


def texts_embed(texts: list[str], *, package: str) -> NDArray[np.float32]:
    """Embeddings of ``texts``: float32 (n, d), L2-normalised."""
    from retrieval.encoders.torchvision_compat import declare_missing_operators

    declare_missing_operators()
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_sentence_model(package)), device="cpu")
    return np.asarray(
        model.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False),
        dtype=np.float32,
    )


def rows_read(path: Path) -> list[dict[str, str]]:
    """Rows of a tab-separated file with a header line."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def label_words(label: str) -> str:
    """A class name as words: ``water_lilly`` → ``water lilly``, ``Faces_easy`` → ``face``."""
    words = label.replace("_", " ").strip().lower()
    return "face of a person" if words.startswith("faces") else words


def photo_texts(
    recipe: dict[str, Any], data: Path, photos: list[Photo]
) -> tuple[list[str], list[int], list[int]]:
    """Texts, the group of each, and the group of each photo (-1: no text)."""
    texts: list[str] = []
    groups: list[int] = []
    photo_group = [-1] * len(photos)
    numbers: dict[tuple[str, str], int] = {}
    for source in recipe["source"]:
        name = source["name"]
        mine = {photo.path.name: i for i, photo in enumerate(photos) if photo.source == name}
        if "captions" in source:
            for row in rows_read(data / name / source["captions"]):
                if row["file"] in mine:
                    group = numbers.setdefault((name, row["file"]), len(numbers))
                    photo_group[mine[row["file"]]] = group
                    texts.append(row["caption"])
                    groups.append(group)
        if "labels" in source:
            for row in rows_read(data / name / source["labels"]):
                if row["file"] not in mine:
                    continue
                key = (name, label_words(row["label"]))
                if key not in numbers:
                    words = LABEL_HINTS.get(name, "{}").format(key[1])
                    prompts = [prompt.format(words) for prompt in LABEL_PROMPTS]
                    texts.extend(prompts)
                    groups.extend([len(numbers)] * len(prompts))
                photo_group[mine[row["file"]]] = numbers.setdefault(key, len(numbers))
    return texts, groups, photo_group


def photo_anchors(recipe: dict[str, Any], data: Path, photos: list[Photo], cache: Path) -> Anchors:
    """Anchors of a recipe's photos; embeddings are kept in ``cache`` (an .npz file)."""
    texts, groups, photo_group = photo_texts(recipe, data, photos)
    if cache.is_file():
        vectors = np.load(cache)["vectors"]
    else:
        vectors = texts_embed(texts, package=recipe["text_package"])
        np.savez(cache, vectors=vectors)
    if len(vectors) != len(texts):
        raise ValueError(f"{cache.name} holds {len(vectors)} vectors for {len(texts)} texts")
    return Anchors(vectors, np.asarray(groups), np.asarray(photo_group))
