"""Synthetic sentences: templates with ``[choices|of|words]`` and ``{slots}``, filled and labelled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_CHOICE: Final = re.compile(r"\[([^\[\]]*)\]")
_SLOT: Final = re.compile(r"\{\{|\}\}|\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and its labelled spans: (start, end, label), ordered, not overlapping.

    Label ``?`` marks characters about which nothing is known; they do not count in training.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]


def templates(name: str) -> tuple[str, ...]:
    """The templates of one file, escapes undone."""
    text = (files(__package__) / "templates" / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(
        line.replace("\\n", "\n").replace("\\t", "\t") for line in text.splitlines() if line
    )


def fill(
    template: str, slots: dict[str, Callable[[], tuple[str, str]]], random: Random
) -> Labelled:
    """One sentence made from a template."""
    text = template
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda match: random.choice(match[1].split("|")), text)
    out = ""
    spans: list[tuple[int, int, str]] = []
    done = 0
    for match in _SLOT.finditer(text):
        out += text[done : match.start()]
        done = match.end()
        if match[1] is None:
            out += match[0][0]
            continue
        value, label = slots[match[1]]()
        if label:
            spans.append((len(out), len(out) + len(value), label))
        out += value
    return Labelled(out + text[done:], tuple(spans))
