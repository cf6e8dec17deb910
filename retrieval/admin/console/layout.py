"""What pages of the console are made of, as plain data; ``admin/console/*.html`` draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from django.utils import timezone

from retrieval.admin.plots import Chart

_ONE_LINE: Final = 18
Tone = Literal["", "good", "warn", "bad", "info"]


@dataclass(frozen=True)
class Button:
    """A link that looks like one; what changes anything leads to an ``Asking`` page."""

    label: str
    href: str
    kind: Literal["primary", "secondary", "danger"] = "secondary"


@dataclass(frozen=True)
class Tab:
    """One of several pages about the same thing."""

    label: str
    href: str
    here: bool = False


@dataclass(frozen=True)
class Figure:
    """A number with its name, leading to the list behind it; ``tone`` also shows as a word."""

    label: str
    value: str | int
    href: str = ""
    note: str = ""
    tone: Tone = ""

    @property
    def said(self) -> str:
        """The value; thousands apart."""
        return f"{self.value:,}" if isinstance(self.value, int) else self.value


@dataclass(frozen=True)
class Cell:
    """One cell of a table; ``tone`` colours it as a label, ``number`` sets it to the right."""

    value: object
    href: str = ""
    tone: Tone = ""
    number: bool = False

    @property
    def text(self) -> str:
        """The value as a person reads it."""
        return said(self.value)

    @property
    def short(self) -> bool:
        """Whether it stays in one line: a time, an id, a word or two."""
        return isinstance(self.value, datetime | UUID) or len(self.text) <= _ONE_LINE


@dataclass(frozen=True)
class Table:
    """Rows under heads; scrolls within itself where it is wider than the page."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    empty: str = "There is nothing here yet."

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Each head, and whether its column holds numbers."""
        first = self.cells[0] if self.rows else []
        numbers = [cell.number for cell in first] + [False] * len(self.head)
        return list(zip(self.head, numbers, strict=False))

    @property
    def cells(self) -> list[list[Cell]]:
        """Every row as cells."""
        return [[_cell(value) for value in row] for row in self.rows]


@dataclass(frozen=True)
class Card:
    """A titled part of a page. ``template`` with ``context`` is for what the rest cannot say."""

    title: str
    text: str = ""
    figures: Sequence[Figure] = ()
    table: Table | None = None
    charts: Sequence[Chart] = ()
    buttons: Sequence[Button] = ()
    empty: str = ""  # said where figures, table and charts are all absent
    template: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    wide: bool = True


def said(value: object) -> str:
    """A value as a person reads it: times to the minute, thousands apart, lists with commas."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(said(one) for one in value) or "-"
    return str(value)


def _cell(value: object) -> Cell:
    if isinstance(value, Cell):
        return value
    return Cell(value, number=isinstance(value, int | float) and not isinstance(value, bool))
