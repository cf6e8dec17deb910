"""Photos and what is asked for them, for fitting calibrations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.alignment.anchors import label_words, rows_read
from retrieval.alignment.calibration_texts import short_query
from retrieval.alignment.crops import crop_box
from retrieval.alignment.photos import Photo, PhotoSource, photos_list
from retrieval.alignment.things import Things
from retrieval.encoders.base import Encoder, Vectors

OTHERS = 2700  # photos beside those that are asked for, so that a gallery is as large as many are
BANKED = 256  # further ones, with a caption of each
_BATCH = 32
_BANKED_OF_CLASSES = 4  # every so many-th photo with a label goes to the bank
# How people ask for things of a class.
CLASS_QUERIES = ("{}", "a photo of {}", "a {}")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Photos:
    """Photos held out of training (``held``), a crop of each, ``others``, and texts about them.

    ``captions`` are of those held out, ``other_captions`` of others; ``classes`` are queries for
    all photos of a label, ``class_texts`` a text of each label, ``short`` a few words of a caption.
    """

    held: Things
    crops: Vectors
    others: Things
    captions: Things
    other_captions: Things
    class_texts: Things
    classes: Things
    short: Things
    bank: Vectors
    bank_captions: Vectors


def photos_make(
    towers: dict[str, Encoder], recipe: dict[str, Any], data: Path, rng: np.random.Generator
) -> Photos:
    """All of it, embedded; ``recipe`` is the image tower's."""
    sources = [source for source in recipe["source"] if source.get("held_out")]
    said = {source["name"]: _said(source, data) for source in sources}
    held = [photo for source in sources for photo in _photos(source, data, held_out=True)]
    labelled = {source["name"] for source in sources if "labels" in source}
    of_classes = [photo for photo in held if photo.source in labelled]
    to_bank = {photo.path for photo in of_classes[::_BANKED_OF_CLASSES]}
    banked = [photo for photo in held if photo.path in to_bank]
    held = [photo for photo in held if photo.path not in to_bank]
    trained = [p for s in sources if "captions" in s for p in _photos(s, data, held_out=False)]
    drawn = [trained[i] for i in rng.permutation(len(trained))[: OTHERS + BANKED]]
    others, beside = drawn[:OTHERS], drawn[OTHERS:]

    def things(photos: list[Photo], vectors: Vectors) -> Things:
        topics = [_topic(one, said, labelled) for one in photos]
        return Things(vectors, topics, [" ".join(said[p.source][p.path.name]) for p in photos])

    pixels = [_read(photo) for photo in held]
    cut = [_cropped(one, rng) for one in pixels]
    captioned = [photo for photo in held if photo.source not in labelled]
    pairs = [(text, p.path.name) for p in captioned for text in said[p.source][p.path.name]]
    short = [(short_query(text, rng), topic) for text, topic in pairs[::2]]
    names = sorted({_topic(photo, said, labelled) for photo in held if photo.source in labelled})
    asked = [(form.format(_bare(name)), name) for name in names for form in CLASS_QUERIES]
    other_texts = [said[photo.source][photo.path.name][0] for photo in others]
    text, image = towers["text"].encode, towers["image"]
    return Photos(
        held=things(held, _encoded(image, pixels)),
        crops=_encoded(image, cut),
        others=things(others, _encoded(image, [_read(photo) for photo in others])),
        captions=Things(text([t for t, _ in pairs]), [n for _, n in pairs], [t for t, _ in pairs]),
        other_captions=Things.of_texts(other_texts, text(other_texts)),
        class_texts=Things(text(names), names, names),
        classes=Things(text([t for t, _ in asked]), [n for _, n in asked], [t for t, _ in asked]),
        short=Things(
            text([words for (words, _), _ in short]),
            [topic for _, topic in short],
            [words for (words, _), _ in short],
            tuple(key for (_, key), _ in short),
        ),
        bank=_encoded(image, [_read(photo) for photo in (*banked, *beside)]),
        bank_captions=text([said[photo.source][photo.path.name][-1] for photo in beside]),
    )


def _said(source: dict[str, Any], data: Path) -> dict[str, list[str]]:
    """By file, its captions, or one text that names its label."""
    found: dict[str, list[str]] = {}
    for row in rows_read(data / source["name"] / source.get("captions", source.get("labels"))):
        text = row.get("caption") or f"a photo of {label_words(row['label'])}"
        found.setdefault(row["file"], []).append(text)
    return found


def _bare(name: str) -> str:
    return name.removeprefix("a photo of ")


def _topic(photo: Photo, said: Mapping[str, dict[str, list[str]]], labelled: set[str]) -> str:
    if photo.source in labelled:
        return said[photo.source][photo.path.name][0]
    return photo.path.name


def _photos(source: dict[str, Any], data: Path, *, held_out: bool) -> list[Photo]:
    share = PhotoSource(source["name"], 1, source["held_out"])
    return photos_list(data=data, source=share, held_out=held_out)


def _read(photo: Photo) -> Pixels:
    with Image.open(photo.path) as opened:
        return np.asarray(opened.convert("RGB"))


def _cropped(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(side) for side in crop_box((width, height), rng))
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _encoded(tower: Encoder, pixels: list[Pixels]) -> Vectors:
    """In batches, so that not all pictures are prepared at once."""
    rows = [tower.encode(pixels[at : at + _BATCH]) for at in range(0, len(pixels), _BATCH)]
    return np.concatenate(rows)
