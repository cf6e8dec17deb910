"""An audio-text space of its own: nothing in it has ever seen a picture or another text tower.

For the proof of the bridge. Sounds are YAMNet's features under a small head; texts go through a
bag of hashed words, word pairs and letter trigrams (as fastText reads them) under another head.
Both are trained from random initialisation, by contrast, on ESC-50's labels, AudioSet's class
names and the captions of AudioCaps and Clotho, which come without their sounds.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.alignment.objectives import contrast
from retrieval.alignment.sound_texts import label_prompts

DIMENSION = 192
BUCKETS = 1 << 15
FEATURES = 1024
TEMPERATURE = 0.07
STEPS = 400
BATCH = 128
PEAK = 2e-3
CLASSES = 160  # of AudioSet's 521, drawn for each step
STEM = 5  # letters of a word that two texts must share to mention the same
_STOP = frozenset({"and", "of", "the", "a", "in", "or", "by", "with"})

Vectors = npt.NDArray[np.float32]


def grams(text: str) -> list[int]:
    """Buckets of a text's words, neighbouring words and letter trigrams; never empty."""
    words = re.findall(r"[a-z]+", text.lower())
    parts = words + [f"{a} {b}" for a, b in pairwise(words)]
    for word in words:
        edged = f"<{word}>"
        parts += [f"#{edged[i : i + 3]}" for i in range(len(edged) - 2)]
    return [zlib.crc32(part.encode()) % BUCKETS for part in parts] or [0]


class TextTower(nn.Module):
    """Bags of buckets to unit vectors (n, DIMENSION)."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.bag = nn.EmbeddingBag(BUCKETS, DIMENSION, mode="mean")
        nn.init.normal_(self.bag.weight, std=0.3)
        self.head = nn.Sequential(
            nn.LayerNorm(DIMENSION),
            nn.Linear(DIMENSION, 2 * DIMENSION),
            nn.GELU(),
            nn.Linear(2 * DIMENSION, DIMENSION),
        )

    def forward(self, bags: Sequence[list[int]]) -> Tensor:
        """Embeddings of texts that ``grams`` has taken apart."""
        lengths = torch.tensor([0, *(len(bag) for bag in bags[:-1])]).cumsum(0)
        vectors = self.bag(torch.tensor([bucket for bag in bags for bucket in bag]), lengths)
        return functional.normalize(vectors + self.head(vectors), dim=1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeddings: float32 (n, DIMENSION), L2-normalised."""
        parts = [grams(text) for text in texts]
        with torch.inference_mode():
            found = [self.eval()(parts[i : i + 512]) for i in range(0, len(parts), 512)]
        return np.asarray(torch.cat(found).numpy())


class SoundTower(nn.Module):
    """Mean features of YAMNet (n, FEATURES) to unit vectors (n, DIMENSION)."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.head = nn.Sequential(
            nn.LayerNorm(FEATURES),
            nn.Dropout(0.3),
            nn.Linear(FEATURES, 512),
            nn.GELU(),
            nn.Dropout(0.3),
            nn.Linear(512, DIMENSION),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings."""
        return functional.normalize(self.head(features), dim=1)

    def encode(self, features: Vectors) -> Vectors:
        """Embeddings: float32 (n, DIMENSION), L2-normalised."""
        with torch.inference_mode():
            return np.asarray(self.eval()(torch.from_numpy(features)).numpy())


@dataclass(frozen=True)
class Sounds:
    """Clips as YAMNet hears them: ``features`` (n, 1024), ``scores`` (n, 521), ``labels`` (n,)."""

    features: Vectors
    scores: Vectors
    labels: list[str]


def twins_read(path: Path) -> list[list[str]]:
    """Captions of one sound together, as Clotho's tables give them."""
    found: dict[str, list[str]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["fname"], []).append(row["raw_text"])
    return [texts for texts in found.values() if len(texts) > 1]


def mentions(names: Sequence[str], captions: Sequence[str]) -> list[list[int]]:
    """For each name the captions that hold all its words, by their first letters."""
    stems = [{word[:STEM] for word in re.findall(r"[a-z]+", text.lower())} for text in captions]
    wanted = [{w[:STEM] for w in re.findall(r"[a-z]+", n.lower())} - _STOP for n in names]
    return [[i for i, have in enumerate(stems) if want <= have] for want in wanted]


@dataclass(frozen=True)
class _Texts:
    """Bags of every text; which of them speak of each label and each class; twins."""

    bags: list[list[int]]
    of_label: list[npt.NDArray[np.int64]]
    of_class: list[npt.NDArray[np.int64]]
    class_names: list[int]
    twins: list[list[int]]


def _texts(
    labels: Sequence[str], classes: Sequence[str], captions: list[str], twins: list[list[str]]
) -> _Texts:
    texts: list[str] = []

    def added(more: Sequence[str]) -> list[int]:
        texts.extend(more)
        return list(range(len(texts) - len(more), len(texts)))

    said = added(captions)
    of_label = []
    for label, found in zip(labels, mentions(labels, captions), strict=True):
        prompts = added(label_prompts(label))
        # As many prompts as captions are drawn, however few captions there are.
        drawn = prompts * max(1, len(found) // len(prompts)) + [said[i] for i in found]
        of_label.append(np.array(drawn))
    names = added(classes)
    of_class = [
        np.array([name, *(said[i] for i in found)])
        for name, found in zip(names, mentions(classes, captions), strict=True)
    ]
    pairs = [added(group) for group in twins]
    return _Texts([grams(text) for text in texts], of_label, of_class, names, pairs)


def space_train(
    sounds: Sounds,
    *,
    classes: Sequence[str],
    captions: list[str],
    twins: list[list[str]],
    steps: int = STEPS,
    seed: int = 0,
) -> tuple[SoundTower, TextTower]:
    """Both towers, trained; deterministic for a seed on one machine."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    labels = sorted(set(sounds.labels))
    texts = _texts(labels, classes, captions, twins)
    number = torch.tensor([labels.index(label) for label in sounds.labels])
    features, scores = torch.from_numpy(sounds.features), torch.from_numpy(sounds.scores)
    heard, said = SoundTower(), TextTower()
    both = nn.ModuleList([heard, said])
    optimiser = torch.optim.AdamW(both.parameters(), lr=PEAK, weight_decay=0.02)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = PEAK * min(1.0, step / 100) * (1 - step / steps)
        rows = torch.from_numpy(rng.integers(len(features), size=BATCH))
        mixed = _mixed(features[rows], scores[rows], rng)
        loss = _loss(heard.train(), said.train(), texts, number[rows], mixed, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        optimiser.step()
    return heard.eval(), said.eval()


def _mixed(
    features: Tensor, scores: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The features with a little of another clip's, both clips' scores, and noise."""
    share = torch.from_numpy(rng.uniform(0.0, 0.3, size=(len(features), 1)).astype(np.float32))
    other = torch.from_numpy(rng.permutation(len(features)))
    noise = torch.from_numpy(rng.normal(0, 0.05, size=features.shape).astype(np.float32))
    both = (1 - share) * features + share * features[other] + noise * features.std()
    return both, (1 - share) * scores + share * scores[other], share


def _loss(
    heard: SoundTower,
    said: TextTower,
    texts: _Texts,
    number: Tensor,
    mixed: tuple[Tensor, Tensor, Tensor],
    rng: np.random.Generator,
) -> Tensor:
    """Sounds to texts of their label, to class names as YAMNet scores them; texts to texts."""
    vectors = heard(mixed[0])
    drawn = [int(rng.choice(rows)) for rows in texts.of_label for _ in range(2)]
    own = torch.arange(len(texts.of_label)).repeat_interleave(2)
    some = rng.permutation(len(texts.class_names))[:CLASSES]
    names = [texts.bags[texts.class_names[i]] for i in some]
    pairs = [rng.choice(texts.twins[i], 2, replace=False) for i in _some(texts.twins, rng)]
    spoken = [int(rng.choice(texts.of_class[i])) for i in some]
    lists = [drawn, [int(a) for a, _ in pairs], [int(b) for _, b in pairs], spoken]
    encoded = said([*names, *(texts.bags[i] for rows in lists for i in rows)])
    parts = torch.split(encoded, [len(names), *(len(rows) for rows in lists)])
    named, labelled, first, second, mentioned = parts
    wanted = mixed[1][:, torch.from_numpy(some)].square()
    wanted = wanted / wanted.sum(1, keepdim=True).clamp_min(1e-6)
    by_class = -(wanted * functional.log_softmax(vectors @ named.T / TEMPERATURE, dim=1)).sum(1)
    alone, every = torch.arange(len(first)), torch.arange(len(named))
    return (
        contrast(vectors, number, labelled, own, temperature=TEMPERATURE)
        + 0.5 * by_class.mean()
        + 0.5 * contrast(first, alone, second, alone, temperature=TEMPERATURE)
        + 0.5 * contrast(mentioned, every, named, every, temperature=TEMPERATURE)
    )


def _some(groups: list[list[int]], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return np.asarray(rng.integers(len(groups), size=BATCH))
