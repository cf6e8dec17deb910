"""Neutral captions of scenes, things and sounds, from which bridges are learnt."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

Kind = Literal["seen", "heard", "own"]
FILE = Path(__file__).with_name("bridge_texts.toml")
REPEATS = 3  # captions a template gives where it names a place or a companion
MAX_CHARACTERS = 300


@dataclass(frozen=True)
class Caption:
    """One text; ``topic`` says what it is about, the same for all texts of one thing.

    ``kind``: something seen, something heard, or a line of the operator's ``own`` file.
    """

    words: str
    topic: str
    kind: Kind


def default_captions(*, seed: int = 0) -> list[Caption]:
    """The captions of ``bridge_texts.toml``, a few thousand, each once, always the same."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    rng = np.random.default_rng(seed)
    found: dict[str, Caption] = {}
    for line in table["things"]:
        thing, action, sound = (part.strip() for part in line.split("|"))
        for kind in ("seen", "heard"):
            if kind == "heard" and not sound:
                continue
            for template in table["templates"][kind]:
                varied = "{place}" in template or "{companion}" in template
                for _ in range(REPEATS if varied else 1):
                    words = template.format(
                        thing=thing,
                        action=action,
                        sound=sound,
                        place=rng.choice(table["places"]),
                        companion=rng.choice(table["companions"]),
                    )
                    found.setdefault(words, Caption(words, thing, kind))
    return list(found.values())


def own_captions(paths: Iterable[Path]) -> list[Caption]:
    """One caption a line of the operator's own files, UTF-8; blank lines are passed over.

    Every line is its own topic. What is longer than ``MAX_CHARACTERS`` is cut there.
    """
    lines: dict[str, None] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                lines[line.strip()[:MAX_CHARACTERS]] = None
    return [Caption(line, line, "own") for line in lines]
