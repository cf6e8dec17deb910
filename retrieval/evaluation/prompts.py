"""Adversarial and ambiguous prompts, made of a dataset's own captions or labels by rules. Seeded.

Each rule says what it asks for and what should happen:

- ``typo``: two neighbouring letters of the longest word change places; the answer stays the same;
- ``word_order``: the words are shuffled; the caption as it was should fit better (as in ARO:
  Yuksekgonul et al. 2023, "When and why vision-language models behave like bags-of-words");
- ``colours``: two colour words change places; likewise;
- ``count``: a number word becomes another; likewise;
- ``negation``: what is shown is denied; likewise, and the denied thing should leave the first hits;
- ``two_topics``: two prompts joined by "and" are ambiguous: both their answers should be found.

The rules know English. A prompt that a rule cannot change is left out of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MOST = 200  # prompts a rule
SEED = 31
SAME, TELLS_APART, BOTH = "same", "tells_apart", "both"
_LONG = 5  # letters of a word that is still readable with two of them exchanged
_FEW_WORDS = 4
_COLOURS = ("red", "blue", "green", "yellow", "black", "white", "brown", "orange", "pink", "grey")
_NUMBERS = ("two", "three", "four", "five", "six")
_DENIED = ((" is ", " is not "), (" are ", " are not "), (" with ", " without "))
_COLOUR = re.compile(rf"\b({'|'.join((*_COLOURS, 'gray', 'purple'))})\b")
_NUMBER = re.compile(rf"\b({'|'.join(_NUMBERS)})\b")


@dataclass(frozen=True)
class Prompt:
    """``text`` made of query ``row`` (and ``second``, for two topics)."""

    row: int
    text: str
    second: int | None = None


@dataclass(frozen=True)
class Rule:
    """A rule by name, what it expects, and the prompts it made."""

    name: str
    expects: str  # SAME, TELLS_APART or BOTH
    prompts: tuple[Prompt, ...]


_Change = Callable[[str, np.random.Generator], str | None]


def rules_made(words: Sequence[str], *, most: int = MOST, seed: int = SEED) -> list[Rule]:
    """Every rule that changes any of ``words``, with at most ``most`` prompts drawn with a seed.

    A label (one or two words) is not shuffled, has no colours to exchange and is denied by "no".
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(words))
    single: tuple[tuple[str, str, _Change], ...] = (
        ("typo", SAME, _typo),
        ("word_order", TELLS_APART, _shuffled),
        ("colours", TELLS_APART, _colours),
        ("count", TELLS_APART, _count),
        ("negation", TELLS_APART, _denied),
    )
    made = []
    for name, expects, change in single:
        prompts: list[Prompt] = []
        for row in order.tolist():
            if len(prompts) == most:
                break
            text = change(words[row], rng)
            if text is not None and text != words[row]:
                prompts.append(Prompt(row, text))
        made.append(Rule(name, expects, tuple(prompts)))
    pairs = order[: 2 * min(most, len(order) // 2)].reshape(-1, 2).tolist()
    joined = tuple(
        Prompt(first, f"{_stripped(words[first])} and {_stripped(words[second])}", second)
        for first, second in pairs
    )
    return [rule for rule in (*made, Rule("two_topics", BOTH, joined)) if rule.prompts]


def _stripped(text: str) -> str:
    return text.strip().rstrip(" .")


def _typo(text: str, rng: np.random.Generator) -> str | None:
    """The longest word with two different neighbours in its inside exchanged."""
    found = max(re.finditer(r"[A-Za-z]+", text), key=lambda one: len(one.group()), default=None)
    if found is None or len(found.group()) < _LONG:
        return None
    word = found.group()
    places = [i for i in range(1, len(word) - 2) if word[i] != word[i + 1]]
    if not places:
        return None
    at = int(rng.choice(places))
    changed = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return text[: found.start()] + changed + text[found.end() :]


def _shuffled(text: str, rng: np.random.Generator) -> str | None:
    core = _stripped(text)
    words = core.split()
    if len(words) < _FEW_WORDS:
        return None
    # The full stop stays where it is, so that nothing but the order differs.
    shuffled = " ".join(words[i] for i in rng.permutation(len(words)))
    return shuffled + text.strip()[len(core) :]


def _colours(text: str, _: np.random.Generator) -> str | None:
    """The first two different colours exchanged."""
    found = list(_COLOUR.finditer(text))
    first = next(iter(found), None)
    other = next((one for one in found if first and one.group() != first.group()), None)
    if first is None or other is None:
        return None
    between = text[first.end() : other.start()]
    return text[: first.start()] + other.group() + between + first.group() + text[other.end() :]


def _count(text: str, rng: np.random.Generator) -> str | None:
    found = _NUMBER.search(text)
    if found is None:
        return None
    others = [number for number in _NUMBERS if number != found.group()]
    return text[: found.start()] + str(rng.choice(others)) + text[found.end() :]


def _denied(text: str, _: np.random.Generator) -> str | None:
    for said, denied in _DENIED:
        if said in text:
            return text.replace(said, denied, 1)
    return f"no {text}" if len(text.split()) < _FEW_WORDS else None
