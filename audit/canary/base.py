"""A store that can be searched, what is planted in it beforehand, and what was found in it."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from audit.canary.needles import Needles
from audit.canary.scanner import Inner, Tally, gathered, scan, together

_ALPHABET = string.ascii_lowercase + string.digits
_CONTROL_CHARS = 24


class CannotLook(Exception):
    """A store, or a part of it, cannot be searched; the message says why, without content."""


@dataclass(frozen=True)
class Hit:
    """One token in one place. ``where``: file or table.column; ``way``: how it is written there."""

    token: int
    where: str
    way: tuple[str, ...]


@dataclass(frozen=True)
class Control:
    """A planted token that the search must find in this store: in this form, at this place."""

    token: str
    form: str
    where: str = ""


@dataclass
class Controls:
    """The controls of one store, as it plants them."""

    planted: list[Control] = field(default_factory=list)

    def new(self, form: str, *, where: str = "") -> str:
        """A random token, to be planted so that ``form`` is part of the way it is found.

        ``where`` is part of the place it is found at.
        """
        token = "control" + "".join(secrets.choice(_ALPHABET) for _ in range(_CONTROL_CHARS))
        self.planted.append(Control(token, form, where))
        return token

    def also(self, token: str, form: str, *, where: str) -> None:
        """The same token has to be found at another place too."""
        self.planted.append(Control(token, form, where))


@dataclass(frozen=True)
class Seen:
    """What one place held: any pattern, and any that is no control."""

    anything: bool
    tokens: bool


class Look:
    """What a store tells of its search. The first ``given`` needles are no controls."""

    def __init__(self, needles: Needles, *, given: int) -> None:
        self.needles, self.given = needles, given
        self.hits: set[Hit] = set()
        self.failures: list[str] = []
        self.notes: list[str] = []
        self.places = 0
        self.bytes_read = 0

    def through(
        self,
        where: str,
        pieces: Iterable[bytes | memoryview],
        *,
        inner: Inner | None = None,
        rest: Callable[[], Iterable[tuple[str, bytes]]] | None = None,
    ) -> Seen:
        """Searches ``pieces``, which follow each other at ``where``.

        ``inner`` and ``rest`` name more content that lies in them, as ``StreamScanner`` has it:
        of one window, and of all once they have been read.
        """
        tally = Tally()
        scan(self.needles, tally, gathered(pieces), inner=inner)
        for form, content in together(rest()) if rest is not None else ():
            scan(self.needles, tally, [content], way=(form,))
        self.places += 1
        self.bytes_read += tally.bytes_read
        self.hits.update(Hit(found.token, where, found.way) for found in tally.found)
        if tally.cut_short:
            self.failures.append(f"{where}: not unpacked to the end")
        return Seen(bool(tally.found), any(one.token < self.given for one in tally.found))

    def failed(self, why: str) -> None:
        """A part could not be searched: the search is not complete."""
        self.failures.append(why)

    def note(self, what: str) -> None:
        """Something that is out of this search's reach and said so."""
        self.notes.append(what)


class Store(Protocol):
    """One place where the appliance writes. ``permitted``: tokens may be there, and are counted."""

    name: str
    permitted: bool

    def plant(self, controls: Controls) -> None:
        """Puts controls in. Raises CannotLook where the store is not there to be searched."""

    def search(self, look: Look) -> None:
        """Puts everything the store holds before ``look``."""

    def clean(self) -> None:
        """Removes what ``plant`` put in, also after a failure; harmless if there is nothing."""
