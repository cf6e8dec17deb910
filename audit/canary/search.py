"""Plants controls in every store, searches all of them at once, and says what was found where."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from audit.canary.base import CannotLook, Control, Controls, Hit, Look, Store
from audit.canary.needles import Needles

logger = structlog.get_logger("vitrine.canary")


@dataclass(frozen=True)
class Searched:
    """One store after its search. ``hits`` name tokens by their index among those given."""

    name: str
    permitted: bool
    hits: tuple[Hit, ...] = ()
    controls: int = 0
    missed: tuple[Control, ...] = ()  # controls that were planted and not found
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    places: int = 0
    bytes_read: int = 0
    seconds: float = 0.0

    @property
    def looked(self) -> bool:
        """Whether it was searched, and provably could have found what was there."""
        return not self.missed and not self.failures and bool(self.controls)

    @property
    def leaks(self) -> bool:
        """Whether tokens are where they may not be."""
        return bool(self.hits) and not self.permitted


@dataclass(frozen=True)
class Report:
    """Every store in order; ``absent``: stores that are not there, with the reason."""

    stores: tuple[Searched, ...]
    absent: tuple[tuple[str, str], ...]
    patterns: int

    @property
    def clean(self) -> bool:
        """Whether nothing leaks and everything there was looked at."""
        return all(one.looked and not one.leaks for one in self.stores)


@dataclass
class _Planted:
    store: Store
    controls: Controls = field(default_factory=Controls)
    failures: list[str] = field(default_factory=list)


Progress = Callable[[str], None]


def search(
    tokens: Sequence[str], stores: Sequence[Store], *, progress: Progress = lambda _: None
) -> Report:
    """Looks for ``tokens`` in ``stores``; what was planted is removed again, whatever happens."""
    absent: list[tuple[str, str]] = []
    planted: list[_Planted] = []
    try:
        for store in stores:
            one = _Planted(store)
            planted.append(one)
            try:
                store.plant(one.controls)
            except CannotLook as error:
                absent.append((store.name, str(error)))
                planted.remove(one)
                store.clean()
            except Exception as error:  # noqa: BLE001 - the other stores are searched all the same
                one.failures.append(f"no control could be planted ({_kind(error)})")
        controls = [control.token for one in planted for control in one.controls.planted]
        needles = Needles([*tokens, *dict.fromkeys(controls)])
        numbers = {token: len(tokens) + n for n, token in enumerate(dict.fromkeys(controls))}
        searched = [_searched(one, needles, numbers, len(tokens), progress) for one in planted]
        return Report(tuple(searched), tuple(absent), needles.count)
    finally:
        for one in planted:
            _clean(one.store)


def _searched(
    one: _Planted, needles: Needles, numbers: dict[str, int], given: int, progress: Progress
) -> Searched:
    progress(one.store.name)
    look = Look(needles, given=given)
    look.failures.extend(one.failures)
    began = time.monotonic()
    try:
        one.store.search(look)
    except CannotLook as error:
        look.failed(str(error))
    except Exception as error:  # noqa: BLE001 - the other stores are searched all the same
        look.failed(f"the search broke off ({_kind(error)})")
    seconds = time.monotonic() - began
    ours = [hit for hit in look.hits if hit.token >= given]
    missed = [c for c in one.controls.planted if not _found(c, numbers[c.token], ours)]
    return Searched(
        name=one.store.name,
        permitted=one.store.permitted,
        hits=tuple(sorted((h for h in look.hits if h.token < given), key=_order)),
        controls=len(one.controls.planted),
        missed=tuple(missed),
        failures=tuple(look.failures),
        notes=tuple(look.notes),
        places=look.places,
        bytes_read=look.bytes_read,
        seconds=seconds,
    )


def _order(hit: Hit) -> tuple[str, int, tuple[str, ...]]:
    return hit.where, hit.token, hit.way


def _found(control: Control, number: int, hits: Sequence[Hit]) -> bool:
    return any(
        hit.token == number and control.form in hit.way and control.where in hit.where
        for hit in hits
    )


def _clean(store: Store) -> None:
    try:
        store.clean()
    except Exception as error:  # noqa: BLE001 - the others are cleaned all the same
        logger.warning("control_left", store=store.name, error=_kind(error))


def _kind(error: Exception) -> str:
    """The error's type, without its message, which may hold content."""
    return type(error).__name__
